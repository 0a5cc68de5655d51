"""Size, coverage and power where seeds and examples are both drawn: what the primary analysis is for."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from seedwise.stats import CrossedResult, WelchResult, crossed, tost, welch

from .simulate import logistic


@functools.cache
def null(seeds: int) -> NDArray[np.float64]:
    return logistic(np.random.default_rng(100 + seeds), 1000, seeds)


def crossed_results(scores: NDArray[np.float64]) -> list[CrossedResult]:
    results = [crossed(a, b) for a, b in scores]
    return [result for result in results if isinstance(result, CrossedResult)]


def welch_size(scores: NDArray[np.float64]) -> float:
    results = [welch(a.mean(axis=1), b.mean(axis=1)) for a, b in scores]
    return float(np.mean([isinstance(result, WelchResult) and result.p <= 0.05 for result in results]))


@pytest.mark.parametrize(("seeds", "low", "high"), [(3, 0.01, 0.065), (5, 0.025, 0.07), (10, 0.03, 0.075)])
def test_the_crossed_interval_keeps_its_size(seeds: int, low: float, high: float) -> None:
    results = crossed_results(null(seeds))
    assert len(results) == 1000
    assert low < np.mean([result.p <= 0.05 for result in results]) < high


@pytest.mark.parametrize(("seeds", "at_least"), [(5, 0.08), (10, 0.13)])
def test_welch_over_seeds_answers_another_question(seeds: int, at_least: float) -> None:
    # Not a fault of Welch: over seeds alone the arms do differ on every test file.
    assert welch_size(null(seeds)) > at_least


def test_without_the_residual_correction_the_test_would_lose_its_size() -> None:
    # The band of the first test is narrow enough to tell: V1 + V2 alone counts the residual twice.
    results = crossed_results(null(10))
    doubled = [result.arm_a.v1 + result.arm_b.v1 + result.v2 for result in results]
    rejected = [abs(r.estimate) > 1.98 * np.sqrt(v) for r, v in zip(results, doubled, strict=True)]
    assert np.mean(rejected) < 0.03


@pytest.mark.parametrize(("seeds", "low", "high"), [(3, 0.2, 0.42), (5, 0.45, 0.7), (10, 0.7, 0.9)])
def test_power_of_a_planted_effect_of_five_points(seeds: int, low: float, high: float) -> None:
    results = crossed_results(logistic(np.random.default_rng(200 + seeds), 400, seeds, shift=0.35))
    assert np.mean([result.estimate for result in results]) == pytest.approx(0.054, abs=0.004)
    assert low < np.mean([result.p <= 0.05 and result.estimate > 0 for result in results]) < high


def test_the_interval_covers_a_planted_effect() -> None:
    truth = float(
        np.mean([r.estimate for r in crossed_results(logistic(np.random.default_rng(1), 2000, 5, shift=0.35))])
    )
    results = crossed_results(logistic(np.random.default_rng(2), 800, 5, shift=0.35))
    covered = np.mean([result.interval[0] <= truth <= result.interval[1] for result in results])
    assert 0.93 < covered < 0.98


def test_equivalence_is_rarely_claimed_at_the_margin() -> None:
    results = crossed_results(logistic(np.random.default_rng(3), 600, 10, shift=0.35))
    margin = float(np.mean([result.estimate for result in results]))
    claimed = [tost(r.estimate, r.standard_error, r.df, margin).equivalent for r in results]
    wide = [tost(r.estimate, r.standard_error, r.df, 3 * margin).equivalent for r in results]
    assert np.mean(claimed) < 0.08
    assert np.mean(wide) > 0.9
