"""Looks: published boundaries, and the type-I error of the whole rule where seeds are added look by look."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import CrossedResult, crossed, look_levels
from seedwise.stats.spending import Spending, spent

from .simulate import logistic


@pytest.mark.parametrize(
    ("spending", "bounds"),
    [
        ("obrien-fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),  # Lan and DeMets, five equal looks, two-sided .05
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_published_boundaries_of_five_equal_looks(spending: Spending, bounds: list[float]) -> None:
    looks = look_levels([2, 4, 6, 8, 10], 0.05, spending)
    assert [float(stats.norm.isf(look.level / 2)) for look in looks] == pytest.approx(bounds, abs=2e-4)
    assert looks[-1].spent == pytest.approx(0.05)


def test_one_look_is_the_plain_test() -> None:
    (look,) = look_levels([7], 0.03)
    assert (look.seeds, look.level) == (7, pytest.approx(0.03))


def test_looks_that_are_none_are_refused() -> None:
    for seeds in ([], [1, 4], [4, 4], [8, 4]):
        with pytest.raises(ValueError, match="increasing"):
            look_levels(seeds)
    with pytest.raises(ValueError, match="fraction"):
        spent("pocock", 0.05, 0.0)
    with pytest.raises(ValueError, match="spending"):
        spent("all", 0.05, 0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_brownian_motion_crosses_as_often_as_it_may(spending: Spending) -> None:
    looks = look_levels([3, 5, 10], 0.05, spending)
    rng = np.random.default_rng(5)
    steps = rng.normal(0.0, 1.0, (200_000, 10)).cumsum(axis=1)
    crossed_by = [
        np.abs(steps[:, look.seeds - 1]) / np.sqrt(look.seeds) > stats.norm.isf(look.level / 2) for look in looks
    ]
    any_by = np.logical_or.accumulate(np.array(crossed_by), axis=0).mean(axis=1)
    assert any_by == pytest.approx([look.spent for look in looks], abs=0.0015)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_adding_seeds_under_the_rule_keeps_the_size_and_without_it_does_not(spending: Spending) -> None:
    looks = look_levels([4, 7, 10], 0.05, spending)
    ruled, naive = 0, 0
    for a, b in logistic(np.random.default_rng(41), 800, 10):
        found = [crossed(a[: look.seeds], b[: look.seeds]) for look in looks]
        results = [result for result in found if isinstance(result, CrossedResult)]
        ruled += any(result.p <= look.level for result, look in zip(results, looks, strict=True))
        naive += any(result.p <= 0.05 for result in results)
    assert ruled / 800 <= 0.065
    assert naive > ruled
