"""Metrics that are no mean over examples, made of predictions and labels or of token losses (see `stats.jackknife`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seedwise.errors import InputError
from seedwise.scores.rows import Row, name_sources, some

PERPLEXITY = "perplexity"
OF_LABELS = ("accuracy", "f1", "macro-f1", "matthews")
RESAMPLED = ("f1", "macro-f1", "matthews", PERPLEXITY)
SHOWN = {"f1": "F1", "macro-f1": "macro-F1", "matthews": "Matthews correlation", PERPLEXITY: "minus perplexity"}

Scores = NDArray[np.float64]


def route_of(metric: str) -> str:
    """What a reader of the verdict is told of the way that the metric is taken."""
    return (
        f"{SHOWN[metric]} is no mean over examples: it is resampled by leaving out each example in turn (jackknife "
        "pseudovalues, Dorfman, Berbaum and Metz 1992), and these enter the crossed analysis"
    )


def pseudo_scores(
    metric: str,
    rows: Sequence[Row],
    arms: Mapping[str, tuple[str, ...]],
    examples: tuple[str, ...] | None,
    positive: str | None,
) -> dict[str, Scores]:
    """Pseudovalues [seeds, examples] of each arm, in the order of `arms` (its seeds) and `examples`; higher is better.

    The rows are known to be complete and free of duplicates. Raises InputError where they do not hold what the metric needs.
    """
    if examples is None:
        raise InputError(
            f"{name_sources(rows)}: {metric} is made of rows an example; give its value a seed as score instead"
        )
    if len(examples) < 2:
        raise InputError(f"{name_sources(rows)}: {metric} needs at least two examples")
    cells = {(row.arm, row.seed, row.example or ""): row for row in rows}
    if metric == PERPLEXITY:
        return {arm: _perplexity(arm, seeds, examples, cells) for arm, seeds in arms.items()}
    return _of_labels(metric, rows, arms, examples, cells, positive)


def _perplexity(
    arm: str, seeds: tuple[str, ...], examples: tuple[str, ...], cells: Mapping[tuple[str, str, str], Row]
) -> Scores:
    from seedwise.stats import perplexity_scores

    found = [[cells[arm, seed, example] for example in examples] for seed in seeds]
    losses = np.array([[-row.score for row in line] for line in found])
    tokens = np.array([[row.tokens or 0.0 for row in line] for line in found])
    return perplexity_scores(losses, tokens)


def _of_labels(
    metric: str,
    rows: Sequence[Row],
    arms: Mapping[str, tuple[str, ...]],
    examples: tuple[str, ...],
    cells: Mapping[tuple[str, str, str], Row],
    positive: str | None,
) -> dict[str, Scores]:
    from seedwise.stats import confusion_scores, f1, macro_f1, matthews

    labels = sorted({row.label or "" for row in rows})
    classes = [*labels, *sorted({row.prediction or "" for row in rows} - set(labels))]
    index = {name: number for number, name in enumerate(classes)}
    statistic: Callable[[Scores], Scores] = matthews if metric == "matthews" else macro_f1
    if metric == "f1":
        statistic = partial(f1, positive=index[_positive(labels, positive, rows)])
    first = next(iter(arms))
    gold = [index[cells[first, arms[first][0], example].label or ""] for example in examples]
    return {
        arm: confusion_scores(
            gold,
            [[index[cells[arm, seed, example].prediction or ""] for example in examples] for seed in seeds],
            len(classes),
            statistic,
        )
        for arm, seeds in arms.items()
    }


def _positive(labels: list[str], positive: str | None, rows: Sequence[Row]) -> str:
    if positive is None and set(labels) <= {"0", "1"}:
        positive = "1"
    if positive is None:
        raise InputError(
            f"{name_sources(rows)}: f1 is of one class; name it with --positive (labels: {some(labels)}), or take macro-f1"
        )
    if positive not in labels:
        raise InputError(
            f"{name_sources(rows)}: --positive {positive}: no example has this label; labels: {some(labels)}"
        )
    return positive
