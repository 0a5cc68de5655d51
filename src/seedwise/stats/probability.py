"""How often a seed of A scores above a seed of B, on this test file, with an interval."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .numeric import as_scores, check_alpha, tie_tolerance

_PAIRS = 1 << 20  # beyond which pairs are counted by sorting


def probability_a_greater(a: ArrayLike, b: ArrayLike, *, paired: bool = False) -> float | None:
    """Return P(A > B) over all pairs of a seed of `a` [S_A] and a seed of `b` [S_B]; a tie counts half.

    The effect size of Mann and Whitney (1947, doi 10.1214/aoms/1177730491) divided by S_A S_B, also known as
    the probability of superiority; `paired` takes seed i with seed i only. It describes the scores at hand and carries no
    test. None where it is undefined: an arm without seeds, or a score that is not finite. Raises ValueError for arrays that
    are not one-dimensional.
    """
    scores_a, scores_b = as_scores(a, "a"), as_scores(b, "b")
    pooled = np.concatenate([scores_a, scores_b])
    if scores_a.size == 0 or scores_b.size == 0 or not bool(np.isfinite(pooled).all()):
        return None
    tolerance = tie_tolerance(pooled)
    if not paired and scores_a.size * scores_b.size > _PAIRS:
        others = np.sort(scores_b)
        below = np.searchsorted(others, scores_a - tolerance, side="left")
        level = np.searchsorted(others, scores_a + tolerance, side="right") - below
        return float((below.sum() + 0.5 * level.sum()) / (scores_a.size * scores_b.size))
    gap = scores_a - scores_b if paired else scores_a[:, None] - scores_b[None, :]
    wins = np.count_nonzero(gap > tolerance)
    ties = np.count_nonzero(np.abs(gap) <= tolerance)
    return float((wins + 0.5 * ties) / gap.size)


def probability_interval(share: float, n_a: int, n_b: int, alpha: float = 0.05) -> tuple[float, float]:
    """Return the 1 - `alpha` interval of P(A > B) for an observed `share` of the pairs of `n_a` and `n_b` independent seeds.

    Newcombe's method 5 (2006, doi 10.1002/sim.2324): all θ with |share - θ| <= q √V(θ), where V(θ) = θ (1 - θ) (1 + m
    ((1 - θ) / (2 - θ) + θ / (1 + θ))) / (n_a n_b) and m = (n_a + n_b) / 2 - 1. Like Wilson's interval of a share it
    does not shrink to a point where A wins every pair. He takes q from the normal distribution; Student's t with n_a +
    n_b - 2 degrees of freedom keeps the level with three seeds, where all pairs won happens in one of ten studies of
    equal arms. For this test file; seeds independent. Raises ValueError for a share outside [0, 1] or an arm without
    seeds.
    """
    check_alpha(alpha)
    if not 0.0 <= share <= 1.0 or min(n_a, n_b) < 1:
        raise ValueError(f"a share lies in [0, 1] and an arm has seeds; given: {share}, {n_a} and {n_b}")
    q = float(scipy.stats.t.isf(alpha / 2.0, max(n_a + n_b - 2, 1)))
    m = 0.5 * (n_a + n_b) - 1.0

    def excess(theta: float) -> float:
        variance = theta * (1.0 - theta) * (1.0 + m * ((1.0 - theta) / (2.0 - theta) + theta / (1.0 + theta)))
        return abs(share - theta) - q * math.sqrt(variance / (n_a * n_b))

    edge = 1e-12  # at a share of 0 or 1 itself nothing is in excess
    low = 0.0 if share <= edge else float(scipy.optimize.brentq(excess, 0.0, min(share, 1.0 - edge)))
    high = 1.0 if share >= 1.0 - edge else float(scipy.optimize.brentq(excess, max(share, edge), 1.0))
    return low, high


def share_interval(share: float, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Return the 1 - `alpha` interval of a `share` of `n` draws, ties counting half (Clopper and Pearson 1934, doi
    10.1093/biomet/26.4.404): of pairs of seeds, or of seeds against one fixed score."""
    check_alpha(alpha)
    wins = share * n
    low = 0.0 if wins <= 0.0 else float(scipy.special.betaincinv(wins, n - wins + 1.0, alpha / 2.0))
    high = 1.0 if wins >= n else float(scipy.special.betaincinv(wins + 1.0, n - wins, 1.0 - alpha / 2.0))
    return low, high
