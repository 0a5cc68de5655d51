"""A command of the suite in a process of its own, forked from this one, which has imported all that it needs.

That is a tenth of what a new interpreter takes, and what a kill before the first line of ours would show is Python's.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import os
import pkgutil
import runpy
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

_PARENT_DEATH = 1
_SUBREAPER = 36  # prctl(2): whoever loses its parent below this process becomes its child
_POLL_SECONDS = 0.002


class DidNotEnd(Exception):
    """The command was killed, since it took longer than it may."""


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


def prepare() -> None:
    """Import what commands import, so that each need not."""
    from seedwise.tracker import quiet_environment

    os.environ.update(quiet_environment())
    import matplotlib.figure  # noqa: F401
    import pytest  # noqa: F401
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: F401

    import mlflow  # noqa: F401
    import seedwise

    for module in pkgutil.walk_packages(seedwise.__path__, "seedwise."):
        # pytest imports the plug-in itself; the launcher is a program.
        if not module.name.startswith("seedwise.plugin") and module.name.rpartition(".")[2] not in (
            "__main__",
            "launcher",
        ):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def become_subreaper() -> None:
    """Be the parent of all that a killed command leaves behind, from now on."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Let this process come to an orderly end when its parent ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGTERM, 0, 0, 0)


class Command:
    """`python WORDS…` in `folder`, begun at once; `at_start` is called in the new process before its first line."""

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        at_start: Callable[[], None] = lambda: None,
    ) -> None:
        if threading.active_count() > 1:
            raise RuntimeError("a process of several threads cannot be forked")
        self._out, self._err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(words, folder, environment, at_start, (self._out, self._err))
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def ended_within(self, seconds: float, *, busy: bool = False) -> bool:
        """Wait so long; with `busy`, seconds of a machine that does nothing else: longer where others take its cores."""
        left, last = seconds, time.monotonic()
        while self.poll() is None and left > 0:
            time.sleep(_POLL_SECONDS)
            now = time.monotonic()
            left -= (now - last) / (max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)) if busy else 1)
            last = now
        return self.poll() is not None

    def send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def answer(self, seconds: float) -> Answer:
        """What it said; `DidNotEnd` where it had to be killed."""
        if not self.ended_within(seconds, busy=True):
            self.send(signal.SIGKILL)
            self.ended_within(10)
            said = _read(self._out) + _read(self._err)
            raise DidNotEnd(f"did not end in {seconds:.0f} s: {said[-300:]}")
        assert self._status is not None
        return Answer(self._status, _read(self._out), _read(self._err))


def children() -> dict[int, str]:
    """State of each child of this process; ended ones that nobody waits for are gone afterwards."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if int(parent) == os.getpid():
            found[int(entry.name)] = state
    return found


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _become(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    at_start: Callable[[], None],
    outputs: tuple[IO[bytes], IO[bytes]],
) -> NoReturn:
    """Be the command: its own session, folder, environment and streams; ends as Python would, with its exit code."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, output in enumerate(outputs, start=1):
            os.dup2(output.fileno(), number)
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, errors="surrogateescape")  # noqa: SIM115
            for number, mode in enumerate("rww")
        )
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
        sys.path[0] = str(folder)
        sys.argv = list(words[1:])
        at_start()
        code = _run(words[1])
        threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter does at its end
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - what Python prints at the end of a process
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def _run(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0
