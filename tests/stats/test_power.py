from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower

from seedwise.stats import (
    Components,
    CrossedResult,
    WelchResult,
    crossed,
    detectable_crossed,
    detectable_welch,
    examples_for_crossed,
    pilot_components,
    power_crossed,
    power_welch,
    seeds_for_crossed,
    seeds_for_welch,
    welch,
)

from .simulate import logistic

STATED = Components(seed_a=1e-4, seed_b=2e-4, example=0.06, residual_a=0.05, residual_b=0.04)


@pytest.mark.parametrize(("effect", "seeds"), [(0.5, 64), (1.0, 17), (1.5, 9), (2.0, 6), (3.0, 4)])
def test_seeds_for_welch_at_80_percent(effect: float, seeds: int) -> None:
    assert seeds_for_welch(effect, 1.0, 1.0) == seeds


@pytest.mark.parametrize("n", [3, 6, 17])
def test_equal_variances_agree_with_statsmodels(n: int) -> None:
    want = TTestIndPower().power(1.2, n, 0.05)  # two-sided: the wrong side adds next to nothing
    assert power_welch(1.2, 1.0, 1.0, n) == pytest.approx(want, abs=1e-3)


def test_unequal_variances_agree_with_a_simulation() -> None:
    rng = np.random.default_rng(1)
    draws = [welch(rng.normal(1.5, 1, 6), rng.normal(0, 0.3, 6)) for _ in range(1000)]
    found = np.mean([isinstance(r, WelchResult) and r.p <= 0.05 and r.estimate > 0 for r in draws])
    assert power_welch(1.5, 1.0, 0.3, 6) == pytest.approx(found, abs=0.05)


@pytest.mark.parametrize(("seeds", "examples"), [(3, 60), (6, 120)])
def test_power_of_the_crossed_test_agrees_with_a_simulation(seeds: int, examples: int) -> None:
    rng = np.random.default_rng(2)
    parts = Components(seed_a=0.02, seed_b=0.03, example=0.5, residual_a=0.4, residual_b=0.6)
    gap = detectable_crossed(parts, seeds, examples)
    found = []
    for _ in range(800):
        shared = rng.normal(0, 1, examples)
        arms = []
        for seed, residual in ((parts.seed_a, parts.residual_a), (parts.seed_b, parts.residual_b)):
            own = rng.normal(0, np.sqrt(parts.example / 2), examples)
            rows = rng.normal(0, np.sqrt(seed), (seeds, 1))
            arms.append(shared + own + rows + rng.normal(0, np.sqrt(residual), (seeds, examples)))
        result = crossed(arms[0] + gap, arms[1])
        found.append(isinstance(result, CrossedResult) and result.p <= 0.05 and result.estimate > 0)
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("seeds", [3, 10])
def test_power_holds_for_right_and_wrong_answers_too(seeds: int) -> None:
    results = [crossed(a, b) for a, b in logistic(np.random.default_rng(seeds), 400, seeds, shift=0.35)]
    kept = [result for result in results if isinstance(result, CrossedResult)]
    typical = Components(*np.mean([astuple(pilot_components(result)) for result in kept], axis=0).tolist())
    gap = float(np.mean([result.estimate for result in kept]))
    found = np.mean([result.p <= 0.05 and result.estimate > 0 for result in kept])
    assert power_crossed(gap, typical, seeds, 277) == pytest.approx(found, abs=0.07)


def test_components_of_a_pilot() -> None:
    rng = np.random.default_rng(3)
    results = []
    for _ in range(200):
        a = rng.normal(0, 0.2, (5, 1)) + rng.normal(0, 0.5, (1, 80)) + rng.normal(0, 0.7, (5, 80))
        result = crossed(a, rng.normal(0, 0.1, (5, 1)) + rng.normal(0, 0.3, (5, 80)))
        assert isinstance(result, CrossedResult)
        results.append(pilot_components(result))
    assert np.mean([r.seed_a for r in results]) == pytest.approx(0.04, rel=0.15)
    assert np.mean([r.seed_b for r in results]) == pytest.approx(0.01, rel=0.15)
    assert np.mean([r.example for r in results]) == pytest.approx(0.25, rel=0.1)
    assert np.mean([r.residual_a for r in results]) == pytest.approx(0.49, rel=0.05)


