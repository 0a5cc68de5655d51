"""An image as a file, as `docker save` and `podman save` write it: checked by what it holds, without an engine."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from seedwise.errors import ImageError
from seedwise.images.lock import content_digest

_MOST_BYTES = 4 << 20  # of its JSON files
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Archived:
    """`digest` is the content digest, as the engine that wrote it gives it; `words` the image's entry point and arguments."""

    digest: str
    words: tuple[str, ...]


def read_archive(path: Path) -> Archived:
    """The one image in the archive at `path`, every layer of it hashed; `ImageError` where it is none, or not what it says."""
    try:
        with tarfile.open(path) as archive:
            (image,) = json.loads(_read(archive, "manifest.json"))
            said = json.loads(_read(archive, image["Config"]))
            found = [_sha256(archive, name) for name in image["Layers"]]
            layers, config = said["rootfs"]["diff_ids"], said["config"]
            words = tuple(map(str, [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]))
    except (OSError, tarfile.TarError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ImageError(f"{path}: no archive of one image ('docker save -o FILE IMAGE' makes one): {error}") from None
    if found != layers:
        raise ImageError(f"{path}: its layers are not those that it names; save it again")
    attributes: dict[str, Any] = {"Config": config, "RootFS": {"Layers": layers}}
    return Archived(content_digest(attributes), words)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """Engines link layers that are the same."""
    handle = archive.extractfile(archive.getmember(name))
    if handle is None:
        raise ValueError(f"{name} is no file")
    return handle


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    content = _member(archive, name).read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{name} is too large")
    return content


def _sha256(archive: tarfile.TarFile, name: str) -> str:
    digest = hashlib.sha256()
    with _member(archive, name) as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"
