"""The scores of an arm's finished runs, and what two arms have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedwise.stats import Clusters, Description
from seedwise.store.pairing import not_shared
from seedwise.store.store import StoredRun
from seedwise.study.metric import Metric
from seedwise_contract import RunStatus


@dataclass(frozen=True, slots=True)
class ArmScores:
    """One arm's finished runs.  `examples` is [seeds, examples], rows as `runs`: scores as verdicts take them (`read_measured`), a
    higher one being better; not finite where a run left none and the metric has no worst score.  Where examples come in
    `clusters`, a metric that is no mean over them has one score a cluster instead.  `constant` counts the runs that give one
    answer to everything.
    """

    name: str
    runs: tuple[StoredRun, ...]
    example_ids: tuple[str, ...]
    examples: NDArray[np.float64]
    metric: Metric
    deterministic: bool
    baseline: bool
    summary: Description
    clusters: Clusters | None = None
    constant: int = 0

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.spec.seeds.seed for run in self.runs)

    @property
    def scores(self) -> tuple[float | None, ...]:
        """The metric of each seed on the reported split; None where a diverged run has none."""
        return tuple(
            self.metric.own(float(value)) if np.isfinite(value) else None for value in self.examples.mean(axis=1)
        )

    @property
    def diverged(self) -> tuple[bool, ...]:
        return tuple(run.result.status is RunStatus.DIVERGED for run in self.runs)


def pairs_fault(a: ArmScores, b: ArmScores) -> str | None:
    """Why the arms' runs are no pairs; None where they share their seeds."""
    return not_shared(dict(zip(a.seeds, a.runs, strict=True)), dict(zip(b.seeds, b.runs, strict=True)))


def clusters_of_both(a: ArmScores, b: ArmScores) -> Clusters | None:
    """The clusters of the examples that both arms have; an arm of which every run was lost knows none."""
    return a.clusters or b.clusters
