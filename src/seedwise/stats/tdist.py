"""Interval, p value and equivalence test of an estimate whose standardised error is Student t."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from .numeric import check_alpha, check_margin


def t_half_width(standard_error: float, df: float, alpha: float) -> float:
    """Return half the width of the two-sided 1 - alpha interval, in the unit of `standard_error`."""
    return float(-stdtrit(df, alpha / 2.0)) * standard_error


def t_interval(estimate: float, standard_error: float, df: float, alpha: float) -> tuple[float, float]:
    """Return the two-sided 1 - alpha interval (low, high)."""
    half = t_half_width(standard_error, df, alpha)
    return estimate - half, estimate + half


def t_p(estimate: float, standard_error: float, df: float) -> float:
    """Return the two-sided p value of the hypothesis that the estimated quantity is 0."""
    return float(np.minimum(1.0, 2.0 * stdtr(df, -abs(estimate) / standard_error)))


@dataclass(frozen=True, slots=True)
class TostResult:
    """Two one-sided tests of |difference| >= margin.

    `p` is the larger of the one-sided p values; `interval` is the 1 - 2 alpha interval; `equivalent` says
    that the interval lies strictly inside (-margin, margin), which is the same as p < alpha.
    """

    margin: float
    alpha: float
    p: float
    p_lower: float
    p_upper: float
    interval: tuple[float, float]
    equivalent: bool


def tost(estimate: float, standard_error: float, df: float, margin: float, alpha: float = 0.05) -> TostResult:
    """Test equivalence within ±`margin` (Schuirmann 1987, doi 10.1007/BF01068419).

    All quantities are in the unit of the scores. `p_lower` tests difference <= -margin and `p_upper` tests
    difference >= margin. Raises ValueError for a margin that is not positive or an alpha outside (0, 0.5).
    """
    check_alpha(alpha)
    check_margin(margin)
    p_lower = float(stdtr(df, -(estimate + margin) / standard_error))
    p_upper = float(stdtr(df, (estimate - margin) / standard_error))
    low, high = t_interval(estimate, standard_error, df, 2.0 * alpha)
    return TostResult(
        margin=margin,
        alpha=alpha,
        p=max(p_lower, p_upper),
        p_lower=p_lower,
        p_upper=p_upper,
        interval=(low, high),
        equivalent=-margin < low and high < margin,
    )
