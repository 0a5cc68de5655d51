"""The typed answer to input on which a procedure is undefined."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .numeric import FloatArray, largest


class DegenerateReason(StrEnum):
    """Why no interval and no p value can be given."""

    NO_DATA = "no data"
    TOO_FEW_SEEDS = "too few seeds"
    TOO_FEW_EXAMPLES = "too few examples"
    NOT_FINITE = "not finite"
    UNEQUAL_EXAMPLES = "unequal examples"
    ZERO_VARIANCE = "zero variance"
    NOT_SHARED = "seeds not shared"


@dataclass(frozen=True, slots=True)
class Degenerate:
    """An outcome in place of a result: the reason, and a sentence that says what was seen and what to do.

    Procedures return it rather than raise it, so that a type checker makes every caller face it.
    """

    reason: DegenerateReason
    detail: str


def check_declared(name: str, n_seeds: int, deterministic: bool) -> None:
    """Raise ValueError for an arm declared deterministic that has more than one seed."""
    if deterministic and n_seeds > 1:
        raise ValueError(
            f"{name} is declared deterministic but has {n_seeds} seeds; pass the one result that it always gives"
        )


def seeds_fault(name: str, n_seeds: int, deterministic: bool) -> Degenerate | None:
    """Return a fault where the variance between seeds of arm `name` cannot be estimated."""
    if n_seeds >= (1 if deterministic else 2):
        return None
    seeds = "one seed" if n_seeds == 1 else "no seed"
    detail = f"arm {name} has {seeds}; a variance between seeds needs two, and a verdict three"
    return Degenerate(DegenerateReason.TOO_FEW_SEEDS, detail)


def examples_fault(n_a: int, n_b: int, n_draws: int, what: str = "example") -> Degenerate | None:
    """Return a fault where arms have different examples, or fewer than two draws of them (examples, or clusters)."""
    if n_a != n_b:
        detail = f"arm A has {n_a} examples and arm B has {n_b}; score both arms on the same examples"
        return Degenerate(DegenerateReason.UNEQUAL_EXAMPLES, detail)
    if n_draws < 2:
        counted = f"one {what}" if n_draws == 1 else f"no {what}"
        return Degenerate(DegenerateReason.TOO_FEW_EXAMPLES, f"there is {counted}; two are needed")
    return None


_LARGEST, _SMALLEST = 1e145, 1e-145


def finite_fault(name: str, scores: FloatArray) -> Degenerate | None:
    """Return a fault where a score of arm `name` is NaN, infinite, or so large or small that a double cannot hold its square."""
    bad = int(np.count_nonzero(~np.isfinite(scores)))
    if bad:
        counted = "one score" if bad == 1 else f"{bad} scores"
        detail = f"{counted} of {name} {'is' if bad == 1 else 'are'} not finite; flag the runs that failed, and compare the others apart"
        return Degenerate(DegenerateReason.NOT_FINITE, detail)
    size = largest(scores)
    if size > _LARGEST or 0.0 < size < _SMALLEST:
        detail = (
            f"scores of {name} reach {size:.1e}, whose square is beyond what a double holds; give them in another unit"
        )
        return Degenerate(DegenerateReason.NOT_FINITE, detail)
    return None
