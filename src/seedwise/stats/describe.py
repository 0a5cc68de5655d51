"""One arm on its own: how many seeds, their mean and their spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .numeric import as_scores, check_alpha, is_noise, largest
from .tdist import t_interval


@dataclass(frozen=True, slots=True)
class Description:
    """Per-seed scores of one arm, in their own unit; None where a figure is undefined.

    `n` counts all scores and `n_not_finite` those that are NaN or infinite; with any of the latter the
    figures are None. `sd` has ddof=1 and needs two seeds. `interval` is the 1 - `alpha` t interval of the
    mean over seeds, on this test file; it is None without variance, since an interval of width 0 would claim
    certainty.
    """

    n: int
    n_not_finite: int
    mean: float | None
    sd: float | None
    interval: tuple[float, float] | None
    alpha: float


def describe(scores: ArrayLike, alpha: float = 0.05) -> Description:
    """Describe per-seed `scores` [S] by mean, sample standard deviation and t interval (Student 1908).

    The t interval keeps its level from 3 seeds on, where a bootstrap over seeds does not. Raises ValueError
    for an array that is not one-dimensional or an alpha outside (0, 0.5).
    """
    check_alpha(alpha)
    values = as_scores(scores, "scores")
    n = values.size
    not_finite = int(np.count_nonzero(~np.isfinite(values)))
    if n == 0 or not_finite:
        return Description(n=n, n_not_finite=not_finite, mean=None, sd=None, interval=None, alpha=alpha)
    mean = float(values.mean())
    if n < 2:
        return Description(n=n, n_not_finite=0, mean=mean, sd=None, interval=None, alpha=alpha)
    sd = float(values.std(ddof=1))
    if is_noise(sd, largest(values)):
        return Description(n=n, n_not_finite=0, mean=mean, sd=0.0, interval=None, alpha=alpha)
    interval = t_interval(mean, sd / float(np.sqrt(n)), n - 1, alpha)
    return Description(n=n, n_not_finite=0, mean=mean, sd=sd, interval=interval, alpha=alpha)
