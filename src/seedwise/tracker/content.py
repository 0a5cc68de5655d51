"""What is written of one MLflow run, as plain values: made without MLflow, compared by digest."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwise_contract import canonical_json

FORMAT = 2  # of what the tracker writes; a change imports everything again

KIND = "seedwise.kind"
COMPARISON = "seedwise.comparison"
ARM = "seedwise.arm"
RUN_ID = "seedwise.run_id"
IMPORTED = "seedwise.imported"
ORDER = "seedwise.order"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
COLOUR = "mlflow.runColor"


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric.  `time` in milliseconds since the epoch, None for the time of writing.

    `split`: the split that the reported checkpoint was scored on, for what is a figure of the checkpoint too.
    """

    key: str
    value: float
    step: int = 0
    time: int | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    split: str
    name: str
    digest: str
    source: str
    context: str
    rows: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """The file `name` of `source`, to attach below `folder` ('' for the top).

    `digest`: part of what makes a run unchanged.  `sha256`: what it must have when it is attached.
    """

    source: Path
    name: str
    folder: str = ""
    digest: str | None = None
    sha256: str | None = None

    @property
    def path(self) -> Path:
        return self.source / self.name


@dataclass(frozen=True, slots=True)
class ModelContent:
    """A model of MLflow that stands for a checkpoint.  `step`: the update that it was taken at."""

    name: str
    kind: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    step: int


@dataclass(frozen=True, slots=True)
class RunContent:
    """One run as MLflow shall hold it.  `end` is None while runs are missing; times in milliseconds."""

    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: tuple[Point, ...]
    start: int
    end: int | None
    data_sets: tuple[DataSet, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    texts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    model: ModelContent | None = None

    def digest(self) -> str:
        """Changes with everything that a reader sees, not with where the files lie."""
        return digest_of(
            [
                self.name,
                dict(self.tags),
                dict(self.params),
                [[point.key, repr(point.value), point.step] for point in self.points],
                self.end,
                [[artifact.path.name, artifact.folder, artifact.digest] for artifact in self.artifacts],
                dict(self.texts),
            ]
        )


def digest_of(value: Any) -> str:
    """sha256 of a value's canonical JSON and of the tracker's format."""
    return hashlib.sha256(canonical_json([FORMAT, value]).encode()).hexdigest()


def seed_digest(run: Any, arm: str) -> str:
    """Of a finished run's result, which names its other files by sha256, and of its provenance."""
    return digest_of([arm, run.result.model_dump(mode="json"), run.provenance.model_dump(mode="json")])
