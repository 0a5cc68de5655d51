"""Examples in clusters: coverage with clusters and without, over their size, likeness and number, and the number of seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from many import Array, cluster_scores, crossed_many
from numpy.typing import NDArray

SEEDS = (3, 5, 10)
COUNTS = (20, 50, 200)
ALIKE = (0.0, 0.1, 0.2, 0.4)
SIZES = ("1", "5", "20", "1 to 40, mean 10")
_CELLS = 1 << 22  # numbers drawn at a time


@dataclass(frozen=True)
class Clustered:
    """Two equal arms on `clusters` of examples, the difference of the arms on an example having variance 1.

    `alike` is the correlation of that difference between examples of one cluster. A seed adds its own error to every example,
    of a size that makes seeds and examples count alike with five seeds, and a residual (sd 0.5) to each.
    """

    sizes: NDArray[np.intp]
    alike: float

    @property
    def example_variance(self) -> float:
        """Of the mean over examples of the arms' difference."""
        total = float(self.sizes.sum())
        return float((self.sizes * (1.0 - self.alike) + self.sizes**2 * self.alike).sum()) / total**2

    def sums(self, rng: np.random.Generator, seeds: int, repetitions: int) -> Array:
        """Sums over clusters [2, R, S, C], drawn as such: sums of normal effects are normal."""
        shape = (repetitions, 1, self.sizes.size)
        root = np.sqrt(self.sizes)
        difference = self.sizes * rng.normal(0.0, np.sqrt(self.alike), shape)
        difference += root * rng.normal(0.0, np.sqrt(1.0 - self.alike), shape)
        sd_seeds = np.sqrt(2.5 * self.example_variance)
        arms = []
        for side in (0.5, -0.5):
            own = self.sizes * rng.normal(0.0, sd_seeds, (repetitions, seeds, 1))
            residual = root * rng.normal(0.0, 0.5, (repetitions, seeds, self.sizes.size))
            arms.append(side * difference + own + residual)
        return np.array(arms)


def sizes_of(kind: str, clusters: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Sizes of clusters: all of one size, or unequal, geometric with mean 10 and at most 40."""
    if kind.isdigit():
        return np.full(clusters, int(kind))
    return np.minimum(rng.geometric(0.1, clusters), 40)


def covered(model: Clustered, seeds: int, repetitions: int, rng: np.random.Generator) -> float:
    """How often the 95 % interval over clusters holds the difference, which is 0; one less it is the size."""
    chunk = max(1, _CELLS // (2 * seeds * model.sizes.size))
    found = []
    for start in range(0, repetitions, chunk):
        sums = model.sums(rng, seeds, min(chunk, repetitions - start))
        found.append(crossed_many(*(cluster_scores(arm, model.sizes) for arm in sums)).covers(0.0))
    return float(np.mean(np.concatenate(found)))


def neglected(model: Clustered, seeds: int, repetitions: int, rng: np.random.Generator) -> float:
    """The same where every example counts as a draw of its own."""
    of = np.repeat(np.arange(model.sizes.size), model.sizes)
    sd_seeds, found = np.sqrt(2.5 * model.example_variance), []
    chunk = max(1, _CELLS // (2 * seeds * of.size))
    for start in range(0, repetitions, chunk):
        count = min(chunk, repetitions - start)
        difference = rng.normal(0.0, np.sqrt(model.alike), (count, 1, model.sizes.size))[:, :, of]
        difference = difference + rng.normal(0.0, np.sqrt(1.0 - model.alike), (count, 1, of.size))
        arms = [
            side * difference
            + rng.normal(0.0, sd_seeds, (count, seeds, 1))
            + rng.normal(0.0, 0.5, (count, seeds, of.size))
            for side in (0.5, -0.5)
        ]
        found.append(crossed_many(*arms).covers(0.0))
    return float(np.mean(np.concatenate(found)))


def table(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """Coverage of the interval over clusters, every cell."""
    yield "| examples a cluster | likeness | 20 clusters: 3 / 5 / 10 seeds | 50 clusters | 200 clusters |"
    yield "| --- | --: | --- | --- | --- |"
    for kind in SIZES:
        for alike in ALIKE if kind != "1" else (0.0,):
            cells = []
            for clusters in COUNTS:
                model = Clustered(sizes_of(kind, clusters, rng), alike)
                cells.append(" / ".join(_short(covered(model, seeds, repetitions, rng)) for seeds in SEEDS))
            yield f"| {kind} | {alike:g} | {' | '.join(cells)} |"


def contrast(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """What neglecting clusters does, beside what counting them does: 5 seeds."""
    yield "| clusters | likeness | as examples, 3 / 5 / 10 seeds | as clusters |"
    yield "| --- | --: | --- | --- |"
    for kind, clusters in (("5", 200), ("10", 100), ("20", 50), (SIZES[-1], 100)):
        for alike in (0.1, 0.2, 0.4):
            model = Clustered(sizes_of(kind, clusters, rng), alike)
            cells = [
                " / ".join(_short(way(model, seeds, repetitions, rng)) for seeds in SEEDS)
                for way in (neglected, covered)
            ]
            yield f"| {clusters} of {kind} | {alike:g} | {cells[0]} | {cells[1]} |"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
