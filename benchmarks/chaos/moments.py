"""Aimed moments: the n-th time that a process is about to change a file, by Python's audit events."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"})
_OTHERS = frozenset({"os.chmod", "fcntl.flock", "sqlite3.connect", "subprocess.Popen"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
Hook = Callable[[str, tuple[Any, ...]], None]


def at_change(number: int, act: Callable[[], None]) -> Callable[[], None]:
    """To be called in the process: `act` before its `number`-th change of a file, process or lock, from 1."""
    left = number

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            act()

    return lambda: _listen(hook)


def no_space_from(number: int) -> Callable[[], None]:
    """The same: from there on there is no space left for any new file or folder."""
    left = number

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        left -= 1
        if left <= 0 and event in ("open", "os.mkdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

    return lambda: _listen(hook)


def count_changes(into: Path) -> Callable[[], None]:
    """The same: a byte in `into` for each of these moments."""

    def begin() -> None:
        out = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        _listen(lambda event, arguments: bool(os.write(out, b".")) and None)

    return begin


def _listen(hook: Hook) -> None:
    me = os.getpid()

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if (event in _CHANGES or event in _OTHERS or _makes(event, arguments)) and os.getpid() == me:
            hook(event, arguments)

    sys.addaudithook(heard)


def _makes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event != "open" or not isinstance(arguments[0], str | bytes) or not arguments[2] & _WRITING:
        return False
    return not os.fsdecode(arguments[0]).startswith(("/dev/", "/proc/"))
