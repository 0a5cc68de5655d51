"""Is the new no worse than the old by more than a margin? With how often the answer is a false alarm."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from .clusters import Clusters
from .crossed import crossed
from .degenerate import Degenerate
from .family import MIN_SEEDS
from .noncentral import one_sided_power
from .numeric import check_margin
from .permutation import floor_paired, floor_unpaired
from .tdist import tost


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """`estimate` is mean(new) - mean(old); `lower` its one-sided 1 - `alpha` bound; `p` tests new <= old - `margin`.

    `passed`: the bound lies above -margin, and each arm that has seeds has three or more (`attainable`). `false_alarm` is
    the chance to fail where new and old are equal, at the variances seen; where new is worse by the margin, it passes with at
    most `alpha`. `floor` is the smallest one-sided p of an exact test over these seeds, None where neither arm has any: above
    `alpha`, the answer rests on seeds that scatter near normally. `n_clusters` is None where each example counts as a draw of
    its own.
    """

    estimate: float
    lower: float
    p: float
    margin: float
    alpha: float
    false_alarm: float
    floor: float | None
    attainable: bool
    passed: bool
    n_seeds: tuple[int, int]
    n_examples: int
    n_clusters: int | None = None


def noninferiority(
    new: ArrayLike,
    old: ArrayLike,
    margin: float,
    alpha: float = 0.05,
    *,
    deterministic_new: bool = False,
    deterministic_old: bool = False,
    clusters: Clusters | None = None,
) -> NonInferiority | Degenerate:
    """Compare `new` [S_new, E] with `old` [S_old, E] on shared examples, higher being better.

    The lower of the two one-sided tests of `tost` on the crossed interval (see `crossed`), so seeds and examples, or
    `clusters` of them, both count.
    The false-alarm rate is one minus the power at no difference, the statistic being noncentral t with the estimated standard
    error and degrees of freedom. Assumes independent seeds; where both arms used the same seeds, what these share makes
    the test careful, not wrong. Returns `Degenerate` and raises ValueError as `crossed` does.
    """
    check_margin(margin)
    fixed = (deterministic_new, deterministic_old)
    result = crossed(new, old, alpha, deterministic_a=fixed[0], deterministic_b=fixed[1], clusters=clusters)
    if isinstance(result, Degenerate):
        return result
    test = tost(result.estimate, result.standard_error, result.df, margin, alpha)
    n_seeds = (result.arm_a.n_seeds, result.arm_b.n_seeds)
    attainable = all(n >= MIN_SEEDS for n, still in zip(n_seeds, fixed, strict=True) if not still)
    return NonInferiority(
        estimate=result.estimate,
        lower=test.interval[0],
        p=test.p_lower,
        margin=margin,
        alpha=alpha,
        false_alarm=1.0 - one_sided_power(margin, result.standard_error, result.df, alpha) if attainable else 1.0,
        floor=_floor(*n_seeds, *fixed),
        attainable=attainable,
        passed=attainable and test.p_lower < alpha,
        n_seeds=n_seeds,
        n_examples=result.n_examples,
        n_clusters=result.n_clusters,
    )


def _floor(n_new: int, n_old: int, fixed_new: bool, fixed_old: bool) -> float | None:
    """Return the smallest one-sided p, half the two-sided one."""
    if fixed_new and fixed_old:
        return None
    if fixed_new or fixed_old:
        return math.ldexp(floor_paired(n_old if fixed_new else n_new), -1)
    return floor_unpaired(n_new, n_old) / 2.0
