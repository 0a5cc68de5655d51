"""Seeds that lie far below the rest of their arm: training that collapsed, where a mean over seeds says little."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .numeric import FloatArray, as_scores, largest

_NOISES = 5.0  # a gap within the scatter that examples alone give a seed's score is no collapse
_LEAST = 0.0025  # of the largest score: rounded scores that tie have a spread of at least this

# How many spreads a gap has to exceed, by the number of seeds (ten stand for more): below a single seed; below a few seeds, by
# the spread of those above; between two groups, by the spread within both. Exceeded by normal scores in 2 % of sets of four,
# and in .7 % of larger ones; from eight seeds on a single seed needs five spreads, more than that.
_GAPS = {
    4: (11.0, np.inf, 58.9),
    5: (11.2, np.inf, 23.9),
    6: (7.5, 12.9, 14.6),
    7: (5.9, 12.6, 10.5),
    8: (5.0, 11.9, 8.3),
    9: (5.0, 7.3, 6.8),
    10: (5.0, 7.0, 6.1),
}
_FEW_ABOVE = 4


def seeds_apart(scores: ArrayLike, noise: float = 0.0) -> int:
    """Return how many of the per-seed `scores` [S] form a group far below the others; 0 where they are one group.

    Sorted, the scores are cut at every gap. A gap counts where it exceeds so many standard deviations of the scores above it,
    or of those within both groups, as normal scores rarely show anywhere (critical values by simulation, for the set as
    a whole), and five times `noise`, the standard deviation that a seed's score has from its examples alone. More seeds
    know their spread better, so that a smaller gap is told. A description with a fixed rule, no test of a claim: heavy-tailed
    scores show such gaps more often. Fewer than four seeds are never told apart.
    """
    values = np.sort(as_scores(scores, "scores"))
    n = values.size
    if n < 4 or not bool(np.isfinite(values).all()):
        return 0
    one, few, groups = _GAPS[min(n, max(_GAPS))]
    least = max(_LEAST * largest(values), np.finfo(np.float64).tiny)
    wide = np.diff(values) > min(one, few, groups) * least  # no smaller gap exceeds a limit
    for count in (np.flatnonzero(wide) + 1).tolist():
        below, above = _squares(values[:count]), _squares(values[count:])
        limits = [groups * max(float(np.sqrt((below + above) / (n - 2))), least)]
        if count == 1:
            limits = [one * max(float(np.sqrt(above / (n - 2))), least)]
        elif 2 * count <= n and n - count >= _FEW_ABOVE:
            limits.append(few * max(float(np.sqrt(above / (n - count - 1))), least))
        gap = float(values[count] - values[count - 1])
        if gap > min(limits) and gap > _NOISES * noise:
            return count
    return 0


def _squares(values: FloatArray) -> float:
    """The sum of squared deviations from the mean."""
    return float(np.square(values - values.mean()).sum())
