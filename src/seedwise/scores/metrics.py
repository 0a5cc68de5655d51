"""Metrics that are no mean over examples, made of predictions and labels, of losses, or of two sums (see `stats.jackknife`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from seedwise.errors import InputError
from seedwise.scores.rows import Floats, Ints, some
from seedwise.stats import (
    Clusters,
    confusion_scores,
    f1,
    macro_f1,
    matthews,
    pearson_scores,
    perplexity_scores,
    ratio_scores,
    spearman_scores,
)

PERPLEXITY = "perplexity"
OF_LABELS = ("accuracy", "f1", "macro-f1", "matthews")
OF_NUMBERS = ("pearson", "spearman", "mse")
MADE_OF_LABELS = (*OF_LABELS, *OF_NUMBERS)
RESAMPLED = ("f1", "macro-f1", "matthews", "pearson", "spearman", PERPLEXITY)
SHOWN = {
    "f1": "F1",
    "macro-f1": "macro-F1",
    "matthews": "Matthews correlation",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "mse": "mean squared error",
}


def route_of(metric: str, clustered: bool) -> str:
    """What a reader of the verdict is told of the way that the metric is taken."""
    return (
        f"{SHOWN.get(metric, metric)} is no mean over examples: it is resampled by leaving out each "
        f"{'cluster' if clustered else 'example'} in turn (jackknife "
        "pseudovalues, Dorfman, Berbaum and Metz 1992), and these enter the crossed analysis"
    )


def of_labels(
    metric: str,
    gold: Ints,
    said: Ints,
    names: tuple[str, ...],
    n_labels: int,
    positive: str | None,
    source: str,
    clusters: Clusters | None,
) -> Floats:
    """Pseudovalues [seeds, draws] of a metric of classes. `gold` [E] and `said` [S, E] index `names`, whose first `n_labels`
    are the labels; the others are answers that are no label, and merely wrong."""
    statistic: Callable[[Floats], Floats] = matthews
    if metric == "macro-f1":
        statistic = partial(macro_f1, labels=tuple(range(n_labels)))
    elif metric == "f1":
        statistic = partial(f1, positive=names.index(_positive(list(names[:n_labels]), positive, source)))
    return confusion_scores(gold, said, len(names), statistic, clusters)


def _positive(labels: list[str], positive: str | None, source: str) -> str:
    if positive is None and set(labels) <= {"0", "1"}:
        positive = "1"
    if positive is None:
        raise InputError(
            f"{source}: f1 is of one class; name it with --positive (labels: {some(sorted(labels))}), or take macro-f1"
        )
    if positive not in labels:
        raise InputError(f"{source}: --positive {positive}: no example has this label; labels: {some(sorted(labels))}")
    return positive


def of_parts(metric: str, above: Floats, below: Floats, clusters: Clusters | None, source: str) -> Floats:
    """Pseudovalues of a ratio of sums, or of perplexity (negative: higher is better); above and below are [S, E]."""
    try:
        if metric == PERPLEXITY:
            return perplexity_scores(above, below, clusters)
        return ratio_scores(above, below, clusters)
    except ValueError as error:
        raise InputError(f"{source}: {metric}: {error}") from None


def of_numbers(metric: str, gold: Floats, said: Floats, clusters: Clusters | None) -> Floats:
    """Pseudovalues of a correlation of predictions [S, E] with labels [E]; 0 where either is constant."""
    return (pearson_scores if metric == "pearson" else spearman_scores)(gold, said, clusters)
