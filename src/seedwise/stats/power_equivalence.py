"""Before anything runs: which margins a design can show equivalence or non-inferiority within."""

from __future__ import annotations

from .family import MIN_SEEDS
from .noncentral import MAX_EXAMPLES, MAX_SEEDS, POWER, smallest
from .numeric import check_alpha, check_margin
from .power import INDEPENDENT, Components, checked_power, design_of


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

    Each one-sided statistic is taken as noncentral t, as in `power_crossed`, and the two are put together by 1 -
    (chance that the first fails) - (chance that the second fails), at least 0: the approximation that Phillips (1990,
    doi 10.1007/BF01063556) sets beside the exact bivariate integral, close where the power is above one half and too
    low below. `alpha` is each one-sided test's. Raises ValueError for a margin that is not positive, and as
    `power_crossed` does.
    """
    check_alpha(alpha)
    check_margin(margin)
    design = design_of(components, n_seeds, n_examples, deterministic)
    return design.power(alpha, margin + difference, margin - difference)


def attainable_margin(
    components: Components,
    n_seeds: int,
    n_examples: int,
    power: float = POWER,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> float:
    """Return the smallest margin within which equal arms are shown to be equivalent with probability `power`."""
    check_alpha(alpha)
    design = design_of(components, n_seeds, n_examples, deterministic)
    return design.size_for(checked_power(power, alpha), lambda margin: design.power(alpha, margin, margin))


def seeds_for_tost(
    margin: float,
    components: Components,
    n_examples: int,
    power: float = POWER,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> int | None:
    """Return the seeds per arm at which equal arms are shown equivalent with `power`; None where no number up to 1,000 does.

    Never fewer than three, from which on verdicts decide.
    """
    wanted = checked_power(power, alpha)
    return smallest(
        lambda n: power_tost(margin, components, n, n_examples, alpha, deterministic=deterministic) >= wanted,
        MIN_SEEDS,
        MAX_SEEDS,
    )


def examples_for_tost(
    margin: float,
    components: Components,
    n_seeds: int,
    power: float = POWER,
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
