"""Metrics of how examples are ranked, turned into scores of examples (or clusters) by leaving each out: AUROC, average precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clusters import Clusters, pseudovalues
from .numeric import FloatArray, as_matrix

_CELLS = 1 << 22  # numbers held at a time


def auroc_scores(positive: ArrayLike, ranking: ArrayLike, clusters: Clusters | None = None) -> FloatArray:
    """Return pseudovalues [S, E] ([S, C] with `clusters`) of the area under the ROC curve.

    `positive` [E] says which examples are of the positive class, `ranking` [S, E] how strongly each seed takes them for it. The
    area is the share of pairs of a positive and a negative example that are in order, ties counting half (Bamber 1975, doi
    10.1016/0022-2496(75)90001-2), and 0.5 where there is no such pair. Leaving out a cluster takes away the pairs that it
    is in. Raises ValueError for shapes that do not fit.
    """
    truth, scores, cases = _checked(positive, ranking, clusters)
    whole, without = [], []
    for line in scores:
        ones, others = np.sort(line[truth]), np.sort(line[~truth])
        # What each example is in: pairs that are in order, with a tie counting half.
        below = (np.searchsorted(others, line, "left") + np.searchsorted(others, line, "right")) / 2.0
        above = ones.size - (np.searchsorted(ones, line, "left") + np.searchsorted(ones, line, "right")) / 2.0
        pairs = np.where(truth, below, above)
        total = float(pairs[truth].sum())
        left_ones = ones.size - cases.sums(truth.astype(np.float64))
        left_others = others.size - cases.sums((~truth).astype(np.float64))
        left = total - cases.sums(pairs) + _within(truth, line, cases)
        whole.append(_share(np.array([total]), np.array([float(ones.size * others.size)]))[0])
        without.append(_share(left, left_ones * left_others))
    return pseudovalues(np.array(whole), np.stack(without)) if cases.n_clusters > 1 else np.array(whole)[:, None]


def average_precision_scores(positive: ArrayLike, ranking: ArrayLike, clusters: Clusters | None = None) -> FloatArray:
    """Return pseudovalues [S, E] ([S, C] with `clusters`) of average precision, Σ (R_k - R_k-1) P_k; arguments as `auroc_scores`.

    Examples of equal scores are taken together, without interpolation (as scikit-learn's `average_precision_score`); 0 without
    positive examples. The time grows with the square of the examples.
    """
    truth, scores, cases = _checked(positive, ranking, clusters)
    chunk = max(1, _CELLS // truth.size)
    whole, without = [], []
    for line in scores:
        order = np.argsort(-line, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(line[order]) != 0.0, True))  # the last of each group of equal scores
        hit, of = truth[order].astype(np.float64), cases.of[order]
        whole.append(float(_precision(np.ones((1, truth.size)), hit, ends)[0]))
        left = [
            _precision((of[None] != np.arange(start, min(start + chunk, cases.n_clusters))[:, None]).astype(np.float64), hit, ends)
            for start in range(0, cases.n_clusters, chunk)
        ]  # fmt: skip
        without.append(np.concatenate(left))
    return pseudovalues(np.array(whole), np.stack(without)) if cases.n_clusters > 1 else np.array(whole)[:, None]


def _precision(kept: FloatArray, hit: FloatArray, ends: NDArray[np.intp]) -> FloatArray:
    """Average precision of each row of `kept` [K, E] (1 where an example counts), examples in the order of their scores."""
    found = np.cumsum(kept * hit, axis=1)[:, ends]
    taken = np.cumsum(kept, axis=1)[:, ends]
    new = np.diff(found, axis=1, prepend=0.0)
    total = found[:, -1]
    area = (new * _share(found, taken)).sum(axis=1)
    return np.asarray(np.divide(area, total, out=np.zeros_like(area), where=total > 0.0))


def _within(truth: NDArray[np.bool_], line: FloatArray, cases: Clusters) -> FloatArray:
    """Of each cluster, the pairs in order that lie in it."""
    found = np.zeros(cases.n_clusters)
    if cases.singles:
        return found
    order = np.argsort(cases.of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(cases.sizes)])
    for case in np.flatnonzero(cases.sizes > 1):
        rows = order[starts[case] : starts[case + 1]]
        ones, others = line[rows][truth[rows]], line[rows][~truth[rows]]
        difference = ones[:, None] - others[None]
        found[case] = float((difference > 0.0).sum() + 0.5 * (difference == 0.0).sum())
    return found


def _share(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.full(above.shape, 0.5), where=below > 0.0), dtype=np.float64)


def _checked(
    positive: ArrayLike, ranking: ArrayLike, clusters: Clusters | None
) -> tuple[NDArray[np.bool_], FloatArray, Clusters]:
    truth, scores = np.asarray(positive, dtype=np.bool_), as_matrix(ranking, "ranking")
    if truth.ndim != 1 or scores.shape[1] != truth.size:
        raise ValueError(
            f"positive is [examples] and ranking [seeds, examples]; they are {truth.shape} and {scores.shape}"
        )
    cases = Clusters.by_label(range(truth.size)) if clusters is None else clusters
    if cases.n_examples != truth.size:
        raise ValueError(f"clusters are of {cases.n_examples} examples, and there are {truth.size}; give one for each")
    return truth, scores, cases
