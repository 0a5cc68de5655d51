"""Best values of a search and their ratio: known tops, edges, size and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedwise.stats import BestRatio, Degenerate, best_ratio, best_values

GRID = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]


def hill(top: float, rng: np.random.Generator, seeds: int, noise: float = 0.01, grid: list[float] = GRID) -> np.ndarray:
    """Accuracies of seeds, quadratic in the log of the value around `top`."""
    away = np.log10(np.array(grid)) - math.log10(top)
    return 0.8 - 0.05 * away**2 + noise * rng.normal(size=(seeds, len(grid)))


def test_the_top_of_a_parabola_is_found_between_the_values() -> None:
    rng = np.random.default_rng(0)
    for top in (2e-4, 5e-4, 1e-3, 2.2e-3):
        found = best_values(GRID, hill(top, rng, 3, noise=0.0))
        assert found.values == pytest.approx([top] * 3)
        assert (found.lowest, found.highest) == (0, 0)


def test_ties_and_edges() -> None:
    flat = best_values([1.0, 10.0, 100.0, 1000.0], [[0.1, 0.5, 0.5, 0.1], [0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.9]])
    assert flat.values == pytest.approx([10.0**1.5, 1.0, 1000.0])
    assert (flat.lowest, flat.highest, flat.flat) == (1, 1, 0)
    blind = best_values([1.0, 10.0, 100.0], [[0.5, 0.5, 0.5], [0.1, 0.5, 0.1]])
    assert blind.values == pytest.approx([10.0, 10.0])
    assert (blind.lowest, blind.highest, blind.flat) == (0, 0, 1)
    lost = best_values([1.0, 10.0, 100.0], [[0.1, 0.5, -np.inf]])
    assert lost.values == pytest.approx([10.0])
    for values in ([1.0, 2.0], [1.0, 3.0, 2.0], [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match="positive and rising"):
            best_values(values, [[0.0] * len(values)])


def test_what_is_said_of_a_ratio() -> None:
    rng = np.random.default_rng(1)
    a, b = (best_values(GRID, hill(top, rng, 8, noise=0.003)) for top in (3e-3, 3e-4))
    found = best_ratio(a, b, 10.0, within=3.2)
    assert isinstance(found, BestRatio)
    assert found.outcome == "within"
    assert found.interval[0] < found.estimate < found.interval[1]
    other = best_ratio(a, b, 1.0, within=2.0)
    assert isinstance(other, BestRatio)
    assert other.outcome == "other"
    open_one = best_ratio(a, b, 10.0)
    assert isinstance(open_one, BestRatio)
    assert open_one.outcome == "undecided"  # without a factor nothing can be confirmed
    edge = best_ratio(best_values(GRID, hill(1e-1, rng, 8)), b, 10.0, within=3.2)
    assert isinstance(edge, BestRatio)
    assert edge.a.highest > 0
    assert edge.interval[1] == math.inf
    assert edge.outcome != "within"
    assert isinstance(best_ratio(a, best_values(GRID, hill(1e-3, rng, 2)), 10.0), Degenerate)
    assert isinstance(best_ratio(*[best_values(GRID, hill(1e-3, rng, 3, noise=0.0))] * 2, 10.0), Degenerate)


def test_the_interval_covers_what_seeds_would_give_on_the_whole() -> None:
    """Of five seeds, noise of a point: the interval for the ratio of the bests that a seed is expected to have."""
    rng = np.random.default_rng(2)
    expected = [np.log(best_values(GRID, hill(top, rng, 20_000)).values).mean() for top in (2e-3, 3e-4)]
    truth, trials, covered = math.exp(expected[0] - expected[1]), 400, 0
    for _ in range(trials):
        a, b = (best_values(GRID, hill(top, rng, 5)) for top in (2e-3, 3e-4))
        found = best_ratio(a, b, truth)
        assert isinstance(found, BestRatio)
        covered += found.interval[0] <= truth <= found.interval[1]
    assert 0.92 <= covered / trials <= 1.0
