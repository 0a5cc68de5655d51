"""Metrics that are no mean over examples: F1, Matthews, perplexity, turned into scores of examples by leaving each out.

The crossed analysis takes a score a seed and example. Where the metric of a seed is a function of all its examples, the score
of an example is its jackknife pseudovalue E θ - (E - 1) θ without the example, shifted so that a seed's mean is its θ: the
way of Dorfman, Berbaum and Metz (1992) for the area under a ROC curve, normalised as by Hillis and Berbaum (2005, doi
10.1016/j.acra.2005.07.012). Where examples come in clusters, whole clusters are left out, and a score is one of a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .clusters import Clusters, pseudovalues
from .numeric import FloatArray, as_matrix


def f1(confusion: FloatArray, positive: int) -> FloatArray:
    """Return F1 of class `positive` from confusion counts [..., gold, predicted]; 0 where neither has the class."""
    hits = confusion[..., positive, positive]
    said = confusion[..., :, positive].sum(axis=-1)
    gold = confusion[..., positive, :].sum(axis=-1)
    return _ratio(2.0 * hits, said + gold)


def macro_f1(confusion: FloatArray, labels: Sequence[int] | None = None) -> FloatArray:
    """Return the unweighted mean of F1 over the classes `labels` of the counts [..., gold, predicted]; None: over all of them.

    Give the labels of the gold column: an answer that is no label is merely wrong, and no class to average over.
    """
    classes = range(confusion.shape[-1]) if labels is None else labels
    each = np.stack([f1(confusion, label) for label in classes])
    return np.asarray(each.mean(axis=0), dtype=np.float64)


def balanced_accuracy(confusion: FloatArray, labels: Sequence[int] | None = None) -> FloatArray:
    """Return the mean over the classes `labels` of the share of a class that is found, from counts [..., gold, predicted].

    A class without examples, as where its only one is left out, is not averaged over; None: all classes.
    """
    classes = list(range(confusion.shape[-1]) if labels is None else labels)
    there = confusion[..., classes, :].sum(axis=-1)
    found = _ratio(confusion[..., classes, classes], there)
    return _ratio(found.sum(axis=-1), (there > 0.0).sum(axis=-1).astype(np.float64))


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
    gold: ArrayLike,
    predicted: ArrayLike,
    n_classes: int,
    statistic: Callable[[FloatArray], FloatArray],
    clusters: Clusters | None = None,
) -> FloatArray:
    """Return pseudovalues [S, E] of a statistic of confusion counts, or [S, C] with `clusters`.

    `gold` [E] and `predicted` [S, E] are class indices below `n_classes`; `statistic` maps counts [..., gold, predicted] to
    [...]. Leaving out an example takes one from one cell, so each cell is computed once. Raises ValueError for shapes that do
    not fit.
    """
    truth, said = np.asarray(gold, dtype=np.intp), np.asarray(predicted, dtype=np.intp)
    if truth.ndim != 1 or said.ndim != 2 or said.shape[1] != truth.size:
        raise ValueError(f"gold is [examples] and predicted [seeds, examples]; they are {truth.shape} and {said.shape}")
    _check_clusters(truth.size, clusters)
    n_cells = n_classes * n_classes
    whole, without = [], []
    for answers in said:
        cells = truth * n_classes + answers
        counts = np.bincount(cells, minlength=n_cells).astype(np.float64)
        if clusters is None or clusters.singles:
            present, of_example = np.unique(cells, return_inverse=True)
            left = np.repeat(counts[None], present.size, axis=0)
            left[np.arange(present.size), present] -= 1.0
        else:
            left = np.repeat(counts[None], clusters.n_clusters, axis=0)
            np.subtract.at(left, (clusters.of, cells), 1.0)
            of_example = np.arange(clusters.n_clusters)
        shape = (n_classes, n_classes)
        whole.append(float(statistic(counts.reshape(shape))))
        without.append(np.asarray(statistic(left.reshape(-1, *shape)), dtype=np.float64)[of_example])
    return pseudovalues(np.array(whole), np.array(without))


def perplexity_scores(losses: ArrayLike, tokens: ArrayLike, clusters: Clusters | None = None) -> FloatArray:
    """Return pseudovalues [S, E] ([S, C] with `clusters`) of minus the perplexity exp(Σ loss / Σ tokens): higher is better.

    `losses` [S, E] are summed over the tokens of an example, in nats; `tokens` [S, E] or [E] say how many those are. A loss
    whose perplexity a double cannot hold gives values that are not finite. Raises ValueError for fewer than two examples, or
    a count that is not positive.
    """
    loss, count = _parts(losses, tokens, "losses", clusters)
    if np.shape(losses)[1] < 2 or not bool((count > 0.0).all()):
        raise ValueError("perplexity needs two examples, each with at least one token")
    with np.errstate(over="ignore", invalid="ignore"):
        whole = -np.exp(loss.sum(axis=1) / count.sum(axis=1))
        if loss.shape[1] == 1:  # one cluster: nothing is left without it
            return np.asarray(whole[:, None], dtype=np.float64)
        without = -np.exp((loss.sum(axis=1, keepdims=True) - loss) / (count.sum(axis=1, keepdims=True) - count))
        return pseudovalues(whole, without)


def ratio_scores(above: ArrayLike, below: ArrayLike, clusters: Clusters | None = None) -> FloatArray:
    """Return pseudovalues [S, E] ([S, C] with `clusters`) of Σ above / Σ below: errors over words, or hits over tokens.

    `above` [S, E]; `below` [S, E] or [E], none negative. Negate the result of an error rate, so that higher is better. Raises
    ValueError where nothing is left below the line without one of them.
    """
    top, bottom = _parts(above, below, "above", clusters)
    whole = bottom.sum(axis=1, keepdims=True)
    one = top.shape[1] == 1  # one cluster: nothing is left without it
    if bool((bottom < 0.0).any()) or not bool(((whole if one else whole - bottom) > 0.0).all()):
        raise ValueError("a ratio needs two examples with something below the line, and nothing negative there")
    metric = top.sum(axis=1) / bottom.sum(axis=1)
    return metric[:, None] if one else pseudovalues(metric, (top.sum(axis=1, keepdims=True) - top) / (whole - bottom))


def _parts(above: ArrayLike, below: ArrayLike, name: str, clusters: Clusters | None) -> tuple[FloatArray, FloatArray]:
    """Both as [seeds, cases]: examples, or the sums of each cluster's."""
    top = as_matrix(above, name)
    bottom = np.broadcast_to(np.asarray(below, dtype=np.float64), top.shape)
    _check_clusters(top.shape[1], clusters)
    if clusters is None or clusters.singles:
        return top, bottom
    return clusters.sums(top), clusters.sums(bottom)


def _check_clusters(examples: int, clusters: Clusters | None) -> None:
    if clusters is not None and clusters.n_examples != examples:
        raise ValueError(f"clusters are of {clusters.n_examples} examples, and there are {examples}; give one for each")


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    bottom = np.asarray(below, dtype=np.float64)
    return np.asarray(np.divide(above, bottom, out=np.zeros_like(bottom), where=bottom > 0.0), dtype=np.float64)
