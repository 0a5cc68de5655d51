"""Checked arrays and the tolerances below which floating-point noise counts as nothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_NOISE = 64.0 * float(np.finfo(np.float64).eps)


def as_scores(values: ArrayLike, name: str) -> FloatArray:
    """Return `values` as a float array of shape [S], one score a seed.

    Raises ValueError when the shape is not one-dimensional.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, one score a seed; it has shape {array.shape}")
    return array


def as_matrix(values: ArrayLike, name: str) -> FloatArray:
    """Return `values` as a float array of shape [S, E], a row a seed and a column an example.

    Raises ValueError when the shape is not two-dimensional.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} must be two-dimensional, [seeds, examples]; it has shape {array.shape}")
    return array


def check_alpha(alpha: float) -> None:
    """Raise ValueError unless 0 < alpha < 0.5 (the 1 - 2 alpha interval of TOST must exist)."""
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha must lie in (0, 0.5); it is {alpha}")


def check_margin(margin: float) -> None:
    """Raise ValueError unless the margin is finite and positive."""
    if not (np.isfinite(margin) and margin > 0.0):
        raise ValueError(f"margin must be positive and finite, in the unit of the scores; it is {margin}")


def check_family_size(family_size: int) -> None:
    """Raise ValueError unless the family holds at least one claim."""
    if family_size < 1:
        raise ValueError(f"family_size must be at least 1; it is {family_size}")


def largest(*arrays: FloatArray) -> float:
    """Return the largest absolute value in the arrays: the scale of their rounding errors."""
    return max(float(np.max(np.abs(array), initial=0.0)) for array in arrays)


def power_of_two(size: float) -> float:
    """Return the power of two just above `size`, 1 for 0: dividing by it changes no digit and keeps squares in range."""
    return math.ldexp(1.0, min(math.frexp(size)[1], 1023)) if size > 0.0 else 1.0


def is_noise(deviation: float, scale: float) -> bool:
    """Say whether a standard deviation is no larger than the rounding of values of size `scale`."""
    return deviation <= _NOISE * scale


def tie_tolerance(values: FloatArray) -> float:
    """Return the distance below which two values, or two means of them, count as tied.

    It is above the rounding of sums of the values and far below the step of any score in use.
    """
    return _NOISE * largest(values)
