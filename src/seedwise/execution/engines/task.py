"""What is to be done of a run, as one value that can travel: everything that whoever executes it has to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import Field

from seedwise.execution.engines.base import Setting
from seedwise.execution.engines.folders import ProjectFolders, folders_of
from seedwise.planning.plan import PlannedRun
from seedwise.store.store import Provenance, now
from seedwise.study.model import Declared
from seedwise.version import __version__
from seedwise_contract import RunSpec


class Task(ProjectFolders):
    """A run with its provenance (host, job and start are filled in where it is executed), what it may use, and where things lie."""

    run_id: str
    spec: RunSpec
    provenance: Provenance
    memory_gib: float
    timeout_minutes: float
    data: str
    models: str
    flavour: str
    warm: bool
    runs_per_gpu: int
    seconds: float | None = Field(description="what it is expected to take, where that is known")
    harness: str = Field(description="version of Seedwise that planned it")

    @property
    def cores(self) -> int:
        return self.spec.device.threads

    @property
    def gpus(self) -> int:
        return int(self.spec.device.kind == "cuda")

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_gib * (1 << 30))


Needs = tuple[int, int, float]


def needs_of(task: Task) -> Needs:
    """What a scheduler gives a task: cores, GPUs, memory in GiB."""
    return task.cores, task.gpus, task.memory_gib


def tasks_of(
    runs: Sequence[tuple[Declared, PlannedRun]],
    setting: Setting,
    engine: str,
    *,
    warm: bool = False,
    runs_per_gpu: int = 1,
    expected: Callable[[RunSpec], float | None] = lambda spec: None,
) -> list[Task]:
    """A task for each run, with the ledger's length now: whatever is declared later comes after it.

    `expected` gives the seconds that a run of a spec takes, where that is known.
    """
    project, around = setting.project, setting.surroundings
    ledger_length = setting.store.ledger_length() if runs else 0
    studies = {study.name: study for study, _ in runs}
    declarations = {name: study.declaration() for name, study in studies.items()}  # as long as its list of seeds
    found = []
    for study, run in runs:
        assert run.run_id is not None
        assert run.digest is not None
        provenance = Provenance(
            run_id=run.run_id,
            backend=run.spec.backend,
            digest=run.digest,
            runtime=setting.runtime.name,
            declaration=declarations[study.name],
            study=study.name,
            arm=run.arm,
            host=around.host,
            git_commit=around.git_commit,
            git_dirty=around.git_dirty,
            started=now(),
            engine=engine,
            ledger_length=ledger_length,
        )
        task = Task(
            run_id=run.run_id,
            spec=run.spec,
            provenance=provenance,
            memory_gib=study.memory_gib,
            timeout_minutes=study.timeout_minutes,
            **folders_of(project),
            data=str(setting.roots.data),
            models=str(setting.roots.models),
            flavour=setting.runtime.flavour,
            warm=warm,
            runs_per_gpu=runs_per_gpu,
            seconds=expected(run.spec),
            harness=__version__,
        )
        found.append(task)
    return found
