"""What an engine over several hosts has to give: five verbs over an existing scheduler, which keeps queue, placement and fair shares.

The scheduler is believed about life, the store about results: what `states` says of an end only asks the store.
Another engine is added by an entry point of the group `seedwise.engines` (choose.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from seedwise.errors import EngineError, InputError
from seedwise.execution.engines.base import Node
from seedwise.execution.engines.task import Task
from seedwise.project import Project
from seedwise_contract import faults_of

M = TypeVar("M", bound=BaseModel)


class Phase(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"  # whatever came of it
    LOST = "lost"  # its host is gone, and the scheduler does not start it again
    UNKNOWN = "unknown"  # the scheduler did not answer, which says nothing of the run


@dataclass(frozen=True, slots=True)
class Opening:
    """What a cluster is made of: the address behind `://` ('' where there is none), its table of the project's settings, its name."""

    project: Project
    address: str
    settings: Mapping[str, Any]
    name: str

    def checked(self, model: type[M]) -> M:
        """The settings as a model; `InputError` names each that is at fault."""
        try:
            return model.model_validate(dict(self.settings))
        except ValidationError as error:
            raise InputError("\n".join(f"engines.{self.name}.{fault}" for fault in faults_of(error))) from None


class Impossible(EngineError):
    """A task that no host of the cluster could ever do: it is not offered again."""


@dataclass(frozen=True, slots=True)
class State:
    """Of one submitted task.  `said` is what its scheduler or node had to say of its end, and `host` where that was, where it is
    known: a host on which a task ends without a trace is not given it again.
    """

    phase: Phase
    said: str = ""
    host: str = ""


class Cluster(Protocol):
    """A scheduler, as `RemoteEngine` and `seedwise doctor` use it.  `name` is what `--engine` calls it."""

    name: str
    shares_gpus: bool  # whether several runs may share one, as `--runs-per-gpu` asks
    keeps_jobs: bool  # whether what was given out goes on where the session is killed, and `found` finds it again

    def capacity(self) -> Sequence[Node]:
        """The hosts that runs may be given, as they are now.  `EngineError` where there is none."""
        ...

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        """Hand over tasks, each whole, never a path to one.  A handle for each of the first ones, as many as are taken now; the
        others are offered again, as all are after an `EngineError`, for some minutes; `Impossible` where no host could ever do
        them.  All tasks of a call have the same needs.  Hosts in `avoid` have refused such tasks, or lost them.
        """
        ...

    def found(self, run_ids: Collection[str]) -> Mapping[str, str]:
        """Of an earlier session that ended without its end being told: run id → handle of what still waits or runs."""
        ...

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        """All in one question; asked twice a second, so that it asks the scheduler only as often as that bears."""
        ...

    def gone(self) -> Collection[str]:
        """Hosts that are lost, where the scheduler does not itself start anew what ran there."""
        ...

    def cancel(self, handles: Collection[str]) -> None:
        """What waits never starts; what runs is asked to save its state.  Does not wait."""
        ...

    def probe(self, nodes: Collection[Node], question: str) -> None:
        """Start the program `seedwise.execution.engines.probe` on each host, with its GPUs and `question` as its input.  Does not wait."""
        ...

    def close(self) -> None:
        """Nothing of this session is left, whatever it was doing."""
        ...
