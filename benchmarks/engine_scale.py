"""How the engine over a cluster, and the store, bear many runs: 10,000 runs of 6 s on 200 simulated hosts of 4 places.

    python benchmarks/engine_scale.py [--runs 10000] [--hosts 200] [--places 4] [--queued 2000] [--seconds 6] [--json FILE]

Scheduler and hosts are one other process that makes run folders when they are due; driver, store, plan, listing and the live
table are the real ones.
Processor time is of the driver alone, so that it tells something on a busy machine too.
"""

from __future__ import annotations

import argparse
import heapq
import json
import multiprocessing
import os
import queue
import resource
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from seedwise.execution.engines.base import Node, Setting  # noqa: E402
from seedwise.execution.engines.cluster import Phase, State  # noqa: E402
from seedwise.execution.engines.remote import RemoteEngine  # noqa: E402
from seedwise.execution.engines.task import Task  # noqa: E402
from seedwise.execution.progress import Progress  # noqa: E402
from seedwise.execution.provenance import look_around  # noqa: E402
from seedwise.execution.workbench import roots_of  # noqa: E402
from seedwise.planning.plan import make_plan  # noqa: E402
from seedwise.runtimes.venv import VenvRuntime  # noqa: E402
from seedwise.store.history import runs_of  # noqa: E402
from seedwise.store.store import Store  # noqa: E402
from seedwise.study.load import load_study  # noqa: E402
from seedwise_contract.events import Start, Step  # noqa: E402
from tests.conftest import small_project  # noqa: E402

HOST = "the-host-to-be"


class Hosts:
    """The hosts' own process: a run waits for a place, is under way for `seconds`, tells of it, and is there, whole."""

    def __init__(
        self, root: str, result: bytes, seconds: float, names: Sequence[str], places: int, outbox: Any
    ) -> None:
        self._root, self._attempts = Path(root), Path(root) / ".attempts"
        self._attempts.mkdir(parents=True, exist_ok=True)
        self._result, self._seconds, self._outbox = result, seconds, outbox
        self._free = [name for name in names for _ in range(places)]
        self._waiting: deque[tuple[str, str, Any, Any]] = deque()
        self._due: list[tuple[float, int, str, str, Path]] = []
        self._count = 0

    def serve(self, inbox: Any) -> None:
        while True:
            ahead = self._due[0][0] - time.monotonic() if self._due else 0.02
            try:
                while (task := inbox.get(timeout=max(0.0, min(0.02, ahead)))) is not None:
                    self._waiting.append(task)
                    self._start()
                return
            except queue.Empty:
                pass
            while self._due and self._due[0][0] <= time.monotonic():
                self._end(*heapq.heappop(self._due)[2:])
            self._start()

    def _start(self) -> None:
        while self._waiting and self._free:
            handle, run, spec, provenance = self._waiting.popleft()
            host = self._free.pop()
            attempt = self._attempts / f"{run}.{time.time_ns()}.{host}.{self._count:08d}"
            attempt.mkdir()
            (attempt / "spec.json").write_bytes(spec)
            (attempt / "provenance.json").write_text(provenance.replace(HOST, host))
            step = Step(time=time.time(), update=1, epoch=0.1, loss=0.7, lr=1e-3, seconds=0.1)
            (attempt / "events.jsonl").write_text(
                f"{Start(time=time.time(), total_updates=30, epochs=2).model_dump_json()}\n{step.model_dump_json()}\n"
            )
            self._count += 1
            heapq.heappush(self._due, (time.monotonic() + self._seconds, self._count, handle, host, attempt))

    def _end(self, handle: str, host: str, attempt: Path) -> None:
        (attempt / "result.json").write_bytes(self._result)
        attempt.rename(self._root / attempt.name.split(".")[0])
        self._free.append(host)
        self._outbox.put((handle, time.time()))


def hosts(root: str, result: bytes, seconds: float, names: Sequence[str], places: int, inbox: Any, outbox: Any) -> None:
    Hosts(root, result, seconds, names, places, outbox).serve(inbox)


class Simulated:
    """A scheduler that takes as many tasks as its queue has room for, as Slurm and Ray do."""

    name = "simulated"
    shares_gpus = False
    keeps_jobs = False

    def __init__(self, count: int, places: int, queued: int, root: Path, result: bytes, seconds: float) -> None:
        self._nodes = [Node(f"h{number}", places, 64 << 30) for number in range(count)]
        self._room = queued
        context = multiprocessing.get_context("spawn")
        self._inbox, self._outbox = context.Queue(), context.SimpleQueue()
        names = [node.host for node in self._nodes]
        self._process = context.Process(
            target=hosts, args=(str(root), result, seconds, names, places, self._inbox, self._outbox), daemon=True
        )
        self._process.start()
        self._count = 0
        self._hearing = threading.Lock()
        self.ended: dict[str, float] = {}  # handle → when its run was there
        self.handles: dict[str, str] = {}  # run → handle

    def capacity(self) -> Sequence[Node]:
        return self._nodes

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        self._hear()
        taken = tasks[: self._room]
        self._room -= len(taken)
        first = self._count
        for number, task in enumerate(taken, first):
            self.handles[task.run_id] = str(number)
            provenance = task.provenance.model_copy(update={"host": HOST})
            self._inbox.put(
                (str(number), task.run_id, task.spec.model_dump_json().encode(), provenance.model_dump_json())
            )
        self._count += len(taken)
        return [str(number) for number in range(first, self._count)]

    def found(self, run_ids: Collection[str]) -> Mapping[str, str]:
        return {}

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        self._hear()
        return {handle: State(Phase.ENDED if handle in self.ended else Phase.RUNNING) for handle in handles}

    def gone(self) -> Collection[str]:
        return ()

    def cancel(self, handles: Collection[str]) -> None:
        pass

    def probe(self, nodes: Collection[Node], question: str) -> None:
        pass

    def close(self) -> None:
        self._inbox.put(None)
        self._process.join(10)

    def _hear(self) -> None:
        with self._hearing:  # the driver's thread and the one that measures
            while not self._outbox.empty():
                handle, when = self._outbox.get()
                self.ended[handle] = when
                self._room += 1


