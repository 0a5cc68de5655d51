"""Attempts: a run is made in a folder of its own below `.attempts`, and becomes the run whole, by one rename.

The first whole attempt is the run; no later one ever takes its place, whichever host it comes from and whenever.  Nothing but
a whole run ever stands where a run belongs: no half folder, no link.

An attempt is called `<run id>.<time in ns>.<realm>.<random>`: by its name it is known whose it is, and by `realm` (hold.py)
whether its writer could still be alive while the run's lock is held here.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from seedwise.errors import EngineError
from seedwise.regular import read_regular, remove
from seedwise.runtimes.base import LENT
from seedwise.runtimes.host import realm

FOLDER = ".attempts"
_COPIES = 3
_TRIES = 5
_CLEARING_SECONDS = 600.0  # after which whoever was to clear a folder is reckoned to be gone
_LEFT_SECONDS = 24 * 3600.0  # after which what another host left of a finished run is swept
_ENDS = ("result.json", "failure.json")


def attempts_of(root: Path, identity: str) -> list[Path]:
    """The attempts at a run that are there, the earliest first; those lent to a warm backend where they lie now."""
    return everywhere(root, [identity])


def everywhere(root: Path, identities: Collection[str] | None = None) -> list[Path]:
    """All attempts in the store at `root`, or those at `identities`, the earliest first."""
    found = []
    for entry in _entries(root / FOLDER):
        if entry.name.startswith(LENT):
            found += [Path(inner) for inner in _entries(entry) if _is_attempt(inner, identities)]
        elif _is_attempt(entry, identities):
            found.append(Path(entry))
    return sorted(found, key=lambda path: path.name.split(".")[1])


def _entries(folder: Path | os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        yield from entries


def _is_attempt(entry: os.DirEntry[str], identities: Collection[str] | None) -> bool:
    """By its name first: there may be thousands of others."""
    parts = entry.name.split(".")
    if identities is not None and parts[0] not in identities:
        return False
    return len(parts) == 4 and parts[1].isdigit() and entry.is_dir(follow_symlinks=False)


def begin(root: Path, identity: str) -> Path:
    """A new attempt's folder, with the resumable state of the newest earlier attempt that left one.

    The caller holds the run (hold.py): an attempt of this realm has no living writer, and is gone on with, its files and all.
    Of another one, whose writer may live on a host that was cut off, the state is copied.
    """
    here = realm()
    attempt = root / FOLDER / f"{identity}.{time.time_ns()}.{here}.{uuid.uuid4().hex[:8]}"
    attempt.parent.mkdir(parents=True, exist_ok=True)
    clear(root, identity)
    earlier = attempts_of(root, identity)
    with_state = sorted(filter(_has_state, earlier), key=lambda path: (path / "state").lstat().st_mtime_ns)
    for left in reversed(with_state):
        if _realm_of(left) in (here, ""):
            try:
                left.rename(attempt)
            except FileNotFoundError:  # an older version's, which another host took first
                continue
            for name in _ENDS:
                remove(attempt / name)
            break
        if _copy(left, attempt):
            break
    else:
        attempt.mkdir()
    for left in earlier:
        if _realm_of(left) in (here, ""):
            shutil.rmtree(left, ignore_errors=True)
    return attempt


def publish(root: Path, identity: str, attempt: Path) -> bool:
    """Make a whole attempt the run.  False where another one was first: that is the run, and this one goes.

    Everything is on the disk before the rename, so that a power failure leaves a whole run or none.
    """
    place = root / identity
    _sync(attempt)
    for _ in range(_TRIES):
        try:
            attempt.rename(place)  # refused by the system where a folder with content stands
        except OSError:
            if is_whole(place):
                shutil.rmtree(attempt, ignore_errors=True)
                return False
            if not attempt.is_dir():
                raise EngineError(f"{attempt}: the attempt's folder is gone") from None
            clear(root, identity)
            time.sleep(0.05)
            continue
        _sync_folder(root)
        sweep(root, identity)
        return True
    raise EngineError(f"{place}: something that is no run stands here; move it away to run this again")


def is_whole(place: Path) -> bool:
    """Whether a finished run stands there, by the same rule as `Store.result`; what cannot be read is not replaced either."""
    try:
        return bool(json.loads(read_regular(place, "result.json")).get("status") != "failed")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError, AttributeError):
        return True


def clear(root: Path, identity: str) -> None:
    """Make an attempt of what an older version left half done in the run's place.

    Only one process ever does it: while that folder stands nobody can publish, so that what is moved is not somebody's run.
    """
    place = root / identity
    lent = [path for path in (root / ".warm").glob(f"*/{identity}") if path.is_dir() and not path.is_symlink()]
    if not (os.path.lexists(place) or lent) or is_whole(place):
        return
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for number in range(_TRIES):
        turn = root / FOLDER / f".clear-{identity}.{number}"
        try:
            os.close(os.open(turn, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            with suppress(FileNotFoundError):
                if time.time() - turn.stat().st_mtime < _CLEARING_SECONDS:
                    return
            continue
        if is_whole(place):
            return
        if place.is_symlink() or not place.is_dir():
            place.unlink(missing_ok=True)  # a link to what was lent
        else:
            lent.append(place)
        for left in lent:  # the realm is empty: they are nobody's any more
            left.rename(root / FOLDER / f"{identity}.{left.stat().st_mtime_ns}..{uuid.uuid4().hex[:8]}")
        return


def sweep(root: Path, identity: str) -> None:
    """Remove what is left of attempts at a finished run; another host's only when it is so old that nobody is at it."""
    here = realm()
    for left in attempts_of(root, identity):
        with suppress(OSError):
            if _realm_of(left) in (here, "") or time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _realm_of(attempt: Path) -> str:
    return attempt.name.split(".")[2]


def _has_state(attempt: Path) -> bool:
    state = attempt / "state"
    return state.is_dir() and not state.is_symlink()


def _copy(left: Path, attempt: Path) -> bool:
    """The files of an attempt whose writer may be at it; False where no copy came out that was the same before and after."""
    for _ in range(_COPIES):
        before = _files_in(left / "state")
        try:
            shutil.copytree(left, attempt, symlinks=True, ignore=lambda _, names: [n for n in _ENDS if n in names])
        except (OSError, shutil.Error):
            shutil.rmtree(attempt, ignore_errors=True)
            continue
        if before and before == _files_in(left / "state"):
            return True
        shutil.rmtree(attempt, ignore_errors=True)
    return False


def _files_in(folder: Path) -> list[tuple[str, int, int]]:
    found = []
    with suppress(OSError):
        for path in sorted(folder.rglob("*")):
            known = path.lstat()
            found.append((str(path), known.st_size, known.st_mtime_ns))
    return found


def _sync(folder: Path) -> None:
    for place, _, names in os.walk(folder, followlinks=False):
        for name in names:
            path = Path(place, name)
            if stat.S_ISREG(path.lstat().st_mode):
                handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        _sync_folder(Path(place))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not every file system flushes folders
            os.fsync(handle)
    finally:
        os.close(handle)
