"""What it would take to decide a claim that these data leave open."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .crossed import ArmComponents, CrossedResult, crossed_variance
from .noncentral import MAX_EXAMPLES, MAX_SEEDS, POWER, one_sided_power, smallest, two_one_sided_power
from .welch import WelchResult, satterthwaite


@dataclass(frozen=True, slots=True)
class Needed:
    """The smallest design of each kind that would do; None where no number up to the limit does.

    `seeds_per_arm` keeps the examples as they are, `examples` (with clusters: of clusters as large as those at hand) keeps
    the seeds. `approximate` marks a figure with which a new study decides in 80 % of repetitions, if the estimate and the
    variances at hand are the truth; otherwise it is what a rule asks for.
    """

    seeds_per_arm: int | None
    examples: int | None
    approximate: bool


def needed_crossed(result: CrossedResult, alpha: float, margin: float | None = None) -> Needed:
    """Return the seeds or the examples with which the claim is decided with 80 % power, the estimate being the truth.

    The claim is a difference from 0 at the two-sided `alpha`, or with a `margin` equivalence at `alpha` for each of the two
    one-sided tests. The components are taken apart into seed, example and residual parts, and each is scaled by what it
    averages over. The example part does not shrink with seeds, nor the seed part with examples, so either figure may be None.
    """
    arms = (result.arm_a, result.arm_b)
    most_seeds = max((arm.n_seeds for arm in arms if not arm.deterministic), default=0)

    def decides(n_seeds: int | None, n_draws: int) -> bool:
        return _power(result.estimate, *_error(result, n_seeds, n_draws), alpha, margin) >= POWER

    seeds = None
    if most_seeds:
        seeds = smallest(lambda n: decides(n, result.n_draws), most_seeds + 1, MAX_SEEDS)
    size = result.n_examples / result.n_draws
    draws = smallest(lambda n: decides(None, n), result.n_draws + 1, int(MAX_EXAMPLES / size))
    return Needed(seeds_per_arm=seeds, examples=None if draws is None else math.ceil(draws * size), approximate=True)


def needed_welch(
    result: WelchResult,
    alpha: float,
    margin: float | None = None,
    deterministic: tuple[bool, bool] = (False, False),
) -> Needed:
    """Return the seeds per arm with which Welch's test decides with 80 % power; examples stay unknown."""
    variances = [
        variance
        for variance, constant in zip((result.variance_a, result.variance_b), deterministic, strict=True)
        if not constant
    ]

    def decides(n: int) -> bool:
        parts = [(variance / n, n - 1) for variance in variances]
        error = math.sqrt(math.fsum(part for part, _ in parts))
        return _power(result.estimate, error, satterthwaite(parts), alpha, margin) >= POWER

    seeds = smallest(decides, max(result.n_a, result.n_b) + 1, MAX_SEEDS)
    return Needed(seeds_per_arm=seeds, examples=None, approximate=True)


def _power(estimate: float, standard_error: float, df: float, alpha: float, margin: float | None) -> float:
    if standard_error == 0.0:
        return 1.0 if estimate != 0.0 and margin is None else float(margin is not None and abs(estimate) < margin)
    if margin is None:
        return one_sided_power(abs(estimate), standard_error, df, alpha / 2.0)
    return two_one_sided_power(margin, estimate, standard_error, df, alpha)


def _error(result: CrossedResult, n_seeds: int | None, n_draws: int) -> tuple[float, float]:
    """Return the standard error and df expected with `n_seeds` per arm (None: as they are) and `n_draws` examples or clusters."""
    arms = (result.arm_a, result.arm_b)
    pure_examples = max(result.v2 - math.fsum(arm.v3 for arm in arms), 0.0)
    fewer = result.n_draws / n_draws
    scaled = []
    for arm in arms:
        seeds = arm.n_seeds if arm.deterministic or n_seeds is None else n_seeds
        per_seed = arm.n_seeds / seeds
        residual = arm.v3 * per_seed * fewer
        seed_part = max(arm.v1 - arm.v3, 0.0) * per_seed
        scaled.append(replace(arm, n_seeds=seeds, v1=seed_part + residual, v3=residual))
    pair: tuple[ArmComponents, ArmComponents] = (scaled[0], scaled[1])
    v2 = pure_examples * fewer + math.fsum(arm.v3 for arm in pair)
    variance, df = crossed_variance(pair, v2, n_draws)
    return math.sqrt(variance), df
