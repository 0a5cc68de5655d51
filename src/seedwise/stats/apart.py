"""Seeds that lie far below the rest of their arm: training that collapsed, where a mean over seeds says little."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .numeric import as_scores

_SPREADS, _NOISES = 8.0, 5.0


def seeds_apart(scores: ArrayLike, noise: float = 0.0) -> int:
    """Return how many of the per-seed `scores` [S] form a group far below the others; 0 where they are one group.

    Sorted, two groups are told apart where the gap between them is over eight times the wider of the two, and over five
    times `noise`, the standard deviation that a seed's score has from its examples alone. A description with a fixed rule, no
    test: of five normal scores about one set in two hundred looks so. Fewer than four seeds are never told apart, nor are
    scores without any spread or noise.
    """
    values = np.sort(as_scores(scores, "scores"))
    if values.size < 4 or not bool(np.isfinite(values).all()):
        return 0
    for count in range(1, values.size):
        spread = max(float(np.ptp(values[:count])), float(np.ptp(values[count:])))
        least = max(_SPREADS * spread, _NOISES * noise)
        if least > 0.0 and float(values[count] - values[count - 1]) > least:
            return count
    return 0
