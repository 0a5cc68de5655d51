"""Several claims in one study: Holm's correction, and how many seeds it asks for."""

from __future__ import annotations

from collections.abc import Sequence

from .numeric import check_alpha, check_family_size
from .permutation import floor_paired, floor_unpaired

MIN_SEEDS = (
    3  # in each arm that has any: with two the crossed test is wrong two to three times too often, with three it holds
)

MIN_TASKS = 5  # that say anything of tasks like them: fewer tell too little of how tasks differ


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's adjusted p values, in the order given (Holm 1979, https://www.jstor.org/stable/4615733).

    Rejecting where the adjusted value is <= alpha keeps the chance of any false claim in the family at or
    below alpha, under any dependence. A claim without a p value enters as 1. Raises ValueError for a value
    outside [0, 1].
    """
    if any(not 0.0 <= p <= 1.0 for p in p_values):
        raise ValueError(f"p values must lie in [0, 1]; a claim without one enters as 1. Given: {list(p_values)}")
    size = len(p_values)
    adjusted = [0.0] * size
    running = 0.0
    for rank, index in enumerate(sorted(range(size), key=p_values.__getitem__)):
        running = max(running, min(1.0, (size - rank) * p_values[index]))
        adjusted[index] = running
    return tuple(adjusted)


def is_attainable(floor: float, alpha: float, family_size: int = 1) -> bool:
    """Say whether a test whose smallest p is `floor` can pass the first step of Holm: floor <= alpha /
    family_size."""
    check_alpha(alpha)
    check_family_size(family_size)
    return floor <= alpha / family_size * (1.0 + 1e-12)


def smallest_n_unpaired(alpha: float = 0.05, family_size: int = 1) -> int:
    """Return the smallest number of seeds per arm at which an unpaired exact test can decide a claim of the
    family."""
    n = 1
    while not is_attainable(floor_unpaired(n, n), alpha, family_size):
        n += 1
    return n


def smallest_n_paired(alpha: float = 0.05, family_size: int = 1) -> int:
    """Return the smallest number of seeds at which a paired (sign-flip) exact test can decide a claim of the
    family."""
    n = 1
    while not is_attainable(floor_paired(n), alpha, family_size):
        n += 1
    return n
