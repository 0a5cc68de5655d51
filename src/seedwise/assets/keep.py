"""A new asset is put in place: its files into the cache by their content, its manifest into the project; whole, or not at all."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from seedwise.assets.fetch import asset_folder
from seedwise.assets.manifest import Manifest
from seedwise.errors import AssetError, InputError
from seedwise.project import Project
from seedwise.temporary import staging_beside
from seedwise_contract.files import sha256_file, write_whole


def keep(manifest: Manifest, files: Mapping[str, Path], project: Project, comment: str, replace: bool) -> Path:
    """Copy `files` (name in the asset → where it is now) and write the manifest; the manifest's path.

    `InputError` where the project has another manifest of that name and `replace` is not given.  A disk that is full is an
    `AssetError`, and leaves nothing half-made.
    """
    path = project.manifests / f"{manifest.name}.yaml"
    text = as_yaml(manifest, comment)
    if path.is_file() and path.read_text(encoding="utf-8") != text and not replace:
        raise InputError(
            f"{path}: is there already, and says something else; --replace writes it anew (runs made with the old one keep their "
            "ids and are not shown with new ones), or give the asset another name with --name"
        )
    try:
        _copy(manifest, files, project)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise AssetError(f"{manifest.name}: cannot be kept: {error.strerror or error}; nothing was changed") from None
    return path


def _copy(manifest: Manifest, files: Mapping[str, Path], project: Project) -> None:
    folder = asset_folder(manifest, project)
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if folder.is_dir():
            return
        with staging_beside(folder) as staging:
            for name, source in files.items():
                shutil.copyfile(source, staging / name)
                if sha256_file(staging / name) != manifest.files[name]:
                    raise AssetError(f"{source}: was changed while it was read; call again when nobody writes it")
            staging.rename(folder)


class _Representer(RoundTripRepresenter):
    """Writes nothing as `null`, so that it can be seen."""

    def represent_none(self, data: None) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_none)


def as_yaml(manifest: Manifest, comment: str) -> str:
    yaml = YAML()
    yaml.width = 120
    yaml.default_flow_style = False
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.Representer = _Representer
    stream = io.StringIO()
    yaml.dump(_plain(manifest.model_dump(mode="json", exclude_none=False)), stream)
    return "".join(f"# {line}\n" for line in comment.splitlines()) + stream.getvalue()


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Parts that the asset has none of are left out."""
    return {name: part for name, part in value.items() if part is not None}
