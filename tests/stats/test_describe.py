from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import describe


def test_by_hand() -> None:
    got = describe([79.5, 78.5, 80.1])
    assert got.n == 3
    assert got.mean == pytest.approx(238.1 / 3)
    assert got.sd == pytest.approx(0.808290, rel=1e-6)  # ddof=1; with ddof=0 it would be 0.659966
    want = stats.ttest_1samp([79.5, 78.5, 80.1], 0).confidence_interval(0.95)
    assert got.interval == pytest.approx(tuple(want))


@pytest.mark.parametrize(("scores", "mean", "sd"), [([], None, None), ([0.7], 0.7, None), ([0.7, 0.7, 0.7], 0.7, 0.0)])
def test_undefined_is_none(scores: list[float], mean: float | None, sd: float | None) -> None:
    got = describe(scores)
    assert (got.n, got.sd, got.interval) == (len(scores), sd, None)
    assert got.mean == (None if mean is None else pytest.approx(mean))


def test_a_failed_run_leaves_no_mean() -> None:
    got = describe([0.7, float("nan"), 0.8])
    assert (got.n, got.n_not_finite, got.mean, got.sd, got.interval) == (3, 1, None, None, None)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_keeps_its_level_and_a_bootstrap_of_few_seeds_does_not(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    repetitions = 1500
    data = rng.normal(size=(repetitions, seeds))
    covered = np.mean([low <= 0 <= high for low, high in (describe(row).interval or (1, -1) for row in data)])
    resampled = data[:, rng.integers(0, seeds, (400, seeds))].mean(axis=2)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=1)
    assert 0.93 < covered < 0.97
    assert np.mean((low <= 0) & (high >= 0)) < 0.92
