"""The primary analysis: seeds and examples both random and crossed, seeds nested in the arm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .clusters import Clusters, scores_of_draws
from .degenerate import Degenerate, DegenerateReason, check_declared, examples_fault, finite_fault, seeds_fault
from .numeric import FloatArray, as_matrix, check_alpha, is_noise, largest, power_of_two
from .tdist import t_interval, t_p


@dataclass(frozen=True, slots=True)
class ArmComponents:
    """What one arm adds to the variance of the difference.

    `v1`: variance of the row means over seeds, divided by the seeds; `v3`: the residual mean square of the
    two-way layout seed + example, divided by seeds × examples (or clusters). Both are 0 for a deterministic arm.
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
    part from the examples; `df` are the degrees of freedom of the t distribution used. `n_clusters` is None where
    each example counts as a draw of its own.
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
    n_clusters: int | None = None

    @property
    def n_draws(self) -> int:
        """What counts as independent draws of examples: the clusters where there are any, else the examples."""
        return self.n_examples if self.n_clusters is None else self.n_clusters


def crossed_variance(arms: tuple[ArmComponents, ArmComponents], v2: float, n_draws: int) -> tuple[float, float]:
    """Return (variance, df) of the difference from its components, over `n_draws` examples or clusters.

    variance = max(ΣV1 + V2 - ΣV3, ΣV1, V2): V1 and V2 both contain the residual once, so it is taken out once, and
    the estimate never falls below either part (the components are those of Obuchowski and Rockette and of Dorfman,
    Berbaum and Metz). df by Satterthwaite over V1 and V2, an arm's V1 having its own S - 1 as in Welch's test. Hillis'
    (2014, doi 10.1002/sim.5926) leave V2 out and pool V1: on the data of Van Dyke they are 15.26, these 14.01, which
    is the careful side. `df` is NaN when the variance is 0.
    """
    scale = power_of_two(max(v2, *(arm.v1 for arm in arms)))  # squares of variances leave the range of a double
    sum_v1 = math.fsum(arm.v1 for arm in arms)
    sum_v3 = math.fsum(arm.v3 for arm in arms)
    variance = max(sum_v1 + v2 - sum_v3, sum_v1, v2)
    spread = (v2 / scale) ** 2 / (n_draws - 1)
    for arm in arms:
        if not arm.deterministic:
            spread += (arm.v1 / scale) ** 2 / (arm.n_seeds - 1)
    return variance, (variance / scale) ** 2 / spread if spread > 0.0 else math.nan


def crossed(
    a: ArrayLike,
    b: ArrayLike,
    alpha: float = 0.05,
    *,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
    clusters: Clusters | None = None,
) -> CrossedResult | Degenerate:
    """Compare two arms on shared examples, for whoever reruns the seeds and draws new examples.

    `a` [S_A, E] and `b` [S_B, E] hold one score per seed (row) and example (column); column i is the same
    example in both, and a higher score is better. S_A and S_B may differ. The model is the random-effects
    layout of Obuchowski and Rockette and of Dorfman, Berbaum and Metz, a reader being a seed nested in its arm; for
    variance and degrees of freedom see `crossed_variance`. Seeds are taken to scatter near normally.

    With `clusters` of the examples, new *clusters* are drawn: their scores (`Clusters.scores`) take the place of those
    of examples. Scores [S, C] that already are one a cluster, of a metric that is no mean, are taken as they are.

    An arm declared deterministic has exactly one row and no seed variance (V1 = V3 = 0). With both arms
    deterministic the result is the paired t interval over examples.

    Returns `Degenerate` for fewer than two seeds in an arm not declared deterministic, fewer than two
    examples, a different number of examples, a score that is not finite, or no variance at all. Raises
    ValueError for arrays that are not two-dimensional, an alpha outside (0, 0.5), or a deterministic arm with
    more than one row.
    """
    check_alpha(alpha)
    given = as_matrix(a, "a"), as_matrix(b, "b")
    check_declared("a", given[0].shape[0], deterministic_a)
    check_declared("b", given[1].shape[0], deterministic_b)
    fault = layout_fault(given, (deterministic_a, deterministic_b), clusters)
    if fault is not None:
        return fault

    scores_a, scores_b = (scores_of_draws(scores, clusters) for scores in given)
    n_draws = scores_a.shape[1]
    difference = scores_a.mean(axis=0) - scores_b.mean(axis=0)
    estimate = float(difference.mean())
    v2 = float(difference.var(ddof=1)) / n_draws
    arm_a, arm_b = components(scores_a, deterministic_a), components(scores_b, deterministic_b)
    variance, df = crossed_variance((arm_a, arm_b), v2, n_draws)
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
        n_examples=n_draws if clusters is None else clusters.n_examples,
        n_clusters=None if clusters is None else clusters.n_clusters,
    )


def layout_fault(
    scores: tuple[FloatArray, FloatArray], deterministic: tuple[bool, bool], clusters: Clusters | None = None
) -> Degenerate | None:
    """Return why two arms' scores [S, E] (or [S, C]) cannot be compared over seeds and examples; None where they can."""
    n_a, n_b = (each.shape[1] for each in scores)
    fault = examples_fault(n_a, n_b, n_a) if n_a != n_b else None
    for name, each, fixed in zip("AB", scores, deterministic, strict=True):
        fault = fault or seeds_fault(name, each.shape[0], fixed)
    if clusters is None:
        fault = fault or examples_fault(n_a, n_b, n_a)
    else:
        fault = fault or examples_fault(n_a, n_b, clusters.n_clusters, "cluster")
    return fault or finite_fault("A", scores[0]) or finite_fault("B", scores[1])


def components(scores: FloatArray, deterministic: bool) -> ArmComponents:
    """Return what one arm's scores [S, E] (or [S, C], by draws) add to the variance of the difference."""
    n_seeds, n_draws = scores.shape
    if deterministic:
        return ArmComponents(n_seeds=n_seeds, v1=0.0, v3=0.0, deterministic=True)
    rows = scores.mean(axis=1)
    residual = scores - rows[:, None] - scores.mean(axis=0)[None, :] + rows.mean()
    mean_square = float(np.square(residual).sum()) / ((n_seeds - 1) * (n_draws - 1))
    return ArmComponents(
        n_seeds=n_seeds,
        v1=float(rows.var(ddof=1)) / n_seeds,
        v3=mean_square / (n_seeds * n_draws),
        deterministic=False,
    )
