"""Before anything runs: what a design can decide, from stated variances or from those of a pilot."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import scipy

from .crossed import ArmComponents, CrossedResult, crossed_variance
from .family import MIN_SEEDS, smallest_n_paired, smallest_n_unpaired
from .few_seeds import FEW_SEEDS, rejection_of_few
from .noncentral import MAX_EXAMPLES, MAX_SEEDS, POWER, one_sided_power, smallest
from .numeric import check_alpha


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of single scores, in the squared unit of the scores.

    `seed_*`: of a seed's expected score; `example`: of an example's expected *difference* between the arms;
    `residual_*`: of what is left, seed × example. Expected variance of the difference with S seeds an arm and E examples:
    Σ seed / S + example / E + Σ residual / (S E). Where examples come in clusters, E counts clusters throughout, and
    `example` and `residual_*` are variances of their scores (`Clusters.scores`).
    """

    seed_a: float
    seed_b: float
    example: float
    residual_a: float
    residual_b: float

    def __post_init__(self) -> None:
        parts = (self.seed_a, self.seed_b, self.example, self.residual_a, self.residual_b)
        if not all(math.isfinite(part) and part >= 0.0 for part in parts):
            raise ValueError(f"variances must be finite and not negative; they are {parts}")


def pilot_components(result: CrossedResult) -> Components:
    """Return the variance components of a pilot, each mean square less what it contains of the others, at least 0.

    Few pilot seeds know the seed variance badly: over 5 seeds its 95 % interval reaches from 0.36 to 8.3 times the estimate.
    """
    arms = (result.arm_a, result.arm_b)
    seeds = [max(arm.v1 - arm.v3, 0.0) * arm.n_seeds for arm in arms]
    residuals = [arm.v3 * arm.n_seeds * result.n_draws for arm in arms]
    example = max(result.v2 - math.fsum(arm.v3 for arm in arms), 0.0) * result.n_draws
    return Components(seeds[0], seeds[1], example, residuals[0], residuals[1])


INDEPENDENT = (False, False)


