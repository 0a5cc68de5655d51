"""Two shares of a test set, and arms of very many seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from seedwise.stats import (
    Outcome,
    Question,
    decide_scores,
    decide_shares,
    floor_paired,
    floor_unpaired,
    probability_a_greater,
    seeds_apart,
)


@pytest.mark.parametrize("whole", [1.0, 100.0])
def test_the_test_of_two_proportions(whole: float) -> None:
    found = decide_shares(0.60 * whole, 0.50 * whole, 1000, whole=whole)
    error = math.sqrt((0.6 * 0.4 + 0.5 * 0.5) / 999) * whole
    assert found.standard_error == pytest.approx(error)
    assert found.p == pytest.approx(
        2 * scipy.stats.norm.sf(0.1 * whole / error), rel=0.08
    )  # t with 1,998 degrees of freedom
    assert (found.outcome, found.question) == (Outcome.A_BETTER, Question.CHECKPOINTS)


def test_what_is_needed_is_counted_in_examples() -> None:
    found = decide_shares(0.52, 0.51, 1000)
    assert found.needed is not None
    assert found.needed.seeds_per_arm is None
    again = decide_shares(0.52, 0.51, found.needed.examples or 0)
    z = abs((again.estimate or 0.0) / (again.standard_error or 1.0))
    assert scipy.stats.norm.cdf(z - scipy.stats.norm.isf(0.025)) == pytest.approx(0.8, abs=0.002)


def test_shares_that_have_no_error_are_degenerate_and_others_are_none() -> None:
    assert decide_shares(0.99, 0.5, 100).outcome is Outcome.DEGENERATE
    with pytest.raises(ValueError, match="lie between 0 and 1"):
        decide_shares(52.0, 51.0, 100)
    with pytest.raises(ValueError, match="2 examples or more"):
        decide_shares(0.5, 0.5, 1)


def test_a_hundred_thousand_seeds() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1.0, 5.0, 50_000), rng.normal(0.0, 5.0, 50_000)
    found = decide_scores(a, b, rng=rng)
    assert found.outcome is Outcome.A_BETTER
    assert found.p_exact is None
    assert any("with so many, the interval's own test is as good" in note for note in found.notes)
    assert floor_unpaired(50_000, 50_000) > 0.0
    assert floor_paired(50_000) > 0.0
    assert seeds_apart(np.append(a, -1e4)) == 1


def test_pairs_counted_by_sorting_are_those_counted_one_by_one() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 50, 1500).astype(float), rng.integers(5, 45, 1500).astype(float)
    wins = sum(int((x > b).sum()) + 0.5 * int((x == b).sum()) for x in a)
    assert probability_a_greater(a, b) == pytest.approx(wins / (a.size * b.size))
