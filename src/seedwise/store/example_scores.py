"""Scores of examples from a run's predictions, as the metric takes them; a higher one is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedwise.study.metric import Metric
from seedwise_contract import read_predictions, read_token_losses

if TYPE_CHECKING:
    from seedwise.stats import Clusters

NO_GROUPS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Measured:
    """`ids` [examples]; `scores` one an example, or, of a metric that is no mean, one a cluster where there are `clusters`.

    The mean of the scores is the metric, negated where lower is better.
    """

    ids: tuple[str, ...]
    scores: NDArray[np.float64]
    clusters: Clusters | None


def read_measured(
    metric: Metric, path: Path, groups: Mapping[str, str] = NO_GROUPS, *, by_id: bool = False
) -> Measured:
    """What a file of predictions holds, in the order of the file or `by_id`; `groups` as `clusters_of` takes them.

    Accuracy: 1.0 where the prediction is right.  Perplexity: pseudovalues (`stats.perplexity_scores`), of two examples or more.
    `ValueError` names the line that cannot be read.
    """
    if metric.name == "accuracy":
        predictions = list(read_predictions(path))
        if by_id:
            predictions.sort(key=lambda prediction: prediction.id)
        ids = tuple(prediction.id for prediction in predictions)
        right = np.array([prediction.correct for prediction in predictions], dtype=np.float64)
        return Measured(ids, right, clusters_of(ids, groups))
    from seedwise.stats import perplexity_scores  # brings scipy, slow to import

    losses = list(read_token_losses(path))
    if by_id:
        losses.sort(key=lambda line: line.id)
    ids = tuple(line.id for line in losses)
    clusters = clusters_of(ids, groups)
    scores = perplexity_scores([[line.loss for line in losses]], [[line.tokens for line in losses]], clusters)
    return Measured(ids, scores[0], clusters)


def clusters_of(ids: Sequence[str], groups: Mapping[str, str]) -> Clusters | None:
    """The clusters of examples: those of one group (id → group) together, the others each by themselves; None where no two are."""
    if not any(key in groups for key in ids):
        return None
    from seedwise.stats import Clusters  # brings scipy, slow to import

    found = Clusters.by_label(("group", groups[key]) if key in groups else ("example", key) for key in ids)
    return None if found.singles else found
