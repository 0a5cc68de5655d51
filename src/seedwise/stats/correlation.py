"""Correlations of numbers with labels that are numbers, turned into scores of examples by leaving each out (`stats.jackknife`).

Both are computed anew without each case, and not approximated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clusters import Clusters, IntArray, pseudovalues
from .numeric import FloatArray

BoolArray = NDArray[np.bool_]

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
    own, ranked = _ranks(labels), [_ranks(line) for line in answers]
    whole = np.array([pearson(own, line) for line in ranked])
    if cases.singles:
        return pseudovalues(whole, np.array([_without_one(own, line) for line in ranked])[:, cases.of])
    without = np.zeros((len(ranked), cases.n_clusters))
    for case in range(cases.n_clusters):
        kept = cases.of != case
        left = _ranks_without(own, kept)
        for number, line in enumerate(ranked):
            without[number, case] = pearson(left, _ranks_without(line, kept)) if left.size else 0.0
    return pseudovalues(whole, without)


def _ranks_without(ranks: FloatArray, kept: BoolArray) -> FloatArray:
    """The ranks of what is kept: each falls by one for a smaller value that goes, and by a half for an equal one."""
    gone = np.sort(ranks[~kept])
    left = ranks[kept]
    return np.asarray(left - (np.searchsorted(gone, left) + np.searchsorted(gone, left, "right")) / 2.0)


def _without_one(x: FloatArray, y: FloatArray) -> FloatArray:
    """Spearman's correlation [E] of two lists of ranks, each example left out in turn.

    With a_ij = 1 where x_j > x_i, 1/2 where they are equal, and b_ij the same of y, the ranks without i are x_j - a_ij and
    y_j - b_ij. Their sums and sums of squares follow from the ties, and Σ a_ij b_ij from counts of pairs.
    """
    n = x.size - 1.0
    of_x, of_y = groups = [np.unique(values, return_inverse=True)[1] for values in (x, y)]
    spreads = []
    for of in groups:
        ties = np.bincount(of)
        tied = float((ties**3.0 - ties).sum()) - 3.0 * ties[of] * (ties[of] - 1.0)  # Σ t³ - t without the example
        spreads.append((n**3 - n - tied) / 12.0)
    product = float((x * y).sum()) - x * y - _given_back(of_x, y) - _given_back(of_y, x) + _both_above(of_x, of_y)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (product - n * (n + 1.0) ** 2 / 4.0) / np.sqrt(spreads[0] * spreads[1])
    return np.asarray(np.where((spreads[0] > 0.0) & (spreads[1] > 0.0), found, 0.0), dtype=np.float64)


def _given_back(of: IntArray, weights: FloatArray) -> FloatArray:
    """Σ_j≠i a_ij w_j, of values in the groups `of`, which are numbered as they rise."""
    sums = np.bincount(of, weights)
    above = sums.sum() - np.cumsum(sums)
    return np.asarray(above[of] + (sums[of] - weights) / 2.0)


def _both_above(of_x: IntArray, of_y: IntArray) -> FloatArray:
    """Σ_j≠i a_ij b_ij [E]: a quarter of the pairs above in both, strictly or not, in each of the four ways.

    Two values of x that differ are told apart at the highest bit in which their numbers do, so that each pair is counted once.
    """
    width = int(of_y.max()) + 1
    key = of_x * width + of_y
    keys = np.sort(key)
    end = np.searchsorted(keys, (of_x + 1) * width)
    total = (2.0 * end - np.searchsorted(keys, key) - np.searchsorted(keys, key, "right") - 1.0).astype(np.float64)
    for bit in range(int(of_x.max()).bit_length()):
        block, high = of_x >> (bit + 1), (of_x >> bit) & 1 == 1
        keys, low = np.sort((block * width + of_y)[high]), ~high
        key, end = (block * width + of_y)[low], np.searchsorted(keys, (block[low] + 1) * width)
        # Counted for x above and for x at least as high alike: twice.
        total[low] += 2.0 * (2.0 * end - np.searchsorted(keys, key) - np.searchsorted(keys, key, "right"))
    return np.asarray(total / 4.0)


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
