"""Folders for a while, that end with whoever made them: a killed process leaves its own behind, and the next one sweeps them.

Beside each folder lies a file of its name and `.held`, which its maker has locked; the system lets go of the lock however
the maker ends.  Whoever gets the lock may remove both.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "seedwise-"
STAGING = ".staging"  # beside what is made whole in there, and renamed; its modes are those of the user's umask
_HELD = ".held"
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class HeldFolder:
    """A new folder below `parent` (the system's place for temporary files where that is None)."""

    def __init__(self, parent: Path | None = None, mode: int = 0o700) -> None:
        place = Path(tempfile.gettempdir()) if parent is None else parent
        place.mkdir(parents=True, exist_ok=True)
        while True:
            self.path = place / f"{PREFIX}{uuid.uuid4().hex[:16]}"
            self._mark = place / f"{self.path.name}{_HELD}"
            self._lock = os.open(self._mark, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(self._lock), self._mark.stat()):
                    break
            except OSError:  # somebody swept it before it was locked
                pass
            os.close(self._lock)
        try:
            self.path.mkdir(mode=mode)
        except BaseException:
            self._let_go()
            raise

    def remove(self) -> None:
        """With all that is in it.  Harmless when it was removed."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._let_go()

    def _let_go(self) -> None:
        if self._lock >= 0:
            with suppress(OSError):
                self._mark.unlink()
            os.close(self._lock)
            self._lock = -1


@contextmanager
def staging_beside(target: Path) -> Iterator[Path]:
    """A folder to make what is to become `target`, for a rename at the end; what killed processes left there is swept."""
    place = target.parent / STAGING
    sweep(place)
    held = HeldFolder(place, mode=0o777)
    try:
        yield held.path
    finally:
        held.remove()


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder of its own, for the time of the block."""
    held = HeldFolder(parent)
    try:
        yield held.path
    finally:
        held.remove()


def sweep(parent: Path | None = None) -> list[Path]:
    """Remove the folders below `parent` whose makers have ended; which."""
    place = Path(tempfile.gettempdir()) if parent is None else parent
    swept = []
    for mark in sorted(place.glob(f"{PREFIX}*{_HELD}")):
        with suppress(OSError):
            if mark.lstat().st_uid != os.getuid():
                continue
            lock = os.open(mark, _FLAGS)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                folder = mark.with_name(mark.name.removesuffix(_HELD))
                shutil.rmtree(folder, ignore_errors=True)
                mark.unlink()
                swept.append(folder)
            finally:
                os.close(lock)
    return swept
