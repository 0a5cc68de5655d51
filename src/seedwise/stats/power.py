"""Before anything runs: what a design can decide, from stated variances or from those of a pilot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy

from .crossed import ArmComponents, CrossedResult, crossed_variance
from .family import smallest_n_paired, smallest_n_unpaired
from .needed import MAX_EXAMPLES, MAX_SEEDS, smallest
from .numeric import check_alpha


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of single scores, in the squared unit of the scores.

    `seed_*`: of a seed's expected score; `example`: of an example's expected *difference* between the arms;
    `residual_*`: of what is left, seed × example. Expected variance of the difference with S seeds an arm and E examples:
    Σ seed / S + example / E + Σ residual / (S E).
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
    residuals = [arm.v3 * arm.n_seeds * result.n_examples for arm in arms]
    example = max(result.v2 - math.fsum(arm.v3 for arm in arms), 0.0) * result.n_examples
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

    The standardised estimate is taken as noncentral t with noncentrality difference / √Var and the degrees of freedom of
    `crossed` (Hillis, Obuchowski and Berbaum 2011, doi 10.1016/j.acra.2010.09.007), mean squares being at their
    expectations. For a family pass alpha / its size. A `deterministic` arm adds no variance of its own; paired seeds are
    the case of their differences (components of A) against a deterministic B. Raises ValueError for fewer than two seeds
    or examples.
    """
    check_alpha(alpha)
    standard_error, df = design_error(components, n_seeds, n_examples, deterministic)
    return _power(difference, standard_error, df, alpha)


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
    power: float = 0.8,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> float:
    """Return the smallest true difference that `power_crossed` finds with probability `power`."""
    check_alpha(alpha)
    return _detectable(
        *design_error(components, n_seeds, n_examples, deterministic), checked_power(power, alpha), alpha
    )


def detectable_welch(sd_a: float, sd_b: float, n_seeds: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return the smallest true difference that `power_welch` finds with probability `power`."""
    check_alpha(alpha)
    return _detectable(*_welch_design(sd_a, sd_b, n_seeds), checked_power(power, alpha), alpha)


def seeds_for_crossed(
    difference: float,
    components: Components,
    n_examples: int,
    power: float = 0.8,
    alpha: float = 0.05,
    *,
    deterministic: tuple[bool, bool] = INDEPENDENT,
) -> int | None:
    """Return the seeds per arm that reach `power` on `n_examples`; None where no number up to 1,000 does.

    Never fewer than the exact test over seeds needs to be attainable at `alpha`.
    """
    wanted = checked_power(power, alpha)
    return smallest(
        lambda n: power_crossed(difference, components, n, n_examples, alpha, deterministic=deterministic) >= wanted,
        fewest_seeds(alpha, deterministic),
        MAX_SEEDS,
    )


def examples_for_crossed(
    difference: float,
    components: Components,
    n_seeds: int,
    power: float = 0.8,
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


def seeds_for_welch(difference: float, sd_a: float, sd_b: float, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Return the seeds per arm that reach `power` over seeds alone; limits as for `seeds_for_crossed`."""
    wanted = checked_power(power, alpha)
    return smallest(
        lambda n: power_welch(difference, sd_a, sd_b, n, alpha) >= wanted, max(2, smallest_n_unpaired(alpha)), MAX_SEEDS
    )


def fewest_seeds(alpha: float, deterministic: tuple[bool, bool]) -> int:
    """Return the seeds per arm from which on the exact test over seeds is attainable at `alpha`, at least two."""
    return max(2, smallest_n_paired(alpha) if any(deterministic) else smallest_n_unpaired(alpha))


def design_error(
    components: Components, n_seeds: int, n_examples: int, deterministic: tuple[bool, bool] = INDEPENDENT
) -> tuple[float, float]:
    """Return the expected standard error and degrees of freedom of the crossed interval."""
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
    return _checked_error(math.sqrt(variance)), df


def _welch_design(sd_a: float, sd_b: float, n_seeds: int) -> tuple[float, float]:
    if n_seeds < 2:
        raise ValueError(f"two seeds are needed; given: {n_seeds}")
    if not all(math.isfinite(sd) and sd >= 0.0 for sd in (sd_a, sd_b)):
        raise ValueError(f"standard deviations must be finite and not negative; they are {sd_a} and {sd_b}")
    a, b = sd_a**2 / n_seeds, sd_b**2 / n_seeds
    error = _checked_error(math.sqrt(a + b))
    return error, (a + b) ** 2 * (n_seeds - 1) / (a**2 + b**2)


def _power(difference: float, standard_error: float, df: float, alpha: float) -> float:
    noncentrality = abs(difference) / standard_error
    critical = float(scipy.stats.t.isf(alpha / 2.0, df))
    if noncentrality > critical + 40.0:  # certain, and beyond what the noncentral t can be computed for
        return 1.0
    return min(1.0, max(0.0, float(scipy.stats.nct.sf(critical, df, noncentrality))))


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
