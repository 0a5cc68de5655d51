"""What stands beside the primary analysis over seeds: the exact test with its floor, Welch, and how often A scores above B."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .apart import seeds_apart
from .collapse import collapse_bound
from .crossed import CrossedResult
from .degenerate import Degenerate
from .numeric import FloatArray
from .permutation import (
    PermutationResult,
    enumerations_paired,
    enumerations_unpaired,
    floor_paired,
    floor_unpaired,
    permutation_paired,
    permutation_unpaired,
)
from .probability import probability_a_greater, probability_interval, share_interval
from .verdict import Question, Verdict
from .welch import WelchResult, welch, welch_paired

MOST_SEEDS = 2000  # of both arms, that arrangements are drawn of


def floor_of(frame: Verdict) -> float | None:
    """Return the floor of the exact test over seeds (of tasks that are a sample: over tasks); None where no arm has seeds."""
    n_a, n_b = frame.n_seeds
    if frame.question is Question.LIKE_TASKS:
        return floor_paired(frame.n_tasks or 1)
    if all(frame.deterministic):
        return None
    if frame.paired:
        return floor_paired(n_a)
    if any(frame.deterministic):
        return floor_paired(n_b if frame.deterministic[0] else n_a)
    return floor_unpaired(n_a, n_b)


def exact_of(
    frame: Verdict,
    seeds_a: FloatArray,
    seeds_b: FloatArray,
    rng: np.random.Generator | None,
    max_enumerations: int,
) -> PermutationResult | None:
    """Return the exact test over the per-seed (or per-task) scores; None without seeds, or with too many of them, or no generator to
    sample."""
    over_tasks = frame.question is Question.LIKE_TASKS
    if (all(frame.deterministic) and not over_tasks) or seeds_a.size + seeds_b.size > MOST_SEEDS:
        return None
    exact: PermutationResult | Degenerate
    if frame.paired or any(frame.deterministic) or over_tasks:
        differences = seeds_a - seeds_b
        if rng is None and enumerations_paired(differences.size) > max_enumerations:
            return None
        exact = permutation_paired(differences, rng=rng, max_enumerations=max_enumerations)
    else:
        if rng is None and enumerations_unpaired(seeds_a.size, seeds_b.size) > max_enumerations:
            return None
        exact = permutation_unpaired(seeds_a, seeds_b, rng=rng, max_enumerations=max_enumerations)
    return None if isinstance(exact, Degenerate) else exact


def welch_of(frame: Verdict, seeds_a: FloatArray, seeds_b: FloatArray) -> WelchResult | None:
    """Return the t interval over seeds, for this test file; None where it is undefined."""
    if frame.paired:
        result = welch_paired(seeds_a, seeds_b, frame.alpha)
    else:
        fixed_a, fixed_b = frame.deterministic
        result = welch(seeds_a, seeds_b, frame.alpha, deterministic_a=fixed_a, deterministic_b=fixed_b)
    return None if isinstance(result, Degenerate) else result


def described(frame: Verdict, result: CrossedResult | WelchResult, seeds_a: FloatArray, seeds_b: FloatArray) -> Verdict:
    """Fill in what describes the seeds of both arms: P(A > B) with its interval, and the seeds that collapsed."""
    if frame.question is Question.LIKE_TASKS:  # of tasks, and no seeds to tell of
        share = probability_a_greater(seeds_a, seeds_b, paired=True)
        known = None if share is None else share_interval(share, seeds_a.size, frame.alpha)
        return replace(frame, p_a_greater_b=share, p_a_greater_b_interval=known)
    share = probability_a_greater(seeds_a, seeds_b, paired=frame.paired)
    interval = None
    if share is not None and not all(frame.deterministic):
        if frame.paired or any(frame.deterministic):
            interval = share_interval(share, max(frame.n_seeds), frame.alpha)
        else:
            interval = probability_interval(share, *frame.n_seeds, frame.alpha)
    _collapsed, _bounds = [0, 0], [None, None]
    arms = (result.arm_a, result.arm_b) if isinstance(result, CrossedResult) and not frame.paired else (None, None)
    sides = zip((seeds_a, seeds_b), arms, frame.deterministic, strict=True)
    found: list[tuple[int, float | None]] = []
    for scores, arm, fixed in sides:
        noise = 0.0 if arm is None else float(np.sqrt(arm.v3 * arm.n_seeds))
        count = 0 if fixed else seeds_apart(scores, noise)
        found.append((count, None if fixed else collapse_bound(count, scores.size)))
    (collapsed_a, bound_a), (collapsed_b, bound_b) = found
    return replace(
        frame,
        p_a_greater_b=share,
        p_a_greater_b_interval=interval,
        collapsed=(collapsed_a, collapsed_b),
        collapse_bound=(bound_a, bound_b),
    )
