"""What it would take to decide a claim that these data leave open."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from .crossed import ArmComponents, CrossedResult, crossed_variance
from .tdist import t_half_width
from .welch import WelchResult

MAX_SEEDS = 1_000
MAX_EXAMPLES = 10_000_000


@dataclass(frozen=True, slots=True)
class Needed:
    """The smallest design of each kind that would do; None where no number up to the limit does.

    `seeds_per_arm` keeps the examples as they are, `examples` keeps the seeds. `approximate` marks a figure
    scaled from the variances and the estimate at hand: even if these were the truth, it decides in about half
    of all repetitions.
    """

    seeds_per_arm: int | None
    examples: int | None
    approximate: bool


def needed_crossed(result: CrossedResult, target: float, alpha: float) -> Needed:
    """Return the seeds or the examples at which the 1 - `alpha` half-width falls below `target`.

    The components are taken apart into seed, example and residual parts, and each is scaled by what it
    averages over. The example part does not shrink with seeds, nor the seed part with examples, so either
    figure may be None. `target` is in the unit of the scores; with a target that is not positive nothing
    suffices.
    """
    arms = (result.arm_a, result.arm_b)
    most_seeds = max((arm.n_seeds for arm in arms if not arm.deterministic), default=0)
    seeds = None
    if most_seeds:
        seeds = smallest(lambda n: _half_width(result, alpha, n, result.n_examples) < target, most_seeds + 1, MAX_SEEDS)
    examples = smallest(lambda e: _half_width(result, alpha, None, e) < target, result.n_examples + 1, MAX_EXAMPLES)
    return Needed(seeds_per_arm=seeds, examples=examples, approximate=True)


def needed_welch(
    result: WelchResult, target: float, alpha: float, deterministic: tuple[bool, bool] = (False, False)
) -> Needed:
    """Return the seeds per arm at which Welch's 1 - `alpha` half-width falls below `target`; examples stay
    unknown."""
    variances = [
        variance
        for variance, constant in zip((result.variance_a, result.variance_b), deterministic, strict=True)
        if not constant
    ]

    def decides(n: int) -> bool:
        parts = [variance / n for variance in variances]
        total = math.fsum(parts)
        df = total**2 / math.fsum(part**2 / (n - 1) for part in parts)
        return t_half_width(math.sqrt(total), df, alpha) < target

    return Needed(
        seeds_per_arm=smallest(decides, max(result.n_a, result.n_b) + 1, MAX_SEEDS),
        examples=None,
        approximate=True,
    )


def _half_width(result: CrossedResult, alpha: float, n_seeds: int | None, n_examples: int) -> float:
    """Return the half-width expected with `n_seeds` per arm (None: as they are) and `n_examples`."""
    arms = (result.arm_a, result.arm_b)
    pure_examples = max(result.v2 - math.fsum(arm.v3 for arm in arms), 0.0)
    fewer = result.n_examples / n_examples
    scaled = []
    for arm in arms:
        seeds = arm.n_seeds if arm.deterministic or n_seeds is None else n_seeds
        per_seed = arm.n_seeds / seeds
        residual = arm.v3 * per_seed * fewer
        seed_part = max(arm.v1 - arm.v3, 0.0) * per_seed
        scaled.append(replace(arm, n_seeds=seeds, v1=seed_part + residual, v3=residual))
    pair: tuple[ArmComponents, ArmComponents] = (scaled[0], scaled[1])
    v2 = pure_examples * fewer + math.fsum(arm.v3 for arm in pair)
    variance, df = crossed_variance(pair, v2, n_examples)
    return t_half_width(math.sqrt(variance), df, alpha) if variance > 0.0 else 0.0


def smallest(decides: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the smallest n in [low, high] that decides, taking `decides` to stay true once it is; None
    without one."""
    if low > high or not decides(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if decides(middle):
            high = middle
        else:
            low = middle + 1
    return low
