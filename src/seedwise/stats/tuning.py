"""What a budget of tuning buys: the expected best validation score of so many draws (Dodge et al. 2019, arXiv 1909.03004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .numeric import FloatArray, as_scores, check_alpha


@dataclass(frozen=True, slots=True)
class BudgetPoint:
    """The expected best of `budget` points drawn with replacement, with an interval over searches (`None`: of one point)."""

    budget: int
    expected: float
    interval: tuple[float, float] | None


def expected_best(scores: ArrayLike) -> FloatArray:
    """Return E[max of k of `scores` [n], drawn with replacement], k = 1 to n: Σ v_(i) ((i/n)^k - ((i-1)/n)^k), v sorted.

    Equation 3 of Dodge et al.: the plug-in estimate, biased downwards a little at large k (Tang et al. 2020). Higher is better.
    Raises ValueError without a score, or for one that is NaN.
    """
    values = np.sort(as_scores(scores, "scores"))
    n = values.size
    if n == 0 or bool(np.isnan(values).any()):
        raise ValueError("the expected best needs scores, none of which is NaN")
    edges = (np.arange(n + 1) / n)[None] ** np.arange(1, n + 1)[:, None]
    weights = np.diff(edges, axis=1)
    return np.asarray(np.where(weights > 0.0, weights * values, 0.0).sum(axis=1), dtype=np.float64)


def budget_curve(
    scores: ArrayLike, rng: np.random.Generator, alpha: float = 0.05, resamples: int = 2000
) -> tuple[BudgetPoint, ...]:
    """Return the expected best for every budget up to the points tried, with percentile intervals over resampled searches.

    `scores` [n] are the points' scores on the selection split. The interval says how far another search of as many points
    might come out, by drawing the points anew with replacement; with few points it is too narrow (.75 at nominal .95 with three).
    Raises ValueError as `expected_best`.
    """
    check_alpha(alpha)
    values = as_scores(scores, "scores")
    expected = expected_best(values)
    if values.size < 2:
        return (BudgetPoint(1, float(expected[0]), None),)
    drawn = rng.integers(0, values.size, (resamples, values.size))
    curves = np.stack([expected_best(values[rows]) for rows in drawn])
    low, high = np.quantile(curves, [alpha / 2.0, 1.0 - alpha / 2.0], axis=0, method="lower")
    return tuple(BudgetPoint(k + 1, float(expected[k]), (float(low[k]), float(high[k]))) for k in range(values.size))
