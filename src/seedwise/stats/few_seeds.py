"""Power with three or four seeds, where the variance between seeds is itself so uncertain that its expectation misleads."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit

from .crossed import ArmComponents
from .numeric import FloatArray

FEW_SEEDS = 4  # up to here by quadrature; beyond, noncentral t at the expected mean squares is within .02
_POINTS = 32


def rejection_of_few(
    distances: tuple[float, ...], arms: tuple[ArmComponents, ArmComponents], v2: float, n_draws: int, alpha: float
) -> float:
    """Return the chance that one-sided t tests at `alpha` reject together, on the crossed interval of a design.

    `arms` and `v2` hold expected mean squares; the truth lies `distances` beyond the hypotheses: one of them, or the two of
    an equivalence test (margin + difference, margin - difference). Each arm's V1 is its expectation times chi-square over its
    degrees of freedom and independent of the estimate, whose error is normal; V2 and V3, which have many degrees of
    freedom, stay at their expectations. Integrated over `_POINTS` equally likely values of each arm's chi-square.
    """
    share = (np.arange(_POINTS) + 0.5) / _POINTS
    grids = [
        np.zeros(1)
        if arm.deterministic or arm.v1 == 0.0
        else arm.v1 * chdtri(arm.n_seeds - 1, share) / (arm.n_seeds - 1)
        for arm in arms
    ]
    v1_a, v1_b = np.meshgrid(*grids)
    sum_v1, sum_v3 = v1_a + v1_b, sum(arm.v3 for arm in arms)
    variance = np.maximum(np.maximum(sum_v1 + v2 - sum_v3, sum_v1), v2)
    spread: FloatArray = np.full_like(variance, v2**2 / (n_draws - 1))
    for arm, values in zip(arms, (v1_a, v1_b), strict=True):
        if not arm.deterministic:
            spread = spread + values**2 / (arm.n_seeds - 1)
    reach = -stdtrit(variance**2 / spread, alpha) * np.sqrt(variance)
    error = float(np.sqrt(max(sum(arm.v1 for arm in arms) + v2 - sum_v3, 1e-300)))
    missed = sum(ndtr((reach - distance) / error) for distance in distances)
    return float(np.mean(np.maximum(0.0, 1.0 - missed)))
