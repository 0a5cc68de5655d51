"""Exact tests over seeds by enumeration, and the smallest p values that they can return."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import ArrayLike

from .degenerate import Degenerate, DegenerateReason, finite_fault
from .numeric import FloatArray, as_scores, tie_tolerance

MAX_ENUMERATIONS = 200_000
RESAMPLES = 99_999
_CHUNK = 16_384
_CELLS = 1 << 22  # keys at a time
_LARGEST_LOG = 700.0  # of a number that a double holds


@dataclass(frozen=True, slots=True)
class PermutationResult:
    """Two-sided p of a test over seeds.

    `floor` is the smallest p that this test could have returned; `exact` says that all `arrangements` were
    enumerated, otherwise `arrangements` were sampled and `floor` is not below 2 / (arrangements + 1).
    """

    p: float
    floor: float
    exact: bool
    arrangements: int


def floor_unpaired(n_a: int, n_b: int) -> float:
    """Return the smallest two-sided p of an unpaired exact test over seeds: 2 / C(n_a + n_b, n_a), at most 1.

    Raises ValueError when an arm has no seed.
    """
    _check_sizes(n_a, n_b)
    return max(sys.float_info.min, min(1.0, 2.0 / enumerations_unpaired(n_a, n_b)))


def floor_paired(n: int) -> float:
    """Return the smallest two-sided p of a sign-flip test over `n` seeds: 2 / 2^n.

    Raises ValueError for n < 1.
    """
    _check_sizes(n)
    return max(sys.float_info.min, math.ldexp(1.0, 1 - n))


def enumerations_unpaired(n_a: int, n_b: int) -> float:
    """Return the number of relabellings of two arms, as a whole number; infinite beyond what a double holds."""
    log = math.lgamma(n_a + n_b + 1) - math.lgamma(n_a + 1) - math.lgamma(n_b + 1)
    return math.comb(n_a + n_b, n_a) if log < _LARGEST_LOG else math.inf


def enumerations_paired(n: int) -> float:
    """Return the number of sign flips of `n` differences, as a whole number; infinite beyond what a double holds."""
    return 1 << n if n * math.log(2.0) < _LARGEST_LOG else math.inf


def permutation_unpaired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
    resamples: int = RESAMPLES,
) -> PermutationResult | Degenerate:
    """Test that scores `a` [S_A] and `b` [S_B] of independent seeds come from one distribution.

    The statistic is the difference of means; p is twice the smaller tail, at most 1, over all C(S_A + S_B,
    S_A) relabellings (Fisher 1935; Pitman 1937, doi 10.2307/2984124). Arrangements within rounding of the
    observed one count as ties, so p is exact. Above `max_enumerations` relabellings, `resamples` are drawn
    from `rng` and each tail is (b + 1) / (m + 1) (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).

    Returns `Degenerate` for an arm without seeds or a score that is not finite. Raises ValueError when
    sampling is needed and `rng` is None.
    """
    scores_a, scores_b = as_scores(a, "a"), as_scores(b, "b")
    pooled = np.concatenate([scores_a, scores_b])
    fault = _fault(("a", scores_a), ("b", scores_b))
    if fault is not None:
        return fault
    n_a, n_b = scores_a.size, scores_b.size
    tolerance = tie_tolerance(pooled)
    pooled = pooled - pooled.mean()
    # With the pooled mean at 0 the difference of means is the first arm's sum times a constant.
    observed = float(pooled[:n_a].sum())
    count = enumerations_unpaired(n_a, n_b)
    exact = count <= max_enumerations
    if exact:
        sums = _all_sums(pooled, n_a)
    else:
        sums = _drawn_sums(pooled, n_a, resamples, _need(rng, count, max_enumerations))
    return _two_sided(
        sums,
        observed,
        tolerance * n_a,
        int(count) if exact else resamples,
        exact,
        floor_unpaired(n_a, n_b),
    )


def permutation_paired(
    differences: ArrayLike,
    *,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
    resamples: int = RESAMPLES,
) -> PermutationResult | Degenerate:
    """Test that per-seed `differences` [S] are symmetric about 0, by flipping their signs in all 2^S ways.

    The statistic is the mean difference; two-sided (Fisher 1935). Ties, sampling, `Degenerate` and errors are
    as for `permutation_unpaired`. Use it where seeds are truly paired, or where the other arm is one
    constant.
    """
    values = as_scores(differences, "differences")
    fault = _fault(("differences", values))
    if fault is not None:
        return fault
    count = enumerations_paired(values.size)
    exact = count <= max_enumerations
    chunks: Iterator[FloatArray]
    if exact:
        chunks = _all_signs(values.size)
    else:
        chunks = _random_signs(values.size, resamples, _need(rng, count, max_enumerations))
    return _two_sided(
        (chunk @ values for chunk in chunks),
        float(values.sum()),
        tie_tolerance(np.append(values, 0.0)) * values.size,
        int(count) if exact else resamples,
        exact,
        floor_paired(values.size),
    )


def _two_sided(
    statistics: Iterator[FloatArray], observed: float, tolerance: float, count: int, exact: bool, floor: float
) -> PermutationResult:
    above = below = 0
    for values in statistics:
        above += int(np.count_nonzero(values >= observed - tolerance))
        below += int(np.count_nonzero(values <= observed + tolerance))
    if exact:
        return PermutationResult(min(1.0, 2.0 * min(above, below) / count), floor, True, count)
    p = min(1.0, 2.0 * (min(above, below) + 1) / (count + 1))
    return PermutationResult(p, min(1.0, max(floor, 2.0 / (count + 1))), False, count)


def _all_sums(pooled: FloatArray, k: int) -> Iterator[FloatArray]:
    chosen = chain.from_iterable(combinations(range(pooled.size), k))
    flat = np.fromiter(chosen, dtype=np.intp, count=math.comb(pooled.size, k) * k)
    yield pooled[flat.reshape(-1, k)].sum(axis=1)


def _drawn_sums(pooled: FloatArray, k: int, resamples: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    chunk = max(1, min(_CHUNK, _CELLS // pooled.size))
    for start in range(0, resamples, chunk):
        keys = rng.random((min(chunk, resamples - start), pooled.size))
        # The k smallest keys by their largest: faster than by their places, and the same ones.
        yield (keys <= np.partition(keys, k - 1, axis=1)[:, k - 1 : k]) @ pooled


def _all_signs(n: int) -> Iterator[FloatArray]:
    for start in range(0, 2**n, _CHUNK):
        codes = np.arange(start, min(start + _CHUNK, 2**n), dtype=np.int64)
        bits = (codes[:, None] >> np.arange(n)) & 1
        yield (2 * bits - 1).astype(np.float64)


def _random_signs(n: int, resamples: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    chunk = max(1, min(_CHUNK, _CELLS // n))
    for start in range(0, resamples, chunk):
        bits = rng.integers(0, 2, size=(min(chunk, resamples - start), n))
        yield (2 * bits - 1).astype(np.float64)


def _need(rng: np.random.Generator | None, count: float, limit: int) -> np.random.Generator:
    if rng is None:
        raise ValueError(
            f"{count:.6g} arrangements exceed max_enumerations={limit}; pass rng to sample, or raise the limit"
        )
    return rng


def _fault(*arms: tuple[str, FloatArray]) -> Degenerate | None:
    for name, scores in arms:
        if scores.size == 0:
            return Degenerate(DegenerateReason.NO_DATA, f"{name} has no seed")
    return next((fault for name, scores in arms if (fault := finite_fault(name, scores))), None)


def _check_sizes(*sizes: int) -> None:
    if min(sizes) < 1:
        raise ValueError(f"every arm needs at least one seed; the sizes are {sizes}")
