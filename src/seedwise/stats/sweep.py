"""Exploratory sweeps: many comparisons that were not declared, of which a share of false finds is tolerated."""

from __future__ import annotations

from collections.abc import Sequence

import scipy


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return adjusted p values, in the order given (Benjamini and Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x).

    Taking those <= q keeps the expected share of false ones among them at or below q, for independent or positively
    dependent tests. That suits a sweep which proposes what to study next; declared claims are corrected by `holm`. A
    comparison without a p value enters as 1. Raises ValueError for a value outside [0, 1].
    """
    if any(not 0.0 <= p <= 1.0 for p in p_values):
        raise ValueError(f"p values must lie in [0, 1]; one that is missing enters as 1. Given: {list(p_values)}")
    if not p_values:
        return ()
    return tuple(float(p) for p in scipy.stats.false_discovery_control(list(p_values), method="bh"))