def test_a_pilot_says_how_precise_the_study_was() -> None:
    a, b = logistic(np.random.default_rng(4), 1, 6, 277, shift=0.3)[0]
    result = crossed(a, b)
    assert isinstance(result, CrossedResult)
    gap = detectable_crossed(pilot_components(result), 6, 277)
    assert gap == pytest.approx(2.8 * result.standard_error, rel=0.1)


def test_the_smallest_design_that_does() -> None:
    gap = 0.04
    seeds, examples = seeds_for_crossed(gap, STATED, 1000), examples_for_crossed(gap, STATED, 5)
    assert seeds is not None
    assert examples is not None
    assert power_crossed(gap, STATED, seeds, 1000) >= 0.8
    assert power_crossed(gap, STATED, seeds - 1, 1000) < 0.8 or seeds == 3
    assert power_crossed(gap, STATED, 5, examples) >= 0.8 > power_crossed(gap, STATED, 5, examples - 1)


def test_what_cannot_be_reached_is_none() -> None:
    assert seeds_for_crossed(0.014, STATED, 277) is None  # the examples alone hide it
    assert examples_for_crossed(0.002, STATED, 3) is None  # the seeds alone hide it
    assert seeds_for_welch(0.001, 1.0, 1.0) is None


def test_no_fewer_seeds_than_a_verdict_takes() -> None:
    assert seeds_for_welch(100.0, 1.0, 1.0) == 3
    assert seeds_for_welch(100.0, 1.0, 1.0, require_exact=True) == 4
    assert seeds_for_crossed(1.0, STATED, 1000, alpha=0.05 / 3) == 3
    assert seeds_for_crossed(1.0, STATED, 1000, alpha=0.05 / 3, require_exact=True) == 5


def test_detectable_difference_and_power_are_inverse() -> None:
    for n in (3, 5, 10):
        assert power_welch(detectable_welch(1.0, 2.0, n), 1.0, 2.0, n) == pytest.approx(0.8)
        assert power_crossed(detectable_crossed(STATED, n, 500, 0.9), STATED, n, 500) == pytest.approx(0.9)


def test_limits() -> None:
    assert power_welch(0.0, 1.0, 1.0, 5) == pytest.approx(0.025)
    assert power_welch(1e6, 1.0, 1.0, 5) == 1.0
    assert power_welch(-1.0, 1.0, 1.0, 5) == power_welch(1.0, 1.0, 1.0, 5)


def test_what_is_no_design_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Components(-1.0, 0.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="two seeds"):
        power_welch(1.0, 1.0, 1.0, 1)
    with pytest.raises(ValueError, match="two seeds and two examples"):
        power_crossed(1.0, STATED, 2, 1)
    with pytest.raises(ValueError, match="variance above 0"):
        power_welch(1.0, 0.0, 0.0, 5)
    with pytest.raises(ValueError, match="power must lie"):
        seeds_for_welch(1.0, 1.0, 1.0, power=1.0)


@pytest.mark.parametrize(("seeds", "gap"), [(3, 0.6), (4, 0.6), (3, 1.2), (4, 1.0)])
def test_power_with_few_seeds_counts_that_their_variance_is_uncertain(seeds: int, gap: float) -> None:
    rng = np.random.default_rng(5)
    parts = Components(seed_a=0.15, seed_b=0.15, example=0.5, residual_a=0.5, residual_b=0.5)
    found = []
    for _ in range(3000):
        own = rng.normal(0, np.sqrt(parts.example / 2), (2, 1, 80))
        arms = own + rng.normal(0, np.sqrt(0.15), (2, seeds, 1)) + rng.normal(0, np.sqrt(0.5), (2, seeds, 80))
        result = crossed(arms[0] + gap, arms[1])
        found.append(isinstance(result, CrossedResult) and result.p <= 0.05 and result.estimate > 0)
    assert power_crossed(gap, parts, seeds, 80) == pytest.approx(float(np.mean(found)), abs=0.02)
