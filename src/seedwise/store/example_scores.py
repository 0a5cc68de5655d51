"""Scores of examples from a run's predictions, as the metric takes them; a higher one is better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seedwise.study.metric import Metric
from seedwise_contract import read_predictions, read_token_losses


def read_measured(metric: Metric, path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Ids and scores [examples], in the order of the file.  Their mean is the metric, negated where lower is better.

    Accuracy: 1.0 where the prediction is right.  Perplexity: pseudovalues (`stats.perplexity_scores`), of two examples or more.
    `ValueError` names the line that cannot be read.
    """
    if metric.name == "accuracy":
        predictions = list(read_predictions(path))
        ids = tuple(prediction.id for prediction in predictions)
        return ids, np.array([prediction.correct for prediction in predictions], dtype=np.float64)
    from seedwise.stats import perplexity_scores  # brings scipy, slow to import

    losses = list(read_token_losses(path))
    scores = perplexity_scores([[line.loss for line in losses]], [[line.tokens for line in losses]])
    return tuple(line.id for line in losses), scores[0]
