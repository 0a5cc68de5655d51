"""Runs in backends that stay up: one server a backend and lease, started when first needed, used for the runs that follow.

A run in a server differs from a cold one in nothing but the time before it: the server forks a process that has the
imports done.  Where a backend does not offer to serve, its server does not come up, or a server ends under a run, the
run is started cold.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from seedwise.errors import SeedwiseError
from seedwise.notify import Notify
from seedwise.runtimes.base import Exit, Launch, Lease, Process, Runtime, Server, ServingRuntime
from seedwise.runtimes.common import log_tail
from seedwise_contract import Description, ExitCode
from seedwise_contract.serve import LOG

_KILLED = 137
_END_SECONDS = 5.0
_IDLE_BYTES = 512 << 20  # what an idle server is reckoned to hold
_KEPT = ("spec.json", "provenance.json")


class _Key(NamedTuple):
    """What a server is good for."""

    digest: str
    lease: Lease
    memory_bytes: int
    place: str

    @classmethod
    def of(cls, launch: Launch) -> _Key:
        return cls(launch.digest, launch.lease, launch.memory_bytes, str(launch.out.parent))


class WarmRuntime:
    """`inner`, with its backends kept warm.  `notes` says in sentences where that did not work."""

    def __init__(self, inner: ServingRuntime, idle: int | None = None) -> None:
        self.name = inner.name
        self.flavour = inner.flavour
        self.notes: list[str] = []
        self._inner = inner
        self._limit = idle if idle is not None else max(1, _memory() // 4 // _IDLE_BYTES)
        self._serving: dict[str, bool] = {}
        self._cold: set[str] = set()
        self._idle: dict[_Key, _Station] = {}  # the one used longest ago first
        self._closed = False
        self._lock = threading.Lock()

    def digest(self, backend: str) -> str | None:
        return self._inner.digest(backend)

    def prepare(self, backends: Sequence[str], say: Notify) -> dict[str, str]:
        return self._inner.prepare(backends, say)

    def describe(self, backend: str) -> Description:
        description = self._inner.describe(backend)
        self._serving[backend] = description.serves
        return description

    def start(self, launch: Launch) -> Process:
        if launch.cold or launch.digest in self._cold or not self._serving.get(launch.backend):
            return self._inner.start(launch)
        key = _Key.of(launch)
        with self._lock:
            station = self._idle.pop(key, None)
        if station is None or station.gone:
            station = _Station(key, self._inner.serve(launch))
        try:
            return WarmProcess(self, self._inner, station, launch)
        except BaseException:  # the run's folder could not be handed over
            station.end()
            raise

    def close(self) -> None:
        with self._lock:
            stations, self._idle, self._closed = list(self._idle.values()), {}, True
        for station in stations:
            station.hang_up()
        for station in stations:
            station.end()
        self._inner.close()

    def keep(self, station: _Station) -> None:
        """Take a server back, for the next run; the one used longest ago goes where they become too many."""
        with self._lock:
            surplus = [self._idle.pop(station.key)] if station.key in self._idle else []
            self._idle[station.key] = station
            left = 0 if self._closed else self._limit
            surplus += [self._idle.pop(next(iter(self._idle))) for _ in range(len(self._idle) - left)]
        for old in surplus:
            old.end()

    def lost(self, station: _Station, launch: Launch, ended: Exit) -> None:
        """Note that a server ended under a run, or never came up, which it will not be asked for again."""
        said = (ended.log.strip().splitlines() or [f"it ended with exit code {ended.code}"])[-1]
        if not station.ready:
            self._cold.add(launch.digest)
            self.notes.append(
                f"backend '{launch.backend}' does not stay warm here, and is started for each run: {said}"
            )
        else:
            self.notes.append(
                f"the warm backend '{launch.backend}' ended under run {launch.run_id}, started again: {said}"
            )


class _Station:
    """A server, and what is known of it."""

    def __init__(self, key: _Key, server: Server) -> None:
        self.key = key
        self.server = server
        self.ready = False
        self.gone = False
        self._ended: Exit | None = None
        self._asking = threading.Lock()

    def ask(self, value: dict[str, str]) -> None:
        """Where it is gone, its answers end, and nothing else comes of it."""
        with self._asking, contextlib.suppress(OSError):
            self.server.send(json.dumps(value).encode() + b"\n")

    def answer(self, identity: str) -> dict[str, Any] | None:
        """The answer to a request, waited for; None where the server ends without one."""
        for line in self.server.lines():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                self.ready = self.ready or value.get("ready") is True
                if value.get("id") == identity:
                    return value
        self.gone = True
        return None

    def hang_up(self) -> None:
        self.server.hang_up()

    def end(self) -> Exit:
        """Ended by the end of its input, or else killed; how it ended."""
        if self._ended is None:
            self.gone = True
            self.server.hang_up()
            killer = threading.Timer(_END_SECONDS, self.kill)
            killer.start()
            self._ended = self.server.process.wait()
            killer.cancel()
            self.server.close()
        return self._ended

    def kill(self) -> None:
        self.server.process.stop(0)


class WarmProcess:
    """One run in a server, or cold where the server failed it.  A thread of its own sees to its end."""

    def __init__(self, runtime: WarmRuntime, inner: Runtime, station: _Station, launch: Launch) -> None:
        self._runtime = runtime
        self._inner = inner
        self._station = station
        self._launch = launch
        self._lock = threading.Lock()
        self._stopping = False
        self._exit: Exit | None = None
        self._cold: Process | None = None
        self._settled = threading.Event()  # it has ended, or goes on cold
        paths = station.server.admit(launch)
        station.ask({"id": launch.run_id, "verb": launch.verb, **paths})  # before anybody can ask for a stop
        threading.Thread(target=self._see_to, name=f"run-{launch.run_id[:12]}", daemon=True).start()

    def poll(self) -> Exit | None:
        if not self._settled.is_set():
            return None
        return self._cold.poll() if self._cold else self._exit

    def wait(self) -> Exit:
        self._settled.wait()
        if self._cold:
            return self._cold.wait()
        assert self._exit is not None
        return self._exit

    def stop(self, grace_seconds: float) -> None:
        with self._lock:
            self._stopping = True
        if not self._settled.is_set():
            self._station.ask({"stop": self._launch.run_id})
            if not self._settled.wait(grace_seconds):
                self._station.kill()
                self._settled.wait(30)
        if self._cold:
            self._cold.stop(grace_seconds)

    def _see_to(self) -> None:
        try:
            answer = self._asked()
            if answer is not None and "refused" not in answer:
                self._exit = self._answered(int(answer["code"]))
            else:
                self._failed(answer)
        except (SeedwiseError, OSError, ValueError, LookupError, TypeError, ArithmeticError) as error:
            self._exit = Exit(ExitCode.INTERNAL, False, f"the warm backend could not be used: {error}")
        finally:
            self._settled.set()

    def _asked(self) -> dict[str, Any] | None:
        try:
            return self._station.answer(self._launch.run_id)
        finally:
            if self._station.gone:
                self._station.end()  # nothing writes into the folder any more
            self._station.server.dismiss(self._launch)

    def _answered(self, code: int) -> Exit:
        if code != _KILLED:
            self._runtime.keep(self._station)
            return Exit(code, False, log_tail(self._launch.out / LOG))
        # Whether that was the memory limit, the engine says when the server has ended; another takes its place.
        ended = self._station.end()
        return Exit(code, ended.oom_killed, log_tail(self._launch.out / LOG))

    def _failed(self, answer: dict[str, Any] | None) -> None:
        """The server is gone, or is not the one for this run: an end where that was asked for or the memory ran out, else cold."""
        ended = self._station.end()
        if answer is not None:
            ended = Exit(ended.code, ended.oom_killed, str(answer["refused"]))
        with self._lock:
            if self._stopping or ended.oom_killed:
                log = log_tail(self._launch.out / LOG) or ended.log
                self._exit = Exit(_KILLED, ended.oom_killed, log)
                return
            self._runtime.lost(self._station, self._launch, ended)
            self._clear()
            self._cold = self._inner.start(self._launch)

    def _clear(self) -> None:
        """What a started run left goes, as before any attempt, unless there is a state to go on from."""
        if (self._launch.out / "state").is_dir():
            return
        for entry in self._launch.out.iterdir():
            if entry.name in _KEPT:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 8 << 30
