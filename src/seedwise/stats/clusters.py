"""The partition of examples into clusters: the one source of what counts as a draw of examples.

Examples that share a film, a passage, a user or a document are not independent; their clusters are. Standard errors, degrees
of freedom and resampling all take the scores of `Clusters.scores`, one a seed and cluster, where they would take one a seed
and example: they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .numeric import FloatArray

IntArray = NDArray[np.intp]

FEW_CLUSTERS = 20  # fewer, and the interval's level is off by more than a point in our simulations


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """`of` [E] says in which cluster, 0 to `n_clusters` - 1, each example lies.

    Raises ValueError for an array that is not one-dimensional, or a cluster without examples.
    """

    of: IntArray
    n_clusters: int

    def __post_init__(self) -> None:
        if self.of.ndim != 1:
            raise ValueError(f"a cluster for each example is needed, [examples]; found shape {self.of.shape}")
        if not np.array_equal(np.unique(self.of), np.arange(self.n_clusters)):
            raise ValueError(f"clusters are numbered 0 to {self.n_clusters - 1}, each with at least one example")

    @classmethod
    def by_label(cls, labels: Iterable[Hashable]) -> Clusters:
        """Clusters of the examples whose labels are equal, numbered in the order in which they first appear."""
        numbers: dict[Hashable, int] = {}
        of = [numbers.setdefault(label, len(numbers)) for label in labels]
        return cls(np.array(of, dtype=np.intp), len(numbers))

    @property
    def n_examples(self) -> int:
        return self.of.size

    @property
    def singles(self) -> bool:
        """Whether every example is a cluster of its own, so that clusters change nothing."""
        return self.n_clusters == self.n_examples

    @property
    def sizes(self) -> IntArray:
        """Examples of each cluster [C]."""
        return np.bincount(self.of, minlength=self.n_clusters)

    def sums(self, values: ArrayLike) -> FloatArray:
        """The sums over each cluster [..., C] of values [..., E]."""
        array = np.asarray(values, dtype=np.float64)
        order = np.argsort(self.of, kind="stable")
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        return np.asarray(np.add.reduceat(array[..., order], starts, axis=-1), dtype=np.float64)

    def scores(self, scores: FloatArray) -> FloatArray:
        """The scores of clusters [S, C] of scores of examples [S, E]: pseudovalues of a seed's mean with each cluster left out.

        With C clusters and θ the mean over all examples, C θ - (C - 1) θ without the cluster, shifted so that a seed's mean
        over clusters is θ (the way of `stats.jackknife` with a cluster as the case; on clustered standard errors of evaluations
        Miller 2024, arXiv 2411.00640, section 2.2). Clusters of one example each give the scores back as they are, and so do
        scores that already are one a cluster: pseudovalues of a metric that is no mean. Raises ValueError for another number of columns.
        """
        columns = scores.shape[1]
        if columns == self.n_clusters:
            return scores
        if columns != self.n_examples:
            raise ValueError(
                f"clusters are of {self.n_examples} examples, and there are scores of {columns}; give a cluster for each"
            )
        whole = scores.mean(axis=1)
        if self.n_clusters == 1:
            return np.asarray(whole[:, None], dtype=np.float64)
        apart = self.sums(scores) - self.sizes * whole[:, None]
        raw = whole[:, None] + (self.n_clusters - 1) * apart / (self.n_examples - self.sizes)
        return np.asarray(raw + (whole - raw.mean(axis=1))[:, None], dtype=np.float64)


def scores_of_draws(scores: FloatArray, clusters: Clusters | None) -> FloatArray:
    """What counts as one draw of examples in each column: the clusters where there are any, else the examples."""
    return scores if clusters is None else clusters.scores(scores)


def pseudovalues(whole: FloatArray, without: FloatArray) -> FloatArray:
    """The shifted pseudovalues [S, C] of a metric: a row's mean is `whole` [S], the metric on all examples.

    `without` [S, C] is the metric with each case (an example, or a cluster of them) left out.
    """
    n = without.shape[1]
    raw = n * whole[:, None] - (n - 1) * without
    return np.asarray(raw + (whole - raw.mean(axis=1))[:, None], dtype=np.float64)
