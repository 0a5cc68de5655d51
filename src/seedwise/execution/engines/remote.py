"""The engine over a cluster: hands tasks to it, looks for finished runs in the store, and tells progress.  One thread, whatever
the number of runs.

A run counts as done when it is in the store, and for no other reason.  Where a task has ended without, the store is looked at for
a minute more (on a network file system files come late), and then the run is given out again, three times at most.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from seedwise.errors import SeedwiseError
from seedwise.execution.engines.base import Outcome, Setting, StudyRun, Underway, accept
from seedwise.execution.engines.cluster import Cluster, Impossible, Phase, State
from seedwise.execution.engines.packing import counted, places_on
from seedwise.execution.engines.task import Needs, Task, needs_of, tasks_of
from seedwise.notify import Notify
from seedwise.store.attempts import everywhere
from seedwise.store.store import Failure, Provenance
from seedwise_contract import FailureReason, RunSpec
from seedwise_contract.files import read_record

_TURN_SECONDS = 0.5  # from the begin of a look at everything to the next one's: what is told of runs is about so old
_REST_SECONDS = 0.1  # between two looks, at least
_FAILURES_SECONDS = 2.0  # between two looks for failures, for which attempts are opened one by one
_LATE_SECONDS = 60.0  # that a file of another host may take to be seen here
_END_SECONDS = 30.0  # that a cancelled session waits for states to be saved
_TRIES = 3
_SAID = 8  # jobs that are named
_BUSY_SECONDS = 300.0  # that a scheduler may refuse further work, before that is told as a failure


@dataclass(slots=True)
class _Watched:
    """A run that is given out: what was known before, and how it stands."""

    task: Task
    known: frozenset[str]  # attempts that were there before: nothing of them is this session's
    handle: str | None = None
    tries: int = 0
    since: float = 0.0  # when it was first seen to be under way
    ended: float | None = None  # when its task was first said to be no more
    folder: Path | None = None
    host: str = "?"
    refused: list[str] = field(default_factory=list)


class RemoteEngine:
    """Runs on the hosts of `cluster`.  `expected` gives the seconds that a run of a spec takes, where that is known."""

    def __init__(
        self,
        setting: Setting,
        cluster: Cluster,
        *,
        warm: bool = True,
        runs_per_gpu: int = 1,
        jobs: int | None = None,
        expected: Callable[[RunSpec], float | None] = lambda spec: None,
        late_seconds: float = _LATE_SECONDS,
        say: Notify = lambda line: None,
    ) -> None:
        self.name = cluster.name
        self._setting = setting
        self._cluster = cluster
        self._warm = warm
        self._share = runs_per_gpu
        self._limit = jobs
        self._expected = expected
        self._late = late_seconds
        self._say = say
        self._nodes = tuple(cluster.capacity())
        self._futures: dict[str, Future[Outcome]] = {}
        self._arrived: list[_Watched] = []  # submitted, and not yet seen by the thread that watches
        self._watching = False
        self._watched: dict[str, _Watched] = {}
        self._waiting: deque[str] = deque()
        self._underway: dict[str, Underway] = {}
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._told = threading.Event()  # the cluster has been asked to end everything
        self._thread: threading.Thread | None = None
        self._busy: dict[Needs, float] = {}  # since when the cluster takes none of these
        self._looked = 0.0

    @property
    def jobs(self) -> int:
        """As many as run now; before the first has started, as many as there are places for."""
        with self._lock:
            running, some = len(self._underway), next(iter(self._watched.values()), None)
        if running or some is None:
            return max(1, running)
        places = sum(places_on(node, some.task.cores, some.task.gpus, self._share) for node in self._nodes)
        return max(1, min(places, self._limit or places))

    def submit(self, runs: Sequence[StudyRun]) -> dict[str, Future[Outcome]]:
        futures, left = accept(runs, self._setting)
        tasks = tasks_of(
            left, self._setting, self.name, warm=self._warm, runs_per_gpu=self._share, expected=self._expected
        )
        known: dict[str, set[str]] = {}
        for attempt in everywhere(self._setting.store.root):
            known.setdefault(attempt.name.split(".")[0], set()).add(attempt.name)
        going = self._cluster.found([task.run_id for task in tasks]) if tasks else {}
        arrived = []
        for task in tasks:
            futures[task.run_id] = Future()
            before = frozenset() if task.run_id in going else frozenset(known.get(task.run_id, ()))
            arrived.append(_Watched(task, before, handle=going.get(task.run_id), tries=1))
        first = self._thread is None
        with self._lock:
            self._futures |= {task.run_id: futures[task.run_id] for task in tasks}
            self._arrived += arrived
            asleep, self._watching = not self._watching, True
        if first:
            self._take_in()
            self._give_out()  # what the scheduler refuses is told before anything is waited for
            self._tell_jobs(going)
        if asleep:
            self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
            self._thread.start()
        return futures

    def _tell_jobs(self, going: Mapping[str, str]) -> None:
        """What goes on from an earlier session, and what would go on from this one."""
        if going:
            self._say(
                f"{counted(len(going), 'run')} of an earlier session go on, in {_jobs_of(going.values())}: waited for, not given out again"
            )
        ours = [handle for handle in self._handles() if handle not in going.values()]
        if ours and self._cluster.keeps_jobs:
            self._say(
                f"given out as {_jobs_of(ours)}: if this session is killed they go on, and the next call finds them"
            )

    def running(self) -> Mapping[str, Underway]:
        with self._lock:
            return dict(self._underway)

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self.cancel()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
        self._cluster.close()
        self._conclude_rest(FailureReason.TERMINATED, "the session was stopped")
        self._setting.runtime.close()

    def _watch(self) -> None:
        try:
            while self._goes_on():
                begun = time.monotonic()
                self._turn()
                time.sleep(max(_REST_SECONDS, _TURN_SECONDS - (time.monotonic() - begun)))
        except SeedwiseError as error:
            self._conclude_rest(FailureReason.INTERNAL, str(error))
        except Exception as error:  # noqa: BLE001 - whoever waits for a future has to be told
            self._conclude_rest(FailureReason.INTERNAL, f"{type(error).__name__}: {error}")

    def _goes_on(self) -> bool:
        """Whether anything is waited for; where nothing is, this thread ends, and the next submission starts another."""
        with self._lock:
            self._watching = bool(self._arrived) or any(not future.done() for future in self._futures.values())
            return self._watching

    def _take_in(self) -> None:
        with self._lock:
            arrived, self._arrived = self._arrived, []
        for watched in arrived:
            self._watched[watched.task.run_id] = watched
            if watched.handle is None:
                self._waiting.append(watched.task.run_id)

    def _turn(self) -> None:
        self._take_in()
        if self._cancelled.is_set():
            self._stop()
        else:
            self._give_out()
        self._look_at_attempts()
        self._collect()
        self._ask()
        self._leave()

    def _stop(self) -> None:
        for identity in self._waiting:
            self._conclude(identity, FailureReason.TERMINATED, "not started: the session was stopped")
        self._waiting.clear()
        if not self._told.is_set():
            self._told.set()
            self._cluster.cancel(self._handles())

    def _give_out(self) -> None:
        """As many of the waiting as the cluster takes, and `--jobs` allows."""
        out = len(self._watched) - len(self._waiting)
        room = len(self._waiting) if self._limit is None else max(0, self._limit - out)
        if not self._waiting or not room:
            return
        alike: dict[Needs, list[_Watched]] = {}
        for identity in islice(self._waiting, room):
            watched = self._watched[identity]
            alike.setdefault(needs_of(watched.task), []).append(watched)
        faults = [error for needs, some in alike.items() if (error := self._offer(needs, some)) is not None]
        if len(faults) == len(alike) and self._thread is None:
            raise faults[0]  # at the start, where nothing at all is taken
        self._waiting = deque(
            identity
            for identity in self._waiting
            if identity in self._watched and self._watched[identity].handle is None
        )

    def _offer(self, needs: Needs, some: Sequence[_Watched]) -> SeedwiseError | None:
        """Runs of the same needs; what is refused for some minutes, or for ever, keeps no others from being run."""
        hosts = {node.host for node in self._nodes}
        avoid = {host for watched in some for host in watched.refused}
        try:
            handles = self._cluster.submit([each.task for each in some], sorted(avoid) if hosts - avoid else ())
        except SeedwiseError as error:
            since = self._busy.setdefault(needs, time.monotonic())
            if isinstance(error, Impossible) or time.monotonic() - since > _BUSY_SECONDS:
                for watched in some:
                    self._conclude(watched.task.run_id, FailureReason.INTERNAL, str(error))
            return error
        self._busy.pop(needs, None)
        for watched, handle in zip(some, handles, strict=False):
            watched.handle, watched.ended = handle, None
        return None

    def _handles(self) -> list[str]:
        return list({watched.handle: None for watched in self._watched.values() if watched.handle is not None})

    def _collect(self) -> None:
        """Runs that have come into the store, by one listing of it."""
        with suppress(FileNotFoundError):
            with os.scandir(self._setting.store.root) as entries:
                there = {entry.name for entry in entries}
            for identity in [identity for identity in self._watched if identity in there]:
                self._take(identity)

    def _take(self, identity: str) -> bool:
        """Whether the run is in the store: then it is done."""
        try:
            result = self._setting.store.result(identity)
        except SeedwiseError as error:
            self._conclude(identity, FailureReason.INTERNAL, str(error))
            return True
        if result is None:
            return False
        watched = self._watched[identity]
        seconds = time.monotonic() - watched.since if watched.since else result.timings.total
        self._settle(Outcome(identity, result, None, None, seconds, False))
        return True

    def _look_at_attempts(self) -> None:
        """What is under way, and failures that no other attempt could mend."""
        now = time.monotonic()
        thorough = now - self._looked >= _FAILURES_SECONDS
        if thorough:
            self._looked = now
        newest: dict[str, Path] = {}
        for attempt in everywhere(self._setting.store.root):
            identity = attempt.name.split(".")[0]
            watched = self._watched.get(identity)
            if watched is not None and watched.handle is not None and attempt.name not in watched.known:
                newest[identity] = attempt
        for identity, attempt in newest.items():
            watched = self._watched[identity]
            if watched.folder is None or watched.folder.name != attempt.name:
                watched.since, watched.host = now, _host_of(attempt)
            watched.folder = attempt  # a warm backend's are moved for their time
            if watched.host == "?":
                watched.host = _host_of(attempt)
            failure = _failure_in(attempt) if thorough else None
            if failure is None:
                with self._lock:
                    self._underway[identity] = Underway(now - watched.since, watched.host, attempt)
            elif failure.unfit or failure.reason is not FailureReason.TERMINATED:
                self._failed(watched, failure)

    def _failed(self, watched: _Watched, failure: Failure) -> None:
        identity = watched.task.run_id
        if not failure.unfit or watched.tries >= _TRIES or self._cancelled.is_set():
            self._conclude(identity, failure.reason, failure.message)
            return
        watched.refused.append(watched.host)
        self._again(watched)

    def _again(self, watched: _Watched) -> None:
        """Give the run out once more, before those that have not been given out yet."""
        watched.tries += 1
        if watched.folder is not None:
            watched.known |= {watched.folder.name}
        watched.handle, watched.folder, watched.ended, watched.host = None, None, None, "?"
        self._waiting.appendleft(watched.task.run_id)  # it has waited already
        with self._lock:
            self._underway.pop(watched.task.run_id, None)

    def _ask(self) -> None:
        states = self._cluster.states(self._handles())
        for identity, watched in list(self._watched.items()):
            state = states.get(watched.handle) if watched.handle is not None else None
            if state is None or state.phase is Phase.UNKNOWN:
                continue
            if state.phase in (Phase.ENDED, Phase.LOST):
                self._ended(identity, watched, state)
            else:
                watched.ended = None

    def _leave(self) -> None:
        """Give out anew what was under way on hosts that are gone, whatever the scheduler still waits for: a run that is made
        twice is one in the store.
        """
        gone = self._cluster.gone()
        if gone and not self._cancelled.is_set():
            lost = State(Phase.LOST, "its host is gone")
            for identity, watched in list(self._watched.items()):
                if watched.folder is not None and watched.host in gone:
                    self._ended(identity, watched, lost)

    def _ended(self, identity: str, watched: _Watched, state: State) -> None:
        """A task is no more: its run is in the store, or has failed, or has yet to be seen, or is lost."""
        if self._take(identity):
            return
        now = time.monotonic()
        watched.ended = watched.ended or now
        failure = _failure_in(watched.folder) if watched.folder is not None else None
        if failure is not None:
            self._failed(watched, failure)
        elif self._cancelled.is_set():
            self._conclude(
                identity, FailureReason.TERMINATED, "the session was stopped; a next call goes on from what was saved"
            )
        elif state.phase is Phase.LOST or now - watched.ended > self._late:
            host = state.host or watched.host
            if watched.tries < _TRIES:
                watched.refused += [host] if host != "?" else []
                self._again(watched)
            else:
                said = f": {state.said}" if state.said else ""
                self._conclude(
                    identity,
                    FailureReason.INTERNAL,
                    f"lost {_TRIES} times on {self.name}, the last time on {host}{said}",
                )

    def _conclude(self, identity: str, reason: FailureReason, message: str) -> None:
        since = self._watched[identity].since if identity in self._watched else 0.0
        self._settle(Outcome(identity, None, reason, message, time.monotonic() - since if since else 0.0, False))

    def _conclude_rest(self, reason: FailureReason, message: str) -> None:
        for identity in [identity for identity, future in self._futures.items() if not future.done()]:
            self._conclude(identity, reason, message)

    def _settle(self, outcome: Outcome) -> None:
        self._watched.pop(outcome.run_id, None)
        with self._lock:
            self._underway.pop(outcome.run_id, None)
        future = self._futures[outcome.run_id]
        if not future.done():
            future.set_result(outcome)


def _jobs_of(handles: Collection[str]) -> str:
    """By their names without what stands behind `_` (a place in an array)."""
    jobs = list(dict.fromkeys(handle.partition("_")[0] for handle in handles))
    more = f" and {len(jobs) - _SAID} more" if len(jobs) > _SAID else ""
    return f"{'job' if len(jobs) == 1 else 'jobs'} {', '.join(jobs[:_SAID])}{more}"


def _host_of(attempt: Path) -> str:
    try:
        return Provenance.model_validate_json(read_record(attempt / "provenance.json")).host
    except (OSError, ValueError):
        return "?"


def _failure_in(attempt: Path) -> Failure | None:
    try:
        return Failure.model_validate_json(read_record(attempt / "failure.json"))
    except (OSError, ValueError):
        return None
