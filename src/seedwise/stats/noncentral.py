"""The chance that a t test rejects, and the smallest design that makes it large enough."""

from __future__ import annotations

from collections.abc import Callable

import scipy

MAX_SEEDS = 1_000
MAX_EXAMPLES = 10_000_000
POWER = 0.8  # what "about N seeds" means, unless said otherwise


def one_sided_power(distance: float, standard_error: float, df: float, alpha: float) -> float:
    """Return the chance that a one-sided t test at `alpha` rejects where the truth lies `distance` beyond its hypothesis."""
    critical = float(scipy.stats.t.isf(alpha, df))
    noncentrality = distance / standard_error
    if noncentrality > critical + 40.0:  # certain, and beyond what the noncentral t can be computed for
        return 1.0
    if noncentrality < -40.0:
        return 0.0
    return min(1.0, max(0.0, float(scipy.stats.nct.sf(critical, df, noncentrality))))


def two_one_sided_power(margin: float, difference: float, standard_error: float, df: float, alpha: float) -> float:
    """Return the chance that both one-sided tests of ±`margin` reject at a true `difference`, each at `alpha`.

    1 - (chance that the first fails) - (chance that the second fails), at least 0: the approximation that Phillips (1990, doi
    10.1007/BF01063556) sets beside the exact bivariate integral, close where the power is above one half and too low below.
    """
    lower = one_sided_power(margin + difference, standard_error, df, alpha)
    upper = one_sided_power(margin - difference, standard_error, df, alpha)
    return max(0.0, lower + upper - 1.0)


def smallest(decides: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the smallest n in [low, high] that decides, taking `decides` to stay true once it is; None
    without one."""
    if low > high or not decides(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if decides(middle):
            high = middle
        else:
            low = middle + 1
    return low
