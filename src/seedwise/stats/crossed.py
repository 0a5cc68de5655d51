"""The primary analysis: seeds and examples both random and crossed, seeds nested in the arm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .degenerate import Degenerate, DegenerateReason, check_declared, finite_fault, seeds_fault
from .numeric import FloatArray, as_matrix, check_alpha, is_noise, largest
from .tdist import t_interval, t_p


@dataclass(frozen=True, slots=True)
class ArmComponents:
    """What one arm adds to the variance of the difference.

    `v1`: variance of the row means over seeds, divided by the seeds; `v3`: the residual mean square of the
    two-way layout seed + example, divided by seeds × examples. Both are 0 for a deterministic arm.
    """

    n_seeds: int
    v1: float
    v3: float
    deterministic: bool


@dataclass(frozen=True, slots=True)
class CrossedResult:
    """The estimate mean(A) - mean(B) in the unit of the scores, its interval, p value and variance
    components.

    `interval` has level 1 - `alpha`; `p` is two-sided; `variance` is the variance of the estimate, `v2` its
    part from the examples; `df` are the degrees of freedom of the t distribution used.
    """

    estimate: float
    interval: tuple[float, float]
    p: float
    alpha: float
    standard_error: float
    variance: float
    df: float
    v2: float
    arm_a: ArmComponents
    arm_b: ArmComponents
    n_examples: int


def crossed_variance(arms: tuple[ArmComponents, ArmComponents], v2: float, n_examples: int) -> tuple[float, float]:
    """Return (variance, df) of the difference from its components.

    variance = max(ΣV1 + V2 - ΣV3, ΣV1, V2): V1 and V2 both contain the residual once, so it is taken out
    once, and the estimate never falls below either part. df by Satterthwaite on V1 and V2 (Hillis 2014, doi
    10.1002/sim.5926). `df` is NaN when the variance is 0.
    """
    sum_v1 = math.fsum(arm.v1 for arm in arms)
    sum_v3 = math.fsum(arm.v3 for arm in arms)
    variance = max(sum_v1 + v2 - sum_v3, sum_v1, v2)
    spread = v2**2 / (n_examples - 1)
    for arm in arms:
        if not arm.deterministic:
            spread += arm.v1**2 / (arm.n_seeds - 1)
    return variance, variance**2 / spread if spread > 0.0 else math.nan


def crossed(
    a: ArrayLike,
    b: ArrayLike,
    alpha: float = 0.05,
    *,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
) -> CrossedResult | Degenerate:
    """Compare two arms on shared examples, for whoever reruns the seeds and draws new examples.

    `a` [S_A, E] and `b` [S_B, E] hold one score per seed (row) and example (column); column i is the same
    example in both, and a higher score is better. S_A and S_B may differ. The model is the random-effects
    layout of Obuchowski and Rockette and of Dorfman, Berbaum and Metz with the degrees of freedom of Hillis
    (2014, doi 10.1002/sim.5926), a reader being a seed nested in its arm.

    An arm declared deterministic has exactly one row and no seed variance (V1 = V3 = 0). With both arms
    deterministic the result is the paired t interval over examples.

    Returns `Degenerate` for fewer than two seeds in an arm not declared deterministic, fewer than two
    examples, a different number of examples, a score that is not finite, or no variance at all. Raises
    ValueError for arrays that are not two-dimensional, an alpha outside (0, 0.5), or a deterministic arm with
    more than one row.
    """
    check_alpha(alpha)
    scores_a, scores_b = as_matrix(a, "a"), as_matrix(b, "b")
    check_declared("a", scores_a.shape[0], deterministic_a)
    check_declared("b", scores_b.shape[0], deterministic_b)
    fault = _fault(scores_a, scores_b, deterministic_a, deterministic_b)
    if fault is not None:
        return fault

    n_examples = scores_a.shape[1]
    difference = scores_a.mean(axis=0) - scores_b.mean(axis=0)
    estimate = float(difference.mean())
    v2 = float(difference.var(ddof=1)) / n_examples
    arm_a, arm_b = _components(scores_a, deterministic_a), _components(scores_b, deterministic_b)
    variance, df = crossed_variance((arm_a, arm_b), v2, n_examples)
    standard_error = math.sqrt(variance)
    if is_noise(standard_error, largest(scores_a, scores_b)):
        return Degenerate(
            DegenerateReason.ZERO_VARIANCE,
            "neither seeds nor examples vary, so there is no error to measure the difference against",
        )
    return CrossedResult(
        estimate=estimate,
        interval=t_interval(estimate, standard_error, df, alpha),
        p=t_p(estimate, standard_error, df),
        alpha=alpha,
        standard_error=standard_error,
        variance=variance,
        df=df,
        v2=v2,
        arm_a=arm_a,
        arm_b=arm_b,
        n_examples=n_examples,
    )


def _components(scores: FloatArray, deterministic: bool) -> ArmComponents:
    n_seeds, n_examples = scores.shape
    if deterministic:
        return ArmComponents(n_seeds=n_seeds, v1=0.0, v3=0.0, deterministic=True)
    rows = scores.mean(axis=1)
    residual = scores - rows[:, None] - scores.mean(axis=0)[None, :] + rows.mean()
    mean_square = float(np.square(residual).sum()) / ((n_seeds - 1) * (n_examples - 1))
    return ArmComponents(
        n_seeds=n_seeds,
        v1=float(rows.var(ddof=1)) / n_seeds,
        v3=mean_square / (n_seeds * n_examples),
        deterministic=False,
    )


def _fault(a: FloatArray, b: FloatArray, deterministic_a: bool, deterministic_b: bool) -> Degenerate | None:
    n_a, n_b = a.shape[1], b.shape[1]
    if n_a != n_b:
        detail = f"a has {n_a} examples and b has {n_b}; score both arms on the same examples"
        return Degenerate(DegenerateReason.UNEQUAL_EXAMPLES, detail)
    fault = seeds_fault("a", a.shape[0], deterministic_a) or seeds_fault("b", b.shape[0], deterministic_b)
    if fault is None and n_a < 2:
        fault = Degenerate(DegenerateReason.TOO_FEW_EXAMPLES, f"{n_a} example(s) were given; two are needed")
    return fault or finite_fault("a", a) or finite_fault("b", b)
