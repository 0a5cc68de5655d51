"""Where a setting is best, and how many times another arm's best it is: from what each seed of a search scored at each value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .degenerate import Degenerate, DegenerateReason, seeds_fault
from .numeric import FloatArray, as_matrix, check_alpha
from .tdist import t_interval

MIN_SEEDS = 3
RatioOutcome = Literal["within", "other", "undecided"]


@dataclass(frozen=True, slots=True)
class BestValues:
    """Each seed's best value [S]; how many seeds score best at the lowest and at the highest value that was tried, and to how many
    all values are one: these do not tell where their best lies.
    """

    values: FloatArray
    lowest: int
    highest: int
    flat: int = 0


@dataclass(frozen=True, slots=True)
class BestRatio:
    """`estimate` and `interval` of the best value of a over that of b; a bound is 0 or inf where the best lay at the edge of what
    was tried, so that the data do not tell how far beyond it is; both are where a seed does not tell its best.

    `outcome`: within the declared factor of the declared ratio, other than that, or undecided.
    """

    estimate: float
    interval: tuple[float, float]
    a: BestValues
    b: BestValues
    df: float
    alpha: float
    outcome: RatioOutcome


def best_values(values: ArrayLike, scores: ArrayLike) -> BestValues:
    """Return each seed's best of `values` [P], positive and rising, by `scores` [S, P], a higher one being better.

    Between the values the best lies at the top of the parabola in log value through the best one and its two neighbours, which is at
    most half the way to either where they are evenly spread; the scores of equal best ones put it between them. At the edge, or
    beside a score that is not finite, it is the value itself; of a seed that scores the same everywhere, the middle.
    Raises ValueError for values that are not positive and rising, or fewer than three.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        points, lines = np.log(np.asarray(values, dtype=np.float64)), as_matrix(scores, "scores")
    if points.size < 3 or not bool(np.isfinite(points).all()) or not bool((np.diff(points) > 0.0).all()):
        raise ValueError("the best value is looked for among three or more, positive and rising")
    if lines.shape[1] != points.size:
        raise ValueError(f"a score for each of {points.size} values is needed; found {lines.shape[1]}")
    tops = np.argmax(lines, axis=1)
    flat = lines.min(axis=1) == lines.max(axis=1)
    best = np.array([_top(points, line, int(top)) for line, top in zip(lines, tops, strict=True)])
    best[flat] = (points[0] + points[-1]) / 2.0
    lowest, highest = ((tops == end) & ~flat for end in (0, points.size - 1))
    return BestValues(np.exp(best), int(lowest.sum()), int(highest.sum()), int(flat.sum()))


def best_ratio(
    a: BestValues, b: BestValues, ratio: float, within: float | None = None, alpha: float = 0.05
) -> BestRatio | Degenerate:
    """Compare the best values of two arms with a declared `ratio` (a over b): Welch's t interval of the difference of mean logs over seeds.

    "Within": the interval at 1 - 2 alpha lies inside ratio / `within` to ratio * `within` (two one-sided tests). "Other": that at 1 - alpha
    lies outside it, or, without a factor, leaves out the ratio. The interval is of seeds alone, on this selection split. Returns
    `Degenerate` for fewer than three seeds, or bests that do not scatter at all: the values tried are then too coarse to tell.
    """
    check_alpha(alpha)
    for name, found in (("a", a), ("b", b)):
        if found.values.size < MIN_SEEDS:
            return seeds_fault(name, found.values.size, False) or Degenerate(
                DegenerateReason.TOO_FEW_SEEDS, f"{found.values.size} seeds of the search; {MIN_SEEDS} are needed"
            )
    logs = np.log(a.values), np.log(b.values)
    parts = [float(line.var(ddof=1)) / line.size for line in logs]
    variance = sum(parts)
    if variance <= 0.0:
        return Degenerate(DegenerateReason.ZERO_VARIANCE, "every seed is best at the same value")
    df = variance**2 / sum(part**2 / (line.size - 1) for part, line in zip(parts, logs, strict=True))
    difference = float(logs[0].mean() - logs[1].mean())
    wide, narrow = (_ends(difference, math.sqrt(variance), df, level, a, b) for level in (alpha, 2.0 * alpha))
    outcome: RatioOutcome = "undecided"
    if within is None:
        if not wide[0] <= ratio <= wide[1]:
            outcome = "other"
    elif ratio / within <= narrow[0] and narrow[1] <= ratio * within:
        outcome = "within"
    elif wide[1] < ratio / within or wide[0] > ratio * within:
        outcome = "other"
    return BestRatio(math.exp(difference), wide, a, b, df, alpha, outcome)


def _ends(
    difference: float, error: float, df: float, alpha: float, a: BestValues, b: BestValues
) -> tuple[float, float]:
    low, high = (math.exp(bound) for bound in t_interval(difference, error, df, alpha))
    if a.flat or b.flat:
        return 0.0, math.inf
    return (0.0 if a.lowest or b.highest else low), (math.inf if a.highest or b.lowest else high)


def _top(points: FloatArray, scores: FloatArray, top: int) -> float:
    if top in (0, points.size - 1):
        return float(points[top])
    (x0, x1, x2), (y0, y1, y2) = points[top - 1 : top + 2], scores[top - 1 : top + 2]
    rise, fall = (y1 - y0) / (x1 - x0), (y1 - y2) / (x2 - x1)
    if not (math.isfinite(rise) and math.isfinite(fall)) or rise + fall <= 0.0:
        return float(x1)
    # The slope of the parabola is `rise` halfway below the best point, and -`fall` halfway above it.
    below, above = (x0 + x1) / 2.0, (x1 + x2) / 2.0
    return float(below + (above - below) * rise / (rise + fall))
