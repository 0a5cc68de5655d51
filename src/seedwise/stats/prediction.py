"""One more run: where it should lie, from the seeds at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .degenerate import Degenerate, DegenerateReason, finite_fault, seeds_fault
from .numeric import as_scores, check_alpha, is_noise, largest
from .tdist import t_interval, t_p


@dataclass(frozen=True, slots=True)
class Prediction:
    """`interval` holds the mean of `runs` new runs with probability 1 - `alpha`.

    `observed` is such a mean, where one is asked about, `p` the two-sided p value that it comes from the same method, and
    `inside` whether it lies within.
    """

    interval: tuple[float, float]
    alpha: float
    n_seeds: int
    runs: int
    observed: float | None = None
    p: float | None = None
    inside: bool | None = None


def predict(
    scores: ArrayLike, observed: float | None = None, runs: int = 1, alpha: float = 0.05
) -> Prediction | Degenerate:
    """Predict the mean of `runs` more runs from per-seed `scores` [S]: mean ± t_{S-1} s √(1/runs + 1/S) (Hahn and Meeker 1991).

    For a published number against seeds of one's own, or one run against several: a run outside is not what this method
    gives, by this test file. Seeds are taken to be independent and normal, which a prediction leans on more than a mean.

    Returns `Degenerate` for fewer than two seeds, a score that is not finite, or seeds that do not vary. Raises ValueError
    for fewer than one run.
    """
    check_alpha(alpha)
    if runs < 1:
        raise ValueError(f"at least one run is predicted; it is {runs}")
    values = as_scores(scores, "scores")
    fault = seeds_fault("A", values.size, False) or finite_fault("A", values)
    if fault is None and observed is not None:
        fault = finite_fault("the run", np.array([observed]))
    if fault is not None:
        return fault
    sd = float(values.std(ddof=1))
    if is_noise(sd, largest(values)):
        return Degenerate(
            DegenerateReason.ZERO_VARIANCE, "no seed differs, so there is nothing to predict a new run from"
        )
    mean, error, df = float(values.mean()), sd * math.sqrt(1.0 / runs + 1.0 / values.size), values.size - 1
    low, high = t_interval(mean, error, df, alpha)
    return Prediction(
        interval=(low, high),
        alpha=alpha,
        n_seeds=values.size,
        runs=runs,
        observed=observed,
        p=None if observed is None else t_p(observed - mean, error, df),
        inside=None if observed is None else low <= observed <= high,
    )
