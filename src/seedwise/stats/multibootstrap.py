"""The sensitivity analysis: seeds and examples resampled together, many times, by matrix products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .clusters import Clusters, scores_of_draws
from .crossed import layout_fault
from .degenerate import Degenerate, DegenerateReason, check_declared
from .numeric import FloatArray, as_matrix, check_alpha, is_noise, largest, tie_tolerance

RESAMPLES = 10_000
_CELLS = 1 << 17  # counts at a time: what stays in a core's cache


@dataclass(frozen=True, slots=True)
class MultiBootstrapResult:
    """The estimate mean(A) - mean(B) in the unit of the scores, and what its resamples say.

    `interval` is the percentile interval of level 1 - `alpha`; `p` is two-sided, twice the smaller share of resamples
    on the other side of 0, and never below 2 / (resamples + 1); `standard_error` is the resamples' standard deviation.
    """

    estimate: float
    interval: tuple[float, float]
    p: float
    alpha: float
    standard_error: float
    resamples: int
    paired: bool


def multi_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    alpha: float = 0.05,
    *,
    paired: bool = False,
    resamples: int = RESAMPLES,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
    clusters: Clusters | None = None,
) -> MultiBootstrapResult | Degenerate:
    """Compare `a` [S_A, E] and `b` [S_B, E] by the multi-bootstrap of Sellam et al. (2022, arXiv 2106.16163).

    Each resample draws the E examples with replacement, the same for both arms, and the seeds of each arm with
    replacement (`paired`: one draw of seeds for both), and takes the difference of the means of what was drawn. With w_r
    the counts of the examples in resample r and u_r those of the seeds, that difference is u_r' Y w_r / (S E): so all
    resamples together are one product of the count matrix [R, E] with the scores, done in chunks, and no resampled array is
    ever made.

    With `clusters` whole clusters are drawn, by their scores (`Clusters.scores`). Assumes seeds independent given the arm, and
    examples, or clusters, independent of each other. It is a companion, not the verdict:
    its intervals count the seed × example residual more than once, so it rejects too rarely (about .01 to .03 at .05 with
    3 to 10 seeds), and like any bootstrap it is too sure of a variance between few seeds.

    An arm declared deterministic has one row. Returns `Degenerate` as `crossed` does; raises ValueError for arrays that
    are not two-dimensional, fewer than 100 resamples, or paired arms with a different number of seeds.
    """
    check_alpha(alpha)
    if resamples < 100:
        raise ValueError(f"resamples must be at least 100; it is {resamples}")
    scores_a, scores_b = as_matrix(a, "a"), as_matrix(b, "b")
    check_declared("a", scores_a.shape[0], deterministic_a)
    check_declared("b", scores_b.shape[0], deterministic_b)
    if paired and scores_a.shape[0] != scores_b.shape[0]:
        raise ValueError(f"paired arms need the same seeds; a has {scores_a.shape[0]} and b has {scores_b.shape[0]}")
    fault = layout_fault((scores_a, scores_b), (deterministic_a, deterministic_b), clusters)
    if fault is not None:
        return fault
    scores_a, scores_b = scores_of_draws(scores_a, clusters), scores_of_draws(scores_b, clusters)
    estimate = float(scores_a.mean() - scores_b.mean())
    drawn = resample_differences(scores_a, scores_b, rng, resamples, paired=paired)
    spread = float(drawn.std(ddof=1))
    if is_noise(spread, largest(scores_a, scores_b)):
        return Degenerate(
            DegenerateReason.ZERO_VARIANCE,
            "neither seeds nor examples vary, so there is no error to measure the difference against",
        )
    low, high = np.quantile(drawn, [alpha / 2.0, 1.0 - alpha / 2.0])
    tie = tie_tolerance(np.concatenate([scores_a.ravel(), scores_b.ravel()]))
    tail = min(int(np.count_nonzero(drawn <= tie)), int(np.count_nonzero(drawn >= -tie)))
    return MultiBootstrapResult(
        estimate=estimate,
        interval=(float(low), float(high)),
        p=min(1.0, 2.0 * (tail + 1) / (resamples + 1)),
        alpha=alpha,
        standard_error=spread,
        resamples=resamples,
        paired=paired,
    )


def resample_differences(
    a: FloatArray, b: FloatArray, rng: np.random.Generator, resamples: int, *, paired: bool = False
) -> FloatArray:
    """Return the differences of means [resamples] of seeds and examples drawn with replacement."""
    n_a, n_examples = a.shape
    n_b = b.shape[0]
    weights_a = _counts(n_a, resamples, rng) / n_a
    weights_b = weights_a if paired else _counts(n_b, resamples, rng) / n_b
    scores = np.concatenate([a, b]).T.copy()
    weights = np.concatenate([weights_a, -weights_b], axis=1) / n_examples
    drawn = np.empty(resamples)
    chunk = max(1, _CELLS // n_examples)
    for start in range(0, resamples, chunk):
        stop = min(start + chunk, resamples)
        drawn[start:stop] = np.einsum("rs,rs->r", weights[start:stop], _counts(n_examples, stop - start, rng) @ scores)
    return drawn


def _counts(n: int, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Return how often each of `n` things was drawn in `n` draws with replacement: [resamples, n]."""
    drawn = rng.integers(0, n, size=(resamples, n), dtype=np.uint16 if n <= 1 << 16 else np.int64)
    cells = drawn + np.arange(0, resamples * n, n, dtype=np.intp)[:, None]
    return np.bincount(cells.ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.float64)
