"""Scores laid out by arm, seed and example: what verdicts are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedwise.scores.asked import Unit
from seedwise.scores.direction import Direction
from seedwise.scores.summaries import Summary
from seedwise.stats import Clusters


@dataclass(frozen=True, slots=True)
class ArmTable:
    """One arm's scores, higher being better (minus the metric where lower is): [seeds], or [seeds, examples] or clusters."""

    name: str
    seeds: tuple[str, ...]
    scores: NDArray[np.float64]

    @property
    def seed_scores(self) -> NDArray[np.float64]:
        return self.scores if self.scores.ndim == 1 else self.scores.mean(axis=1)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Arms in the order in which they first appear; with `examples`, column i is the same example in every arm.

    `direction` is the metric's own; the scores are turned so that higher is better. `route` says how a metric that is no mean
    over examples was taken; the scores are then pseudovalues of it. `notices` say what was chosen.
    """

    arms: dict[str, ArmTable]
    examples: tuple[str, ...] | None
    metric: str
    unit: Unit
    route: str | None = None
    direction: Direction = "higher"
    clusters: Clusters | None = None
    task: str | None = None
    notices: tuple[str, ...] = ()
    summaries: Mapping[str, Summary] | None = None

    @property
    def sign(self) -> float:
        return 1.0 if self.direction == "higher" else -1.0
