"""A run's folder, lent to a warm container: moved below the one folder that the container may write, and back.

A container's mounts are fixed when it is created, and a warm one outlives its runs.  It is given a folder of its own below
`.warm` beside the run folders, and each run's folder is moved there for its time; a symbolic link stands in its place,
so that its events can be read meanwhile.  A harness that is killed in between leaves the folder there whole, and whoever
holds the run's lock next takes it back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FOLDER = ".warm"


def lend(folder: Path, place: Path) -> None:
    """Move `folder` below `place`, a folder in `.warm` beside it."""
    folder.rename(place / folder.name)
    folder.symlink_to(Path(os.path.relpath(place, folder.parent)) / folder.name)


def take_back(folder: Path) -> None:
    """Move `folder` back to where it belongs; nothing is done where it is there, or nowhere.

    What a run has put in its folder's place, a link for instance, is not the folder, and is left alone.
    """
    if folder.is_symlink():
        folder.unlink()
    if folder.exists():
        return
    for lent in _lent(folder):
        if lent.is_dir() and not lent.is_symlink():
            lent.rename(folder)
            return


def recover(folder: Path) -> None:
    """Take back what a killed harness had lent; the caller holds the run's lock."""
    if folder.is_dir() and not folder.is_symlink():
        return
    places = [lent.parent for lent in _lent(folder)]
    take_back(folder)
    for place in places:
        with suppress(OSError):  # other runs' folders may be there too
            place.rmdir()


def _lent(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for place in sorted((folder.parent / FOLDER).iterdir()):
            lent = place / folder.name
            if os.path.lexists(lent):
                yield lent
