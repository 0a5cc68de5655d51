"""The probability that a run of one arm beats a run of the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .numeric import as_scores, tie_tolerance


def probability_a_greater(a: ArrayLike, b: ArrayLike) -> float | None:
    """Return P(A > B) over all pairs of a seed of `a` [S_A] and a seed of `b` [S_B]; a tie counts half.

    The effect size of Mann and Whitney (1947, doi 10.1214/aoms/1177730491) divided by S_A S_B, also known as
    the probability of superiority. It describes the scores at hand and carries no test. None where it is
    undefined: an arm without seeds, or a score that is not finite. Raises ValueError for arrays that are not
    one-dimensional.
    """
    scores_a, scores_b = as_scores(a, "a"), as_scores(b, "b")
    pooled = np.concatenate([scores_a, scores_b])
    if scores_a.size == 0 or scores_b.size == 0 or not bool(np.isfinite(pooled).all()):
        return None
    gap = scores_a[:, None] - scores_b[None, :]
    tolerance = tie_tolerance(pooled)
    wins = np.count_nonzero(gap > tolerance)
    ties = np.count_nonzero(np.abs(gap) <= tolerance)
    return float((wins + 0.5 * ties) / gap.size)
