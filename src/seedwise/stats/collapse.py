"""How often training collapses: the share of seeds that diverge or never leave a constant answer."""

from __future__ import annotations

from dataclasses import dataclass

import scipy

from .degenerate import Degenerate, DegenerateReason
from .numeric import check_alpha


@dataclass(frozen=True, slots=True)
class CollapseResult:
    """Collapsed seeds of A and of B, each rate with its exact interval of level 1 - `alpha`, and a two-sided `p`."""

    collapsed: tuple[int, int]
    seeds: tuple[int, int]
    difference: float
    interval_a: tuple[float, float]
    interval_b: tuple[float, float]
    p: float
    alpha: float


def collapse_rates(
    collapsed_a: int, seeds_a: int, collapsed_b: int, seeds_b: int, alpha: float = 0.05
) -> CollapseResult | Degenerate:
    """Compare the shares of collapsed seeds of two arms (Boschloo 1970, doi 10.1111/j.1467-9574.1970.tb00104.x).

    `scipy.stats.boschloo_exact`: the one-sided p value of Fisher as a statistic, with the unknown common rate maximised
    over; two-sided by doubling the smaller side. It is exact given both numbers of seeds. Each side is never less powerful
    than Fisher's; doubled, it may exceed Fisher's two-sided p, which sums tables by their chance. Intervals of each rate by
    Clopper and Pearson (1934, doi 10.1093/biomet/26.4.404). Assumes independent seeds, and a rule for what counts as
    collapsed that was fixed before the runs. Where no seed or every seed collapsed, p is 1.

    Returns `Degenerate` for an arm without seeds. Raises ValueError for counts that do not fit.
    """
    check_alpha(alpha)
    for name, part, whole in (("a", collapsed_a, seeds_a), ("b", collapsed_b, seeds_b)):
        if not 0 <= part <= whole:
            raise ValueError(f"{name}: {part} of {whole} seeds cannot have collapsed")
        if whole == 0:
            return Degenerate(DegenerateReason.NO_DATA, f"{name} has no seed")
    p = 1.0
    if 0 < collapsed_a + collapsed_b < seeds_a + seeds_b:
        table = [[collapsed_a, collapsed_b], [seeds_a - collapsed_a, seeds_b - collapsed_b]]
        p = min(1.0, float(scipy.stats.boschloo_exact(table).pvalue))
    return CollapseResult(
        collapsed=(collapsed_a, collapsed_b),
        seeds=(seeds_a, seeds_b),
        difference=collapsed_a / seeds_a - collapsed_b / seeds_b,
        interval_a=_interval(collapsed_a, seeds_a, alpha),
        interval_b=_interval(collapsed_b, seeds_b, alpha),
        p=p,
        alpha=alpha,
    )


def _interval(part: int, whole: int, alpha: float) -> tuple[float, float]:
    bounds = scipy.stats.binomtest(part, whole).proportion_ci(1.0 - alpha, method="exact")
    return float(bounds.low), float(bounds.high)


def collapse_bound(collapsed: int, seeds: int, alpha: float = 0.05) -> float:
    """Return the rate of collapse that `collapsed` of `seeds` do not exclude: the one-sided 1 - `alpha` upper bound.

    Clopper and Pearson (1934), one-sided: 1 - alpha^(1/n) where none collapsed, which is .63, .45 and .26 for 3, 5 and 10
    clean seeds. Raises ValueError for counts that do not fit.
    """
    check_alpha(alpha)
    if not 0 <= collapsed <= seeds or seeds == 0:
        raise ValueError(f"{collapsed} of {seeds} seeds cannot have collapsed")
    return 1.0 if collapsed == seeds else float(scipy.special.betaincinv(collapsed + 1, seeds - collapsed, 1.0 - alpha))
