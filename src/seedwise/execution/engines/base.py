"""What an engine is: it takes planned runs, gives their outcomes as futures, tells progress, cancels, and closes.

Who may use which cores and GPUs is the engine's own business.  What is done of a run, it believes the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seedwise.execution.provenance import Surroundings
from seedwise.planning.interim import as_declared
from seedwise.planning.plan import PlannedRun
from seedwise.project import Project
from seedwise.runtimes.base import Runtime
from seedwise.store.store import Store
from seedwise.study.model import Declared
from seedwise_contract import FailureReason, RunResult


@dataclass(frozen=True, slots=True)
class Node:
    """A host on which an engine executes runs: its cores, memory in bytes, and GPUs with the memory of the smallest."""

    host: str
    cores: int
    memory_bytes: int
    gpus: int = 0
    gpu_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended for the harness.  `result` is there where it completed or diverged; else `reason` and `message`."""

    run_id: str
    result: RunResult | None
    reason: FailureReason | None
    message: str | None
    seconds: float
    cached: bool


@dataclass(frozen=True, slots=True)
class Underway:
    """A run in progress: seconds since it was started, on which host, and the folder that it writes into."""

    seconds: float
    host: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Roots:
    data: Path
    models: Path


@dataclass(frozen=True, slots=True)
class Setting:
    """What every engine works with: a runtime whose backends are prepared, and where runs go."""

    project: Project
    runtime: Runtime
    store: Store
    roots: Roots
    surroundings: Surroundings


StudyRun = tuple[Declared, PlannedRun]


class Engine(Protocol):
    """`name` is what `--engine` calls it."""

    name: str

    @property
    def jobs(self) -> int:
        """Runs at once, as far as can be told."""
        ...

    def submit(self, runs: Sequence[StudyRun]) -> dict[str, Future[Outcome]]:
        """Start (study, run) pairs; run id → future.  What the store holds is done at once.

        Every study with something to run is declared before the first of these runs starts. May be called again, for runs
        that could not be planned before.
        """
        ...

    def running(self) -> Mapping[str, Underway]:
        """The runs in progress, by their ids."""
        ...

    def cancel(self) -> None:
        """Start nothing more, and ask what runs to save its state and end.  Does not wait."""
        ...

    def close(self) -> None:
        """Cancel, and wait until nothing of this engine is left but what it says goes on."""
        ...


def in_order(runs: Sequence[StudyRun]) -> list[StudyRun]:
    """Once each, in the order in which they are started.

    Runs that need no GPU go first where others do, since they would only wait behind them.  Then study by study, so that the first
    verdict is there early, and of each study a run of each arm, so that what cannot work in it shows early; else they keep
    their order.
    """
    first: dict[tuple[str, str], PlannedRun] = {}
    place: dict[str, int] = {}
    for study, run in runs:
        first.setdefault((study.name, run.arm), run)
        place.setdefault(study.name, len(place))
    ordered = sorted(
        runs,
        key=lambda pair: (
            pair[1].spec.device.kind == "cuda",
            place[pair[0].name],
            pair[1] is not first[pair[0].name, pair[1].arm],
        ),
    )
    once: dict[str | None, StudyRun] = {}
    for study, run in ordered:
        once.setdefault(run.run_id, (study, run))  # studies may share a run
    return list(once.values())


def accept(runs: Sequence[StudyRun], setting: Setting) -> tuple[dict[str, Future[Outcome]], list[StudyRun]]:
    """Futures of what the store holds, done, and what is left to be run, in order and declared."""
    stored = {run.run_id: setting.store.result(run.run_id) for _, run in runs if run.run_id is not None}
    if None in stored.values():
        setting.store.refuse_unwritable()
    for study in {study.name: study for study, run in runs if stored[run.run_id or ""] is None}.values():
        setting.store.declare(study.declaration(), as_declared(study))
    futures: dict[str, Future[Outcome]] = {}
    left: list[StudyRun] = []
    for study, run in in_order(runs):
        assert run.run_id is not None
        result = stored[run.run_id]
        if result is None:
            left.append((study, run))
        else:
            futures[run.run_id] = Future()
            futures[run.run_id].set_result(Outcome(run.run_id, result, None, None, result.timings.total, True))
    return futures, left
