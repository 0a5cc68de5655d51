"""Seeds added later, at looks that were declared before: how much of alpha each look may spend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import scipy

from .numeric import FloatArray, check_alpha

Spending = Literal["obrien-fleming", "pocock"]

_GRID = 801  # points on which the density of the statistic that is still undecided is carried on
_TAILS = 8.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look: the seeds an arm at it, the alpha spent up to it, and the nominal two-sided level at which it decides."""

    seeds: int
    spent: float
    level: float


def spent(spending: Spending, alpha: float, fraction: float) -> float:
    """Return the two-sided alpha that may be spent up to the information `fraction`.

    O'Brien-Fleming type: on each side 2 - 2 Phi(z / sqrt(t)) with z the upper alpha / 4 quantile, almost nothing at first;
    Pocock type: alpha ln(1 + (e - 1) t), much at first (Lan and DeMets 1983, doi 10.1093/biomet/70.3.659). Raises ValueError
    for another rule, or a fraction outside (0, 1].
    """
    check_alpha(alpha)
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"the fraction of the seeds must lie in (0, 1]; it is {fraction}")
    if spending == "obrien-fleming":
        return float(4.0 * scipy.stats.norm.sf(scipy.stats.norm.isf(alpha / 4.0) / math.sqrt(fraction)))
    if spending == "pocock":
        return alpha * math.log(1.0 + (math.e - 1.0) * fraction)
    raise ValueError(f"spending must be 'obrien-fleming' or 'pocock'; it is {spending!r}")


def look_levels(seeds: Sequence[int], alpha: float = 0.05, spending: Spending = "obrien-fleming") -> tuple[Look, ...]:
    """Return the looks at these increasing numbers of seeds an arm, the last of which is the whole study.

    Information is counted in seeds, t_k = seeds_k / seeds_K. Each boundary is found by carrying the density of the
    statistic that no earlier look has stopped from look to look (Armitage, McPherson and Rowe 1969) and solving for what
    the rule lets this look spend; its level is the two-sided normal tail beyond it, held against the p value of the t test
    at that look (the significance-level approach of Pocock 1977, doi 10.1093/biomet/64.2.191).

    All looks share their examples, so part of the error does not change between them. The statistics of two looks are then
    *more* alike than sqrt(t_j / t_k), which these levels assume, and the chance that any look is wrong is below alpha.

    Raises ValueError for looks that do not increase, a first one under two seeds, or none.
    """
    check_alpha(alpha)
    counts = [int(count) for count in seeds]
    if not counts or counts[0] < 2 or any(later <= earlier for earlier, later in pairwise(counts)):
        raise ValueError(f"looks are increasing numbers of seeds, from two on; they are {list(seeds)}")
    fractions = [count / counts[-1] for count in counts]
    looks: list[Look] = []
    before, grid, density = 0.0, np.zeros(1), np.ones(1)  # the score statistic B(t) = Z sqrt(t), a point mass at time 0
    for index, fraction in enumerate(fractions):
        step = fraction - (fractions[index - 1] if index else 0.0)
        total = spent(spending, alpha, fraction)
        bound = _bound(grid, density, step, total - before)
        level = float(2.0 * scipy.stats.norm.sf(bound / math.sqrt(fraction)))
        looks.append(Look(seeds=counts[index], spent=total, level=level))
        grid, density = _carry(grid, density, step, bound)
        before = total
    return tuple(looks)


def _bound(grid: FloatArray, density: FloatArray, step: float, allowed: float) -> float:
    """Return the bound of |B| beyond which the chance of a first crossing at this look is `allowed`."""
    scale = math.sqrt(step)

    def excess(bound: float) -> float:
        crossing = scipy.stats.norm.sf((bound - grid) / scale) + scipy.stats.norm.cdf((-bound - grid) / scale)
        return _integral(density * crossing, grid) - allowed

    return _root(excess, 0.0, float(np.abs(grid).max()) + 40.0 * scale)


def _carry(grid: FloatArray, density: FloatArray, step: float, bound: float) -> tuple[FloatArray, FloatArray]:
    """Return the density of B at this look among what stays within the bound, on a new grid."""
    reach = min(bound, float(np.abs(grid).max()) + _TAILS * math.sqrt(step))
    fresh = np.linspace(-reach, reach, _GRID)
    kernel = scipy.stats.norm.pdf(fresh[:, None], loc=grid[None, :], scale=math.sqrt(step))
    return fresh, np.array([_integral(density * row, grid) for row in kernel])


def _integral(values: FloatArray, grid: FloatArray) -> float:
    return float(values[0]) if grid.size == 1 else float(np.trapezoid(values, grid))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(scipy.optimize.brentq(function, low, high, xtol=1e-12))
