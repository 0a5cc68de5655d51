"""Correlations of numbers with labels that are numbers, turned into scores of examples by leaving each out (`stats.jackknife`).

Both are computed anew without each case, and not approximated: Pearson's from sums, Spearman's from ranks that what is left out
gives back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .clusters import Clusters, IntArray, pseudovalues
from .numeric import FloatArray

_CELLS = 1 << 21  # of one block of ranks: 16 MiB
_FLAT = 1e-12  # a spread below this share of the whole is rounding: what is left is constant


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Return Pearson's correlation of two lists [E]; 0 where either is constant."""
    left, right = _centred(x), _centred(y)
    spread = float(np.sqrt((left * left).sum() * (right * right).sum()))
    return float((left * right).sum()) / spread if spread > 0.0 else 0.0


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Return Spearman's correlation of two lists [E]: Pearson's of their ranks, equal values having the mean of theirs."""
    return pearson(_ranks(np.asarray(x, dtype=np.float64)), _ranks(np.asarray(y, dtype=np.float64)))


def pearson_scores(gold: ArrayLike, said: ArrayLike, clusters: Clusters | None = None) -> FloatArray:
    """Return pseudovalues [S, E] of Pearson's correlation of `said` [S, E] with `gold` [E], or [S, C] with `clusters`.

    A seed's mean is the correlation itself. Raises ValueError for shapes that do not fit, or fewer than two examples.
    """
    labels, answers, cases = _checked(gold, said, clusters)
    x = _centred(labels)
    without = []
    for line in answers:
        y = _centred(line)
        n = np.asarray(labels.size - cases.sizes, dtype=np.float64)
        sums = [np.asarray(values.sum() - cases.sums(values)) for values in (x, y, x * x, y * y, x * y)]
        without.append(_from_sums(n, sums, (float((x * x).sum()), float((y * y).sum()))))
    return pseudovalues(np.array([pearson(labels, line) for line in answers]), np.array(without))


def spearman_scores(gold: ArrayLike, said: ArrayLike, clusters: Clusters | None = None) -> FloatArray:
    """Return pseudovalues of Spearman's correlation, as `pearson_scores`; what is left has its ranks anew each time."""
    labels, answers, cases = _checked(gold, said, clusters)
    order = np.argsort(cases.of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(cases.sizes)])
    step = max(1, _CELLS // labels.size)
    blocks, first = [], 0
    while first < cases.n_clusters:  # so many cases that their rows fill a block
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + step, "right")) - 1)
        blocks.append((first, min(last, cases.n_clusters)))
        first = blocks[-1][1]
    ranked = [_ranks(line) for line in answers]
    own = _ranks(labels)
    found = np.zeros((len(answers), cases.n_clusters))
    for first, last in blocks:
        rows = order[starts[first] : starts[last]]
        edges = starts[first:last] - starts[first]
        kept = np.ones((last - first, labels.size))
        kept[cases.of[rows] - first, rows] = 0.0
        left = (own - _given_back(labels, rows, edges)) * kept
        for number, line in enumerate(answers):
            right = (ranked[number] - _given_back(line, rows, edges)) * kept
            n = kept.sum(axis=1)
            # Around the middle rank, which is near their mean: sums of squares of ranks lose digits otherwise.
            x, y = (left - (n[:, None] + 1.0) / 2.0) * kept, (right - (n[:, None] + 1.0) / 2.0) * kept
            sums = [np.asarray(values.sum(axis=1)) for values in (x, y, x * x, y * y, x * y)]
            spread = n * (n * n - 1.0) / 12.0  # of ranks without ties
            found[number, first:last] = _from_sums(n, sums, (spread, spread))
    return pseudovalues(np.array([pearson(own, line) for line in ranked]), found)


def _given_back(values: FloatArray, rows: IntArray, edges: IntArray) -> FloatArray:
    """By how much each rank falls [cases, E] where the `rows` of a case are left out: one a smaller value, a half an equal one."""
    if edges.size == 1:  # perhaps many rows
        out = np.sort(values[rows])
        return np.asarray(np.searchsorted(out, values) + np.searchsorted(out, values, "right"))[None] / 2.0
    out = values[rows][:, None]
    steps = (values[None] > out) + 0.5 * (values[None] == out)
    return np.asarray(np.add.reduceat(steps, edges, axis=0), dtype=np.float64)


def _from_sums(
    n: FloatArray, sums: Sequence[FloatArray], whole: tuple[FloatArray | float, FloatArray | float]
) -> FloatArray:
    """Correlations from `n` and the sums of x, y, x², y² and xy; 0 where a spread is none beside the `whole` ones."""
    sx, sy, sxx, syy, sxy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        own = sxx - sx * sx / n, syy - sy * sy / n
        there = (n > 1) & (own[0] > _FLAT * whole[0]) & (own[1] > _FLAT * whole[1])
        found = (sxy - sx * sy / n) / np.sqrt(own[0] * own[1])
    return np.asarray(np.where(there, found, 0.0), dtype=np.float64)


def _ranks(values: FloatArray) -> FloatArray:
    _, of, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[of], dtype=np.float64)


def _centred(values: ArrayLike) -> FloatArray:
    """Less the mean; of equal values exactly 0, which rounding would not give."""
    array = np.asarray(values, dtype=np.float64)
    return np.zeros_like(array) if np.ptp(array) == 0.0 else array - array.mean()


def _checked(
    gold: ArrayLike, said: ArrayLike, clusters: Clusters | None
) -> tuple[FloatArray, list[FloatArray], Clusters]:
    labels, answers = np.asarray(gold, dtype=np.float64), np.asarray(said, dtype=np.float64)
    if labels.ndim != 1 or answers.ndim != 2 or answers.shape[1] != labels.size:
        raise ValueError(f"gold is [examples] and said [seeds, examples]; they are {labels.shape} and {answers.shape}")
    if labels.size < 2:
        raise ValueError("a correlation needs two examples or more")
    if clusters is not None and clusters.n_examples != labels.size:
        raise ValueError(f"{clusters.n_examples} examples are in clusters, and there are {labels.size}")
    return labels, list(answers), Clusters.by_label(range(labels.size)) if clusters is None else clusters