def power_crossed(
    difference: float,
    components: Components,
    n_seeds: int,
    n_examples: int,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> float:
    """Return the chance that the crossed interval excludes 0 on the right side, with `n_seeds` in each arm.

    The standardised estimate is taken as noncentral t with noncentrality difference / √Var and the degrees of freedom
    of `crossed` (in the way of Hillis, Obuchowski and Berbaum 2011, doi 10.1016/j.acra.2010.09.007), mean squares being
    at their expectations; with three or four seeds it is integrated over what their variance may come out as
    (`few_seeds`). For a family pass alpha / its size. A `deterministic` arm adds no variance of its own; paired seeds
    are the case of their differences (components of A) against a deterministic B. Raises ValueError for fewer than two
    seeds or examples.
    """
    check_alpha(alpha)
    return design_of(components, n_seeds, n_examples, deterministic).power(alpha / 2.0, abs(difference))


def power_welch(difference: float, sd_a: float, sd_b: float, n_seeds: int, alpha: float = 0.05) -> float:
    """Return the chance that Welch's interval over `n_seeds` in each arm excludes 0 on the right side.

    Noncentral t with Welch's degrees of freedom at the stated standard deviations between seeds (ddof=1); exact for
    equal ones up to the estimated degrees of freedom. For this test file only. Raises ValueError for fewer than two seeds.
    """
    check_alpha(alpha)
    standard_error, df = _welch_design(sd_a, sd_b, n_seeds)
    return _power(difference, standard_error, df, alpha)


def detectable_crossed(
    components: Components,
    n_seeds: int,
    n_examples: int,
    power: float = POWER,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> float:
    """Return the smallest true difference that `power_crossed` finds with probability `power`."""
    check_alpha(alpha)
    design = design_of(components, n_seeds, n_examples, deterministic)
    return design.size_for(checked_power(power, alpha), lambda size: design.power(alpha / 2.0, size))


def detectable_welch(sd_a: float, sd_b: float, n_seeds: int, power: float = POWER, alpha: float = 0.05) -> float:
    """Return the smallest true difference that `power_welch` finds with probability `power`."""
    check_alpha(alpha)
    return _detectable(*_welch_design(sd_a, sd_b, n_seeds), checked_power(power, alpha), alpha)


def seeds_for_crossed(
    difference: float,
    components: Components,
    n_examples: int,
    power: float = POWER,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
    require_exact: bool = False,
) -> int | None:
    """Return the seeds per arm that reach `power` on `n_examples`; None where no number up to 1,000 does.

    Never fewer than three, from which on verdicts decide; with `require_exact` never fewer than the exact test over seeds
    needs to be attainable at `alpha`.
    """
    wanted = checked_power(power, alpha)
    return smallest(
        lambda n: power_crossed(difference, components, n, n_examples, alpha, deterministic=deterministic) >= wanted,
        fewest_seeds(alpha, deterministic, require_exact),
        MAX_SEEDS,
    )


def examples_for_crossed(
    difference: float,
    components: Components,
    n_seeds: int,
    power: float = POWER,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> int | None:
    """Return the examples that reach `power` with `n_seeds` an arm; None where no number up to ten million does."""
    wanted = checked_power(power, alpha)
    return smallest(
        lambda e: power_crossed(difference, components, n_seeds, e, alpha, deterministic=deterministic) >= wanted,
        2,
        MAX_EXAMPLES,
    )


def seeds_for_welch(
    difference: float,
    sd_a: float,
    sd_b: float,
    power: float = POWER,
    alpha: float = 0.05,
    *,
    require_exact: bool = False,
) -> int | None:
    """Return the seeds per arm that reach `power` over seeds alone; limits as for `seeds_for_crossed`."""
    wanted = checked_power(power, alpha)
    return smallest(
        lambda n: power_welch(difference, sd_a, sd_b, n, alpha) >= wanted,
        fewest_seeds(alpha, INDEPENDENT, require_exact),
        MAX_SEEDS,
    )


def fewest_seeds(alpha: float, deterministic: tuple[bool, bool], require_exact: bool) -> int:
    """Return the seeds per arm from which on a claim may be decided: three, or as many as the exact test over seeds takes."""
    if not require_exact:
        return MIN_SEEDS
    return max(MIN_SEEDS, smallest_n_paired(alpha) if any(deterministic) else smallest_n_unpaired(alpha))


@dataclass(frozen=True, slots=True)
class Design:
    """What a design expects of the crossed analysis: its mean squares, standard error and degrees of freedom."""

    arms: tuple[ArmComponents, ArmComponents]
    v2: float
    n_draws: int
    standard_error: float
    df: float

    def power(self, alpha: float, *distances: float) -> float:
        """The chance that one-sided tests at `alpha` all reject where the truth lies `distances` beyond their hypotheses."""
        seeds = [arm.n_seeds for arm in self.arms if not arm.deterministic]
        if seeds and min(seeds) <= FEW_SEEDS:
            return rejection_of_few(distances, self.arms, self.v2, self.n_draws, alpha)
        alone = [one_sided_power(distance, self.standard_error, self.df, alpha) for distance in distances]
        return max(0.0, 1.0 - math.fsum(1.0 - chance for chance in alone))

    def size_for(self, power: float, chance: Callable[[float], float]) -> float:
        """The size of a difference, or of a margin, at which `chance` of it reaches `power`."""
        high = 10.0 * self.standard_error
        while chance(high) < power:
            high *= 2.0
        return float(scipy.optimize.brentq(lambda size: chance(size) - power, 1e-9 * self.standard_error, high))


def design_of(
    components: Components, n_seeds: int, n_examples: int, deterministic: tuple[bool, bool] = INDEPENDENT
) -> Design:
    """Return what is expected of the crossed interval, the mean squares being at their expectations."""
    if n_seeds < 2 or n_examples < 2:
        raise ValueError(f"two seeds and two examples are needed; given: {n_seeds} and {n_examples}")
    arms = []
    parts = ((components.seed_a, components.residual_a), (components.seed_b, components.residual_b))
    for (seed, residual), fixed in zip(parts, deterministic, strict=True):
        v3 = 0.0 if fixed else residual / (n_seeds * n_examples)
        v1 = 0.0 if fixed else seed / n_seeds + v3
        arms.append(ArmComponents(n_seeds=1 if fixed else n_seeds, v1=v1, v3=v3, deterministic=fixed))
    v2 = components.example / n_examples + math.fsum(arm.v3 for arm in arms)
    variance, df = crossed_variance((arms[0], arms[1]), v2, n_examples)
    return Design((arms[0], arms[1]), v2, n_examples, _checked_error(math.sqrt(variance)), df)


def _welch_design(sd_a: float, sd_b: float, n_seeds: int) -> tuple[float, float]:
    if n_seeds < 2:
        raise ValueError(f"two seeds are needed; given: {n_seeds}")
    if not all(math.isfinite(sd) and sd >= 0.0 for sd in (sd_a, sd_b)):
        raise ValueError(f"standard deviations must be finite and not negative; they are {sd_a} and {sd_b}")
    a, b = sd_a**2 / n_seeds, sd_b**2 / n_seeds
    error = _checked_error(math.sqrt(a + b))
    return error, (a + b) ** 2 * (n_seeds - 1) / (a**2 + b**2)


def _power(difference: float, standard_error: float, df: float, alpha: float) -> float:
    return one_sided_power(abs(difference), standard_error, df, alpha / 2.0)


def _detectable(standard_error: float, df: float, power: float, alpha: float) -> float:
    critical = float(scipy.stats.t.isf(alpha / 2.0, df))
    high = (critical + 40.0) * standard_error

    def missing(difference: float) -> float:
        return _power(difference, standard_error, df, alpha) - power

    return float(scipy.optimize.brentq(missing, 0.0, high))


def checked_power(power: float, alpha: float) -> float:
    """Return `power`, or raise ValueError where it is no chance above alpha."""
    if not alpha < power < 1.0:
        raise ValueError(f"power must lie between alpha and 1; it is {power}")
    return power


def _checked_error(standard_error: float) -> float:
    if not standard_error > 0.0:
        raise ValueError("without any variance every difference is certain; state at least one variance above 0")
    return standard_error
