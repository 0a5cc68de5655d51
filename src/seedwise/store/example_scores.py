"""Scores of examples from a run's predictions, as the metric takes them; a higher one is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedwise.study.metric import Metric
from seedwise_contract import Prediction, RunSpec, read_estimates, read_predictions, read_token_losses
from seedwise_contract.metrics import log_odds, positive_class
from seedwise_contract.spec import Task

if TYPE_CHECKING:
    from seedwise.stats import Clusters

NO_GROUPS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Measured:
    """`ids` [examples]; `scores` one an example, or, of a metric that is no mean, one a cluster where there are `clusters`.

    The mean of the scores is the metric, negated where lower is better.  `constant`: one class, or one number, is the answer to
    everything.
    """

    ids: tuple[str, ...]
    scores: NDArray[np.float64]
    clusters: Clusters | None
    constant: bool = False


def read_measured(
    metric: Metric,
    path: Path,
    groups: Mapping[str, str] = NO_GROUPS,
    *,
    by_id: bool = False,
    positive: int = 1,
) -> Measured:
    """What a file of predictions holds, in the order of the file or `by_id`; `groups` as `clusters_of` takes them.

    Accuracy: 1.0 where the prediction is right; mean squared error: minus the square.  Any other metric: pseudovalues
    (`stats.jackknife`, `stats.ranking`, `stats.correlation`), of two examples or more; `positive` is the class that F1, AUROC and
    average precision are of.  `ValueError` names the line that cannot be read.
    """
    if metric.kind == "regression":
        return _of_numbers(metric.name, path, groups, by_id)
    if metric.kind == "classification":
        predictions = list(read_predictions(path))
        if by_id:
            predictions.sort(key=lambda prediction: prediction.id)
        ids = tuple(prediction.id for prediction in predictions)
        clusters = clusters_of(ids, groups)
        return Measured(ids, _of_labels(metric.name, predictions, positive, clusters), clusters, _constant(predictions))
    from seedwise.stats import perplexity_scores  # brings scipy, slow to import

    losses = list(read_token_losses(path))
    if by_id:
        losses.sort(key=lambda line: line.id)
    ids = tuple(line.id for line in losses)
    clusters = clusters_of(ids, groups)
    scores = perplexity_scores([[line.loss for line in losses]], [[line.tokens for line in losses]], clusters)
    return Measured(ids, scores[0], clusters)


def _of_numbers(name: str, path: Path, groups: Mapping[str, str], by_id: bool) -> Measured:
    lines = list(read_estimates(path))
    if by_id:
        lines.sort(key=lambda line: line.id)
    ids = tuple(line.id for line in lines)
    clusters = clusters_of(ids, groups)
    gold, said = np.array([line.label for line in lines]), np.array([line.value for line in lines])
    constant = len(set(said.tolist())) == 1
    if name == "mse":
        return Measured(ids, -((said - gold) ** 2), clusters, constant)
    from seedwise.stats import pearson_scores, spearman_scores  # brings scipy, slow to import

    scores = (pearson_scores if name == "pearson" else spearman_scores)(gold, said[None], clusters)
    return Measured(ids, scores[0], clusters, constant)


def positive_of(spec: RunSpec) -> int:
    """The class that F1, AUROC and average precision are of; 1 where a task has no classes."""
    return positive_class(spec.task) if isinstance(spec.task, Task) else 1


def _of_labels(
    name: str, predictions: Sequence[Prediction], positive: int, clusters: Clusters | None
) -> NDArray[np.float64]:
    if name == "accuracy":
        return np.array([prediction.correct for prediction in predictions], dtype=np.float64)
    from functools import partial

    from seedwise.stats import (  # brings scipy, slow to import
        auroc_scores,
        average_precision_scores,
        balanced_accuracy,
        confusion_scores,
        f1,
        macro_f1,
        matthews,
    )

    gold = np.array([prediction.label for prediction in predictions], dtype=np.intp)
    if name in ("auroc", "average-precision"):
        odds = [[log_odds(prediction.scores, positive) for prediction in predictions]]
        ranked = auroc_scores if name == "auroc" else average_precision_scores
        scores: NDArray[np.float64] = ranked(gold == positive, odds, clusters)
        return np.asarray(scores[0])
    classes = len(predictions[0].scores)
    occur = tuple(int(label) for label in np.unique(gold))
    statistics: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
        "balanced-accuracy": partial(balanced_accuracy, labels=occur),
        "f1": partial(f1, positive=positive),
        "macro-f1": partial(macro_f1, labels=occur),
        "matthews": matthews,
    }
    said = np.array([[prediction.predicted for prediction in predictions]], dtype=np.intp)
    return np.asarray(confusion_scores(gold, said, classes, statistics[name], clusters)[0])


def _constant(predictions: Sequence[Prediction]) -> bool:
    """Whether one class is the answer to everything."""
    return len({prediction.predicted for prediction in predictions}) == 1


def clusters_of(ids: Sequence[str], groups: Mapping[str, str]) -> Clusters | None:
    """The clusters of examples: those of one group (id → group) together, the others each by themselves; None where no two are."""
    if not any(key in groups for key in ids):
        return None
    from seedwise.stats import Clusters  # brings scipy, slow to import

    found = Clusters.by_label(("group", groups[key]) if key in groups else ("example", key) for key in ids)
    return None if found.singles else found
