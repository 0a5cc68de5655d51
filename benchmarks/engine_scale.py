"""How the engine over a cluster, and the store, bear many runs: 10,000 runs of 6 s on 200 simulated hosts of 4 places.

    python benchmarks/engine_scale.py [--runs 10000] [--hosts 200] [--places 4] [--seconds 6] [--json FILE]

The hosts are one other process that makes run folders when they are due; driver, store, plan and listing are the real ones.
Processor time is of the driver alone, so that it tells something on a busy machine too.
"""

from __future__ import annotations

import argparse
import heapq
import json
import multiprocessing
import queue
import resource
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any

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
from tests.conftest import small_project  # noqa: E402


def hosts(root: str, result: bytes, seconds: float, inbox: Any, outbox: Any) -> None:
    """The hosts' process: a run that came is there, whole, `seconds` later."""
    due: list[tuple[float, int, str]] = []
    attempts = Path(root) / ".attempts"
    attempts.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            while (
                task := inbox.get(timeout=max(0.0, min(0.02, due[0][0] - time.monotonic()) if due else 0.02))
            ) is not None:
                number, run, spec, provenance = task
                attempt = attempts / f"{run}.{time.time_ns()}.host.{number:08d}"
                attempt.mkdir()
                (attempt / "spec.json").write_bytes(spec)
                (attempt / "provenance.json").write_bytes(provenance)
                heapq.heappush(due, (time.monotonic() + seconds, number, str(attempt)))
            return
        except queue.Empty:
            pass
        while due and due[0][0] <= time.monotonic():
            _, number, attempt = heapq.heappop(due)
            (Path(attempt) / "result.json").write_bytes(result)
            Path(attempt).rename(Path(root) / Path(attempt).name.split(".")[0])
            outbox.put(number)


class Simulated:
    name = "simulated"
    shares_gpus = False

    def __init__(self, count: int, places: int, root: Path, result: bytes, seconds: float) -> None:
        self._nodes = [Node(f"h{number}", places, 64 << 30) for number in range(count)]
        self._free = count * places
        context = multiprocessing.get_context("spawn")
        self._inbox, self._outbox = context.SimpleQueue(), context.SimpleQueue()
        self._inbox = context.Queue()
        self._process = context.Process(
            target=hosts, args=(str(root), result, seconds, self._inbox, self._outbox), daemon=True
        )
        self._process.start()
        self._count = 0
        self._ended: set[str] = set()

    def capacity(self) -> Sequence[Node]:
        return self._nodes

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        self._hear()
        taken = tasks[: self._free]
        self._free -= len(taken)
        first = self._count
        for number, task in enumerate(taken, first):
            provenance = task.provenance.model_copy(update={"host": f"h{number % len(self._nodes)}"})
            self._inbox.put(
                (number, task.run_id, task.spec.model_dump_json().encode(), provenance.model_dump_json().encode())
            )
        self._count += len(taken)
        return [str(number) for number in range(first, self._count)]

    def found(self, run_ids: Collection[str]) -> Mapping[str, str]:
        return {}

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        self._hear()
        return {handle: State(Phase.ENDED if handle in self._ended else Phase.RUNNING) for handle in handles}

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
        while not self._outbox.empty():
            self._ended.add(str(self._outbox.get()))
            self._free += 1


def measure(runs: int, count: int, places: int, seconds: float, folder: Path) -> dict[str, float]:
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
    setting = Setting(project, runtime, store, roots_of(project), look_around(project.root), {study.name: study})
    cluster = Simulated(count, places, store.root, result, seconds)
    engine = RemoteEngine(setting, cluster)
    processor, begun = time.process_time(), time.monotonic()
    futures = engine.submit([(study.name, run) for run in plan.runs])
    figures["given out, s"] = time.monotonic() - begun
    progress = Progress(engine, plan.runs, futures)
    slowest = 0.0
    while wait(list(futures.values())[-1:], timeout=1.0).not_done or not all(
        future.done() for future in futures.values()
    ):
        since = time.monotonic()
        progress.left()
        slowest = max(slowest, time.monotonic() - since)
    figures["wall, s"] = time.monotonic() - begun
    figures["wall / ideal"] = figures["wall, s"] / (-(-runs // (count * places)) * seconds)
    figures["driver's processor time a run, ms"] = 1000 * (time.process_time() - processor) / runs
    figures["time left of all runs, at most, s"] = slowest
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
    again = RemoteEngine(setting, cluster).submit([(study.name, run) for run in plan.runs])
    figures["a session that finds all done, s of processor"] = time.process_time() - begun
    assert all(future.done() for future in again.values())
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(given.runs, given.hosts, given.places, given.seconds, Path(folder))
    for name, value in figures.items():
        print(f"{name:<40} {value:>10g}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
