"""The typed answer to input on which a procedure is undefined."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .numeric import FloatArray


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
            f"{name} is declared deterministic but has {n_seeds} seeds; pass the one result it always gives"
        )


def seeds_fault(name: str, n_seeds: int, deterministic: bool) -> Degenerate | None:
    """Return a fault where the variance between seeds of an arm cannot be estimated."""
    if n_seeds >= (1 if deterministic else 2):
        return None
    detail = f"{name} has {n_seeds} seed(s); a variance between seeds needs two"
    return Degenerate(DegenerateReason.TOO_FEW_SEEDS, detail)


def finite_fault(name: str, scores: FloatArray) -> Degenerate | None:
    """Return a fault where a score is NaN or infinite."""
    bad = int(np.count_nonzero(~np.isfinite(scores)))
    if not bad:
        return None
    detail = f"{bad} score(s) of {name} are not finite; flag the runs that failed, and compare the others apart"
    return Degenerate(DegenerateReason.NOT_FINITE, detail)