class Terminal:
    """A live table as a session on a terminal of 50 lines draws it, and how old what it shows is."""

    def __init__(self, engine: RemoteEngine, progress: Progress) -> None:
        self._engine, self._progress = engine, progress
        console = Console(file=open(os.devnull, "w"), force_terminal=True, width=160, height=50)  # noqa: SIM115
        self._live = Live(progress.table(), console=console, transient=True, auto_refresh=False)
        self.late: dict[str, float] = {}  # attempt → seconds from its start until the table has it
        self.drawn = 0.0

    def __enter__(self) -> Terminal:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def refresh(self) -> None:
        since = time.monotonic()
        running = self._engine.running()
        self._live.update(self._progress.table(), refresh=True)
        self.drawn = max(self.drawn, time.monotonic() - since)
        for now in running.values():
            if now.folder.name not in self.late:
                self.late[now.folder.name] = time.time() - int(now.folder.name.split(".")[1]) / 1e9


def measure(runs: int, count: int, places: int, queued: int, seconds: float, folder: Path) -> dict[str, float]:
    small = small_project(folder)
    assert small.pytest("benchmarks", "--no-record", "-k", "quick and seed0").returncode == 0
    result = (small.runs()[0] / "result.json").read_bytes()
    small.edit("seeds: 4", f"seeds: {runs // 2}")
    study = load_study(small.study).study
    runtime = VenvRuntime(small.project, "cpu")
    digests = runtime.prepare(["fake"], lambda line: None)
    figures: dict[str, float] = {"runs": runs}
    begun = time.process_time()
    plan = make_plan(study, small.project, digests, "cpu", lambda line: None)
    figures["planned, s of processor"] = time.process_time() - begun
    project = small.project.__class__(small.project.root, folder / "many", small.project.cache, small.project.data_root)
    store = Store(project.runs)
    setting = Setting(project, runtime, store, roots_of(project), look_around(project.root))
    cluster = Simulated(count, places, queued, store.root, result, seconds)
    engine = RemoteEngine(setting, cluster)
    processor, begun = time.process_time(), time.monotonic()
    futures = engine.submit([(study, run) for run in plan.runs])
    figures["given out, s"] = time.monotonic() - begun
    told: dict[str, float] = {}  # run → when its end was told
    for future in futures.values():
        future.add_done_callback(lambda done: told.setdefault(done.result().run_id, time.time()))
    threads = 0
    with Terminal(engine, Progress(engine, plan.runs, futures)) as terminal:
        for future in futures.values():  # one after another, as a session's items do
            while not future.done():
                wait([future], timeout=0.5)
                terminal.refresh()
                threads = max(threads, threading.active_count())
    figures["wall, s"] = time.monotonic() - begun
    figures["wall / ideal"] = figures["wall, s"] / (-(-runs // (count * places)) * seconds)
    figures["driver's processor time a run, ms"] = 1000 * (time.process_time() - processor) / runs
    figures["driver's threads"] = threads
    figures["from a run's start until it is told, at most, s"] = max(terminal.late.values())
    cluster.states(())
    figures["from a run's end until it is told, at most, s"] = max(
        when - cluster.ended[cluster.handles[run]] for run, when in told.items()
    )
    figures["the live table drawn, at most, s"] = terminal.drawn
    engine.close()
    figures["driver's memory, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert all(future.result().result is not None for future in futures.values())
    begun = time.process_time()
    listed = sum(1 for _ in store.finished())
    figures["store listed, s of processor"] = time.process_time() - begun
    assert listed == len(plan.runs)
    begun = time.process_time()
    runs_of(store)
    figures["store read, s of processor"] = time.process_time() - begun
    begun = time.process_time()
    again = RemoteEngine(setting, cluster).submit([(study, run) for run in plan.runs])
    figures["a session that finds all done, s of processor"] = time.process_time() - begun
    assert all(future.done() for future in again.values())
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--queued", type=int, default=2000, help="tasks that the scheduler takes at once")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(given.runs, given.hosts, given.places, given.queued, given.seconds, Path(folder))
    for name, value in figures.items():
        print(f"{name:<58} {value:>10g}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
