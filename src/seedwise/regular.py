"""Files that somebody else wrote: a run, a backend, a store from elsewhere.  They are read only where they are what they look like.

A name is relative and leads below its folder; nothing on the way is a link; what is there is a regular file, and no larger
than its reader can bear.  The folder itself is the caller's own, and may be reached by links.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from seedwise_contract.paths import below

RECORD_BYTES = 64 << 20  # of a JSON file that is held in memory
FILE_BYTES = 64 << 30
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not waiting for whoever might write into a FIFO


class Irregular(OSError):
    """There is something of that name, but no file that may be read; the message names it and says what it is."""


def open_regular(folder: Path, name: str, most: int = FILE_BYTES) -> BinaryIO:
    """The file `name` below `folder`, opened for reading; `Irregular` says what else is there, `FileNotFoundError` nothing."""
    place = folder / name
    try:
        *inner, last = below(name).split("/")
    except ValueError as error:
        raise Irregular(f"{folder}: a file called {name[:200]!r}: {error}") from None
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in inner:
            deeper = _open(part, _FOLDER, at, place)
            os.close(at)
            at = deeper
        handle = _open(last, _FILE, at, place)
    finally:
        os.close(at)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise Irregular(f"{place}: is no regular file, and is not read")
    if found.st_size > most:
        os.close(handle)
        raise Irregular(f"{place}: has {found.st_size >> 20} MiB; at most {most >> 20} are read")
    return os.fdopen(handle, "rb")


def _open(name: str, flags: int, at: int, place: Path) -> int:
    try:
        return os.open(name, flags, dir_fd=at)
    except FileNotFoundError:
        raise FileNotFoundError(2, "No such file", str(place)) from None
    except OSError as error:
        try:
            link = stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode)
        except OSError:
            link = False
        what = "a link is on the way, and links are not followed" if link else f"cannot be read: {error.strerror}"
        raise Irregular(f"{place}: {what}") from None


def read_regular(folder: Path, name: str, most: int = RECORD_BYTES) -> bytes:
    """Its bytes; as `open_regular`, and `Irregular` where it has grown past `most` meanwhile."""
    with open_regular(folder, name, most) as handle:
        data = handle.read(most + 1)
    if len(data) > most:
        raise Irregular(f"{folder / name}: has more than {most >> 20} MiB")
    return data


def copy_regular(folder: Path, name: str, target: Path, most: int = FILE_BYTES) -> str:
    """Copy it to the new file `target`; the sha256 of what was copied."""
    digest = hashlib.sha256()
    with open_regular(folder, name, most) as source, open(target, "xb") as copy:
        while block := source.read(1 << 20):
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()


def sha256_regular(folder: Path, name: str) -> str:
    """Of its contents; as `open_regular`."""
    digest = hashlib.sha256()
    with open_regular(folder, name) as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def regular_files(folder: Path) -> list[str]:
    """Names of all regular files below `folder`; links and whatever else is there are left out, and not gone through."""
    found = []
    for place, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            if stat.S_ISREG(path.lstat().st_mode):
                found.append(path.relative_to(folder).as_posix())
    return found


def set_modes(folder: Path, folders: int, files: int, *, linked: bool = False) -> None:
    """Modes of `folder` and of the folders and regular files below it; what a link leads to, and, without `linked`, what has
    another name elsewhere, is left as it is."""
    for place, _, names in os.walk(folder, followlinks=False):
        Path(place).chmod(folders)
        for name in names:
            _set_mode(Path(place, name), files, linked)


def _set_mode(path: Path, mode: int, linked: bool) -> None:
    """By an open file, so that nobody can put a link in its place between look and change."""
    try:
        handle = os.open(path, _FILE)
    except OSError:  # a link, a socket, or gone
        return
    try:
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and (linked or found.st_nlink == 1):  # another name of it may be anybody's
            os.fchmod(handle, mode)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """A folder with all that is in it, or a file; a link itself, never what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
