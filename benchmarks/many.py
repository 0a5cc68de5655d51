"""The procedures that decide, over many data sets at once: the formulae of `seedwise.stats`, which a test holds them to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Many:
    """Estimates of R data sets [R], their standard errors and degrees of freedom."""

    estimate: Array
    error: Array
    df: Array

    def p(self) -> Array:
        return np.asarray(2.0 * stdtr(self.df, -np.abs(self.estimate) / self.error))

    def covers(self, truth: float, alpha: float = 0.05) -> NDArray[np.bool_]:
        return np.abs(self.estimate - truth) <= -stdtrit(self.df, alpha / 2.0) * self.error


def crossed_many(a: Array, b: Array, *, fixed_b: bool = False) -> Many:
    """`stats.crossed` of `a` [R, S_A, C] and `b` [R, S_B, C]; `fixed_b`: the second arm is deterministic."""
    draws = a.shape[2]
    difference = a.mean(axis=1) - b.mean(axis=1)
    v2 = difference.var(axis=1, ddof=1) / draws
    sum_v1, sum_v3 = np.zeros(len(a)), np.zeros(len(a))
    spread = v2**2 / (draws - 1)
    for arm in (a,) if fixed_b else (a, b):
        seeds = arm.shape[1]
        rows = arm.mean(axis=2)
        v1 = rows.var(axis=1, ddof=1) / seeds
        # The residual sum of squares of the two-way layout, by what rows and columns leave of the whole.
        total = np.square(arm - rows.mean(axis=1)[:, None, None]).sum(axis=(1, 2))
        by_row = draws * np.square(rows - rows.mean(axis=1, keepdims=True)).sum(axis=1)
        by_column = seeds * np.square(arm.mean(axis=1) - rows.mean(axis=1, keepdims=True)).sum(axis=1)
        residual = (total - by_row - by_column) / ((seeds - 1) * (draws - 1))
        sum_v1, sum_v3 = sum_v1 + v1, sum_v3 + residual / (seeds * draws)
        spread = spread + v1**2 / (seeds - 1)
    variance = np.maximum(np.maximum(sum_v1 + v2 - sum_v3, sum_v1), v2)
    return Many(difference.mean(axis=1), np.sqrt(variance), variance**2 / spread)


def welch_many(a: Array, b: Array) -> Many:
    """`stats.welch` of per-seed scores `a` [R, S_A] and `b` [R, S_B]."""
    parts = [(arm.var(axis=1, ddof=1) / arm.shape[1], arm.shape[1] - 1) for arm in (a, b)]
    variance = parts[0][0] + parts[1][0]
    df = variance**2 / sum(part**2 / free for part, free in parts)
    return Many(a.mean(axis=1) - b.mean(axis=1), np.sqrt(variance), df)


def exact_many(a: Array, b: Array) -> Array:
    """`stats.permutation_unpaired` of per-seed scores [R, S]: two-sided p [R], for arrangements that can be listed."""
    pooled = np.concatenate([a, b], axis=1)
    pooled = pooled - pooled.mean(axis=1, keepdims=True)
    chosen = np.array(list(combinations(range(pooled.shape[1]), a.shape[1])))
    sums = pooled[:, chosen].sum(axis=2)
    observed = pooled[:, : a.shape[1]].sum(axis=1, keepdims=True)
    near = 1e-9 * np.abs(pooled).max(axis=1, keepdims=True)
    above, below = (sums >= observed - near).mean(axis=1), (sums <= observed + near).mean(axis=1)
    return np.minimum(1.0, 2.0 * np.minimum(above, below))


def cluster_scores(sums: Array, sizes: NDArray[np.intp]) -> Array:
    """`stats.Clusters.scores` from the sums over clusters [R, S, C] of their `sizes` [C]."""
    whole = sums.sum(axis=2, keepdims=True) / sizes.sum()
    raw = whole + (sizes.size - 1) * (sums - sizes * whole) / (sizes.sum() - sizes)
    return np.asarray(raw + whole - raw.mean(axis=2, keepdims=True))
