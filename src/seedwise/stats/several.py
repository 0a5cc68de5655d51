"""Several arms at once over seeds: many against one, and all pairs, with the chance of any false find kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .degenerate import Degenerate, DegenerateReason, finite_fault, seeds_fault
from .numeric import FloatArray, as_scores, check_alpha, is_noise, largest
from .welch import welch


@dataclass(frozen=True, slots=True)
class PairResult:
    """mean(A) - mean(B) in the unit of the scores; `interval` and `p` hold for all pairs of the family together."""

    a: str
    b: str
    estimate: float
    interval: tuple[float, float]
    p: float


def dunnett(
    arms: Mapping[str, ArrayLike], control: str, rng: np.random.Generator, alpha: float = 0.05
) -> tuple[PairResult, ...] | Degenerate:
    """Compare every arm's per-seed scores [S] with those of `control` (Dunnett 1955, doi 10.1080/01621459.1955.10501294).

    `scipy.stats.dunnett`, two-sided; it integrates a multivariate t distribution by sampling from `rng`, so p values
    carry an error of about 1e-4. Assumes normal scores with *one* variance in all arms: a collapsed arm
    breaks that, and `all_pairs` does not assume it. Seeds are random, for this test file only.

    Returns `Degenerate` for fewer than two seeds in an arm, a score that is not finite, or no variance. Raises
    ValueError for an unknown control, or none to compare it with.
    """
    check_alpha(alpha)
    scores = _scores(arms)
    if control not in scores:
        raise ValueError(f"no arm {control!r} among {', '.join(scores)}")
    fault = _fault(scores)
    if fault is not None:
        return fault
    others = [name for name in scores if name != control]
    found = scipy.stats.dunnett(*(scores[name] for name in others), control=scores[control], rng=rng)
    bounds = found.confidence_interval(1.0 - alpha)
    low, high = np.atleast_1d(bounds.low), np.atleast_1d(bounds.high)
    return tuple(
        PairResult(
            a=name,
            b=control,
            estimate=float(scores[name].mean() - scores[control].mean()),
            interval=(float(low[i]), float(high[i])),
            p=float(found.pvalue[i]),
        )
        for i, name in enumerate(others)
    )


def all_pairs(arms: Mapping[str, ArrayLike], alpha: float = 0.05) -> tuple[PairResult, ...] | Degenerate:
    """Compare all pairs of arms by their per-seed scores [S] (Games and Howell 1976, doi 10.3102/10769986001002113).

    Each pair's Welch statistic t, with its own degrees of freedom, is held against the studentized range of k arms:
    p = P(Q_{k, df} >= |t| √2), half-width Q_{1-alpha} / √2 standard errors. Variances may differ; with two arms it is
    Welch's test. Assumes normal scores; slightly liberal with under six seeds an arm. For this test file only.

    Returns `Degenerate` for fewer than two seeds in an arm, a score that is not finite, or a pair without variance.
    Raises ValueError for fewer than two arms.
    """
    check_alpha(alpha)
    scores = _scores(arms)
    fault = _fault(scores)
    if fault is not None:
        return fault
    pairs = []
    for a, b in combinations(scores, 2):
        result = welch(scores[a], scores[b], alpha)
        if isinstance(result, Degenerate):
            return Degenerate(result.reason, f"{a} against {b}: {result.detail}")
        q = abs(result.estimate) / result.standard_error * math.sqrt(2.0)
        critical = float(scipy.stats.studentized_range.isf(alpha, len(scores), result.df))
        half = critical / math.sqrt(2.0) * result.standard_error
        pairs.append(
            PairResult(
                a=a,
                b=b,
                estimate=result.estimate,
                interval=(result.estimate - half, result.estimate + half),
                p=min(1.0, max(0.0, float(scipy.stats.studentized_range.sf(q, len(scores), result.df)))),
            )
        )
    return tuple(pairs)


def _scores(arms: Mapping[str, ArrayLike]) -> dict[str, FloatArray]:
    if len(arms) < 2:
        raise ValueError(f"two arms are needed; given: {', '.join(arms) or 'none'}")
    return {name: as_scores(values, name) for name, values in arms.items()}


def _fault(scores: Mapping[str, FloatArray]) -> Degenerate | None:
    for name, values in scores.items():
        fault = seeds_fault(name, values.size, False) or finite_fault(name, values)
        if fault is not None:
            return fault
    within = math.sqrt(math.fsum(float(values.var()) for values in scores.values()))
    if is_noise(within, largest(*scores.values())):
        return Degenerate(
            DegenerateReason.ZERO_VARIANCE, "no arm varies between seeds, so there is no error to compare with"
        )
    return None
