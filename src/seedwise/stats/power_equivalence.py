"""Before anything runs: which margins a design can show equivalence or non-inferiority within."""

from __future__ import annotations

import scipy

from .needed import MAX_EXAMPLES, MAX_SEEDS, smallest
from .numeric import check_alpha, check_margin
from .power import INDEPENDENT, Components, checked_power, design_error, fewest_seeds


def power_tost(
    margin: float,
    components: Components,
    n_seeds: int,
    n_examples: int,
    alpha: float = 0.05,
    *,
    difference: float = 0.0,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> float:
    """Return the chance that two one-sided tests show equivalence within ±`margin`, at a true `difference`.

    Each one-sided statistic is taken as noncentral t, as in `power_crossed`, and the two rejections are put together by
    1 - (chance that the first fails) - (chance that the second fails), at least 0: the approximation that Phillips (1990, doi
    10.1007/BF01063556) sets beside the exact bivariate integral, close where the power is above one half and too low below.
    `alpha` is each one-sided test's. Raises ValueError for a margin that is not positive, and as `power_crossed` does.
    """
    check_alpha(alpha)
    check_margin(margin)
    return _power_tost(margin, *design_error(components, n_seeds, n_examples, deterministic), alpha, difference)


def attainable_margin(
    components: Components,
    n_seeds: int,
    n_examples: int,
    power: float = 0.8,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> float:
    """Return the smallest margin within which equal arms are shown to be equivalent with probability `power`."""
    check_alpha(alpha)
    checked_power(power, alpha)
    standard_error, df = design_error(components, n_seeds, n_examples, deterministic)
    high = (float(scipy.stats.t.isf(alpha, df)) + 40.0) * standard_error

    def missing(margin: float) -> float:
        return _power_tost(margin, standard_error, df, alpha, 0.0) - power

    return float(scipy.optimize.brentq(missing, 1e-9 * standard_error, high))


def seeds_for_tost(
    margin: float,
    components: Components,
    n_examples: int,
    power: float = 0.8,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> int | None:
    """Return the seeds per arm at which equal arms are shown equivalent with `power`; None where no number up to 1,000 does.

    Never fewer than the exact test over seeds needs to be attainable at `alpha`.
    """
    wanted = checked_power(power, alpha)
    return smallest(
        lambda n: power_tost(margin, components, n, n_examples, alpha, deterministic=deterministic) >= wanted,
        fewest_seeds(alpha, deterministic),
        MAX_SEEDS,
    )


def examples_for_tost(
    margin: float,
    components: Components,
    n_seeds: int,
    power: float = 0.8,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> int | None:
    """Return the examples at which equal arms are shown equivalent with `power`; None where no number up to ten million does."""
    wanted = checked_power(power, alpha)
    return smallest(
        lambda e: power_tost(margin, components, n_seeds, e, alpha, deterministic=deterministic) >= wanted,
        2,
        MAX_EXAMPLES,
    )


def one_sided_power(distance: float, standard_error: float, df: float, alpha: float) -> float:
    """Return the chance that a one-sided t test at `alpha` rejects where the truth lies `distance` beyond its hypothesis."""
    critical = float(scipy.stats.t.isf(alpha, df))
    noncentrality = distance / standard_error
    if noncentrality > critical + 40.0:  # certain, and beyond what the noncentral t can be computed for
        return 1.0
    if noncentrality < -40.0:
        return 0.0
    return min(1.0, max(0.0, float(scipy.stats.nct.sf(critical, df, noncentrality))))


def _power_tost(margin: float, standard_error: float, df: float, alpha: float, difference: float) -> float:
    lower = one_sided_power(margin + difference, standard_error, df, alpha)
    upper = one_sided_power(margin - difference, standard_error, df, alpha)
    return max(0.0, lower + upper - 1.0)
