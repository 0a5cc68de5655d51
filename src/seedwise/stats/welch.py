"""Welch's comparison of per-seed scores: what is expected on this very test file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from .degenerate import Degenerate, DegenerateReason, check_declared, finite_fault, seeds_fault
from .numeric import as_scores, check_alpha, check_margin, is_noise, largest, power_of_two
from .tdist import TostResult, t_interval, t_p, tost


@dataclass(frozen=True, slots=True)
class WelchResult:
    """The estimate mean(A) - mean(B) in the unit of the scores, with interval of level 1 - `alpha` and
    two-sided p.

    `variance_a` and `variance_b` are sample variances over seeds (ddof=1), 0 for a deterministic arm.
    """

    estimate: float
    interval: tuple[float, float]
    p: float
    alpha: float
    standard_error: float
    df: float
    n_a: int
    n_b: int
    variance_a: float
    variance_b: float


def welch(
    a: ArrayLike,
    b: ArrayLike,
    alpha: float = 0.05,
    *,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
) -> WelchResult | Degenerate:
    """Compare per-seed scores `a` [S_A] and `b` [S_B] without assuming equal variances.

    By Welch (1947, doi 10.1093/biomet/34.1-2.28), with the figures of
    `scipy.stats.ttest_ind(equal_var=False)`, without its warning where one arm is constant. Seeds are random,
    the examples are not: the answer holds for this test file only. An arm declared deterministic has exactly
    one score, taken as a constant: the test is then the one-sample t test of the other arm against it.

    Returns `Degenerate` for fewer than two seeds in an arm not declared deterministic, a score that is not
    finite, or no variance in either arm. Raises ValueError for arrays that are not one-dimensional, an alpha
    outside (0, 0.5), or a deterministic arm with more than one score.
    """
    check_alpha(alpha)
    scores_a, scores_b = as_scores(a, "a"), as_scores(b, "b")
    check_declared("a", scores_a.size, deterministic_a)
    check_declared("b", scores_b.size, deterministic_b)
    fault = (
        seeds_fault("A", scores_a.size, deterministic_a)
        or seeds_fault("B", scores_b.size, deterministic_b)
        or finite_fault("A", scores_a)
        or finite_fault("B", scores_b)
    )
    if fault is not None:
        return fault
    variance_a = 0.0 if deterministic_a else float(scores_a.var(ddof=1))
    variance_b = 0.0 if deterministic_b else float(scores_b.var(ddof=1))
    standard_error = math.sqrt(variance_a / scores_a.size + variance_b / scores_b.size)
    if is_noise(standard_error, largest(scores_a, scores_b)):
        return Degenerate(
            DegenerateReason.ZERO_VARIANCE,
            "no arm varies between seeds, so there is no error to measure the difference against",
        )
    parts = [
        (variance / scores.size, scores.size - 1)
        for variance, scores, deterministic in (
            (variance_a, scores_a, deterministic_a),
            (variance_b, scores_b, deterministic_b),
        )
        if not deterministic
    ]
    df = satterthwaite(parts)
    estimate = float(scores_a.mean() - scores_b.mean())
    return WelchResult(
        estimate=estimate,
        interval=t_interval(estimate, standard_error, df, alpha),
        p=t_p(estimate, standard_error, df),
        alpha=alpha,
        standard_error=standard_error,
        df=df,
        n_a=scores_a.size,
        n_b=scores_b.size,
        variance_a=variance_a,
        variance_b=variance_b,
    )


def welch_tost(
    a: ArrayLike,
    b: ArrayLike,
    margin: float,
    alpha: float = 0.05,
    *,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
) -> TostResult | Degenerate:
    """Test that the expected scores of two arms differ by less than `margin`, on this test file.

    Two one-sided Welch tests (Schuirmann 1987, doi 10.1007/BF01068419). Input, `Degenerate` and errors as for
    `welch`; also raises ValueError for a margin that is not positive.
    """
    check_margin(margin)
    result = welch(a, b, alpha, deterministic_a=deterministic_a, deterministic_b=deterministic_b)
    if isinstance(result, Degenerate):
        return result
    return tost(result.estimate, result.standard_error, result.df, margin, alpha)


def satterthwaite(parts: Sequence[tuple[float, int]]) -> float:
    """Return the degrees of freedom of a sum of variances of means, each with its own (Satterthwaite 1946, doi 10.2307/3002019)."""
    scale = power_of_two(max(part for part, _ in parts))  # squares of variances leave the range of a double
    scaled = [(part / scale, free) for part, free in parts]
    return math.fsum(part for part, _ in scaled) ** 2 / math.fsum(part**2 / free for part, free in scaled)


def welch_paired(a: ArrayLike, b: ArrayLike, alpha: float = 0.05) -> WelchResult | Degenerate:
    """Compare per-seed scores `a` [S] and `b` [S] of shared seeds by the paired t test (Student 1908).

    With the figures of `scipy.stats.ttest_rel`, which gives p = 0 where all differences are equal; here that is
    `Degenerate`. For this test file only. Assumptions as for `crossed_paired`; raises ValueError for arms with a
    different number of seeds.
    """
    scores_a, scores_b = as_scores(a, "a"), as_scores(b, "b")
    check_pairs(scores_a.size, scores_b.size)
    fault = finite_fault("A", scores_a) or finite_fault("B", scores_b)
    return fault or welch(scores_a - scores_b, [0.0], alpha, deterministic_b=True)


def check_pairs(n_a: int, n_b: int) -> None:
    """Raise ValueError for paired arms with a different number of seeds."""
    if n_a != n_b:
        raise ValueError(f"paired arms need the same seeds; a has {n_a} and b has {n_b}")
