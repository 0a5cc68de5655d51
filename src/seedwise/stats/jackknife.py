"""Metrics that are no mean over examples: F1, Matthews, perplexity, turned into scores of examples by leaving each out.

The crossed analysis takes a score a seed and example. Where the metric of a seed is a function of all its examples, the score
of an example is its jackknife pseudovalue E θ - (E - 1) θ without the example, shifted so that a seed's mean is its θ: the
way of Dorfman, Berbaum and Metz (1992) for the area under a ROC curve, normalised as by Hillis and Berbaum (2005, doi
10.1016/j.acra.2005.07.012).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .numeric import FloatArray, as_matrix

IntArray = NDArray[np.intp]


def f1(confusion: FloatArray, positive: int) -> FloatArray:
    """Return F1 of class `positive` from confusion counts [..., gold, predicted]; 0 where neither has the class."""
    hits = confusion[..., positive, positive]
    said = confusion[..., :, positive].sum(axis=-1)
    gold = confusion[..., positive, :].sum(axis=-1)
    return _ratio(2.0 * hits, said + gold)


def macro_f1(confusion: FloatArray) -> FloatArray:
    """Return the unweighted mean of F1 over all classes of the counts [..., gold, predicted]."""
    each = np.stack([f1(confusion, label) for label in range(confusion.shape[-1])])
    return np.asarray(each.mean(axis=0), dtype=np.float64)


def matthews(confusion: FloatArray) -> FloatArray:
    """Return Matthews' correlation from counts [..., gold, predicted], for any number of classes; 0 where it is undefined.

    Matthews (1975, doi 10.1016/0005-2795(75)90109-9); the multi-class form is Gorodkin's (2004).
    """
    total = confusion.sum(axis=(-2, -1))
    gold, said = confusion.sum(axis=-1), confusion.sum(axis=-2)
    hits = np.trace(confusion, axis1=-2, axis2=-1)
    covariance = hits * total - (gold * said).sum(axis=-1)
    spread = (total**2 - (gold**2).sum(axis=-1)) * (total**2 - (said**2).sum(axis=-1))
    return _ratio(covariance, np.sqrt(spread))


def confusion_scores(
    gold: ArrayLike, predicted: ArrayLike, n_classes: int, statistic: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Return pseudovalues [S, E] of a statistic of confusion counts.

    `gold` [E] and `predicted` [S, E] are class indices below `n_classes`; `statistic` maps counts [..., gold, predicted] to
    [...]. Leaving out an example takes one from one cell, so each cell is computed once. Raises ValueError for shapes that do
    not fit.
    """
    truth, said = np.asarray(gold, dtype=np.intp), np.asarray(predicted, dtype=np.intp)
    if truth.ndim != 1 or said.ndim != 2 or said.shape[1] != truth.size:
        raise ValueError(f"gold is [examples] and predicted [seeds, examples]; they are {truth.shape} and {said.shape}")
    rows = []
    for answers in said:
        counts = np.zeros((n_classes, n_classes))
        np.add.at(counts, (truth, answers), 1.0)
        without = np.repeat(counts[None], n_classes * n_classes, axis=0)
        cells = np.arange(n_classes * n_classes)
        without.reshape(cells.size, -1)[cells, cells] -= 1.0
        left_out = np.asarray(statistic(np.maximum(without, 0.0)))[truth * n_classes + answers]
        rows.append(pseudovalues(float(statistic(counts)), left_out))
    return np.array(rows)


def perplexity_scores(losses: ArrayLike, tokens: ArrayLike) -> FloatArray:
    """Return pseudovalues [S, E] of minus the perplexity exp(Σ loss / Σ tokens), so that higher is better.

    `losses` [S, E] are summed over the tokens of an example, in nats; `tokens` [S, E] or [E] say how many those are. Raises
    ValueError for fewer than two examples, or a count that is not positive.
    """
    loss = as_matrix(losses, "losses")
    count = np.broadcast_to(np.asarray(tokens, dtype=np.float64), loss.shape)
    if loss.shape[1] < 2 or not bool((count > 0.0).all()):
        raise ValueError("perplexity needs two examples, each with at least one token")
    whole = -np.exp(loss.sum(axis=1) / count.sum(axis=1))
    without = -np.exp((loss.sum(axis=1, keepdims=True) - loss) / (count.sum(axis=1, keepdims=True) - count))
    return np.array([pseudovalues(float(theta), row) for theta, row in zip(whole, without, strict=True)])


def pseudovalues(whole: float, without: FloatArray) -> FloatArray:
    """Return the shifted pseudovalues [E] of one seed: their mean is `whole`, the metric on all examples.

    `without` [E] is the metric with each example left out.
    """
    n = without.size
    raw: FloatArray = n * whole - (n - 1) * without
    shift = whole - float(raw.mean())
    return raw + shift


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    bottom = np.asarray(below, dtype=np.float64)
    return np.asarray(np.divide(above, bottom, out=np.zeros_like(bottom), where=bottom > 0.0), dtype=np.float64)
