from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import (
    Components,
    CrossedResult,
    Degenerate,
    NonInferiority,
    attainable_margin,
    crossed,
    detectable_crossed,
    examples_for_tost,
    noninferiority,
    power_crossed,
    power_tost,
    seeds_for_crossed,
    seeds_for_tost,
    tost,
)
from seedwise.stats.power import design_of

PARTS = Components(seed_a=0.02, seed_b=0.03, example=0.5, residual_a=0.4, residual_b=0.6)


def draw(rng: np.random.Generator, seeds: int, examples: int, gap: float = 0.0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    arms = []
    for seed, residual in ((PARTS.seed_a, PARTS.residual_a), (PARTS.seed_b, PARTS.residual_b)):
        own = rng.normal(0, np.sqrt(PARTS.example / 2), examples)
        rows = rng.normal(0, np.sqrt(seed), (seeds, 1))
        arms.append(own + rows + rng.normal(0, np.sqrt(residual), (seeds, examples)))
    return arms[0] + gap, arms[1]


@pytest.mark.parametrize(("seeds", "examples"), [(4, 80), (8, 150)])
def test_the_attainable_margin_is_attained_in_a_simulation(seeds: int, examples: int) -> None:
    margin = attainable_margin(PARTS, seeds, examples)
    assert power_tost(margin, PARTS, seeds, examples) == pytest.approx(0.8, abs=1e-6)
    rng = np.random.default_rng(seeds)
    found = []
    for _ in range(800):
        result = crossed(*draw(rng, seeds, examples))
        assert isinstance(result, CrossedResult)
        found.append(tost(result.estimate, result.standard_error, result.df, margin).equivalent)
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_designs_for_a_margin() -> None:
    seeds, examples = seeds_for_tost(0.4, PARTS, 150), examples_for_tost(0.5, PARTS, 6)
    assert seeds is not None
    assert examples is not None
    assert power_tost(0.4, PARTS, seeds, 150) >= 0.8 > power_tost(0.4, PARTS, seeds - 1, 150)
    assert power_tost(0.5, PARTS, 6, examples) >= 0.8 > power_tost(0.5, PARTS, 6, examples - 1)
    assert seeds_for_tost(0.05, PARTS, 150) is None
    assert power_tost(0.5, PARTS, 6, 150, difference=0.2) < power_tost(0.5, PARTS, 6, 150)


def test_a_deterministic_arm_adds_nothing_and_needs_more_seeds() -> None:
    alone = Components(seed_a=0.02, seed_b=0.0, example=0.5, residual_a=0.4, residual_b=0.0)
    fixed = (False, True)
    both = Components(seed_a=0.02, seed_b=9.0, example=0.5, residual_a=0.4, residual_b=9.0)
    gap = detectable_crossed(alone, 6, 150, deterministic=fixed)
    assert detectable_crossed(both, 6, 150, deterministic=fixed) == pytest.approx(gap)
    assert power_crossed(gap, alone, 6, 150, deterministic=fixed) == pytest.approx(0.8, abs=1e-6)
    assert seeds_for_crossed(100.0, alone, 150, deterministic=fixed) == 3
    # 2 / 2^6 is the first floor below .05
    assert seeds_for_crossed(100.0, alone, 150, deterministic=fixed, require_exact=True) == 6


def test_noninferiority_fails_by_chance_as_often_as_it_says() -> None:
    rng, margin = np.random.default_rng(3), 0.35
    same, worse = [], []
    for _ in range(800):
        result = noninferiority(*draw(rng, 5, 150), margin)
        assert isinstance(result, NonInferiority)
        same.append(result)
        lost = noninferiority(*draw(rng, 5, 150, -margin), margin)
        assert isinstance(lost, NonInferiority)
        worse.append(lost.passed)
    assert np.mean([not result.passed for result in same]) == pytest.approx(
        float(np.mean([result.false_alarm for result in same])), abs=0.05
    )
    assert np.mean(worse) < 0.065


def test_noninferiority_is_the_lower_one_sided_test_of_the_crossed_interval() -> None:
    new, old = draw(np.random.default_rng(5), 5, 150, -0.1)
    got, wide = (
        noninferiority(new, old, 0.35, 0.05),
        crossed(new, old, 0.1),
    )  # a two-sided 90 % interval ends at the bound
    assert isinstance(got, NonInferiority)
    assert isinstance(wide, CrossedResult)
    assert (got.estimate, got.lower) == (wide.estimate, wide.interval[0])
    assert got.p == pytest.approx(stats.t.sf((wide.estimate + 0.35) / wide.standard_error, wide.df))
    at_the_bound = noninferiority(new, old, -got.lower, 0.05)
    assert isinstance(at_the_bound, NonInferiority)
    assert at_the_bound.p == pytest.approx(0.05)


def test_against_a_fixed_reference_the_floor_is_one_sign_pattern() -> None:
    new, old = draw(np.random.default_rng(6), 5, 150)
    got = noninferiority(new, old[:1], 2.0, deterministic_old=True)
    assert isinstance(got, NonInferiority)
    assert got.floor == 1 / 2**5
    for seeds, enough in ((4, True), (3, True), (2, False)):
        short = noninferiority(new[:seeds], old[:1], 5.0, deterministic_old=True)
        assert isinstance(short, NonInferiority)
        assert (short.floor, short.attainable) == (1 / 2**seeds, enough)


def test_the_power_of_equivalence_is_that_neither_one_sided_test_fails() -> None:
    for margin, difference in ((0.2, 0.0), (0.35, 0.1), (0.6, -0.2)):
        design = design_of(PARTS, 5, 150)
        critical = stats.t.isf(0.05, design.df)
        misses = [
            stats.nct.cdf(critical, design.df, (margin + side * difference) / design.standard_error) for side in (1, -1)
        ]
        assert power_tost(margin, PARTS, 5, 150, difference=difference) == pytest.approx(max(0.0, 1 - sum(misses)))


def test_two_seeds_cannot_pass() -> None:
    result = noninferiority(*draw(np.random.default_rng(1), 2, 150, 5.0), 0.3)
    assert isinstance(result, NonInferiority)
    assert (result.attainable, result.passed, result.false_alarm) == (False, False, 1.0)
    assert result.floor == pytest.approx(1 / 6)


def test_unchanged_scores_are_degenerate() -> None:
    assert isinstance(noninferiority([[1.0, 1.0]] * 3, [[1.0, 1.0]] * 3, 0.1), Degenerate)
