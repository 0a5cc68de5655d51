"""What is put in a file's place to try its reader, and a process of its own to try it in: with little time and memory, and
without root's right to read everything."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import resource
import shutil
import signal
import struct
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEEDLE = "NEEDLE-hunter2secret"
SECONDS = 30
BYTES = 6 << 30  # of address space: numerical libraries reserve some


def link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def fifo(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def huge(path: Path, secret: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def empty(path: Path, secret: Path) -> None:
    path.touch()


def unreadable(path: Path, secret: Path) -> None:
    path.write_text(NEEDLE)
    path.chmod(0)


def folder(path: Path, secret: Path) -> None:
    path.mkdir()


def nothing(path: Path, secret: Path) -> None:
    pass


def binary(path: Path, secret: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


KINDS = (link, fifo, huge, empty, unreadable, folder, nothing, binary)


def replace_by(kind: Callable[[Path, Path], None], path: Path, secret: Path) -> None:
    """Put `kind` in the place of what is at `path`; `secret` is a file outside, which a link leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    kind(path, secret)


@dataclass(frozen=True)
class Ended:
    """How a step ended: what it returned, or the error that it raised, with its traceback; None and None: not in time."""

    value: Any
    error: BaseException | None
    trace: str
    seconds: float


def apart(step: Callable[[], Any]) -> Ended:
    """`step` in a forked process, with bounds; an error of the test's own where that process is killed or does not end."""
    descriptor, name = tempfile.mkstemp()
    os.close(descriptor)
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(SECONDS)
            resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
            _read_only_what_modes_allow()
            try:
                told: tuple[Any, BaseException | None, str] = step(), None, ""
            except BaseException as error:  # noqa: BLE001 - it is what is looked at
                told = None, error, traceback.format_exc()
            with open(name, "wb") as file:
                try:
                    pickle.dump(told, file)
                except Exception:  # noqa: BLE001 - an error that cannot be sent is told by its text
                    file.seek(0)
                    pickle.dump((None, RuntimeError(repr(told[1])), told[2]), file)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - begun
    try:
        if os.WIFSIGNALED(status):
            raise AssertionError(f"ended by signal {os.WTERMSIG(status)} after {seconds:.0f} s: it hung, or was killed")
        with open(name, "rb") as file:
            return Ended(*pickle.load(file), seconds)
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink()


def _read_only_what_modes_allow() -> None:
    """Root without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by capset(2)."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head = struct.pack("=Ii", 0x20080522, 0)
    held = ctypes.create_string_buffer(24)
    if libc.syscall(125 if os.uname().machine == "x86_64" else 90, head, held) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    words = list(struct.unpack("=6I", held.raw))
    for at in (0, 1):  # effective, permitted
        words[at] &= ~0b110
    if libc.syscall(126 if os.uname().machine == "x86_64" else 91, head, struct.pack("=6I", *words)) != 0:
        raise OSError(ctypes.get_errno(), "capset")
