"""Quality against cost: the rules, and how often anything false is said."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import scipy.stats

from seedwise.stats import Standing, frontier, holm

EXACT = {"head": [1.0, 1.0], "lora": [5.0, 5.0], "full": [90.0, 90.0]}


def test_a_dearer_and_worse_arm_is_dominated_and_a_better_one_is_on_the_frontier() -> None:
    quality = {("lora", "head"): (0.2, 1e-5), ("lora", "full"): (0.1, 1e-4), ("full", "head"): (0.1, 1e-3)}
    placed = {each.arm: each for each in frontier(quality, EXACT)}
    assert {name: each.standing for name, each in placed.items()} == {
        "head": Standing.FRONTIER, "lora": Standing.FRONTIER, "full": Standing.DOMINATED,
    }  # fmt: skip
    assert placed["full"].by == "lora"
    assert placed["full"].p == pytest.approx(2e-4)  # the second step of Holm over three
    assert placed["head"].p is None  # it costs least, which is exact
    assert placed["lora"].p == pytest.approx(3e-5)


def test_what_is_not_shown_is_open() -> None:
    quality = {("lora", "head"): (0.2, 1e-5), ("lora", "full"): (0.01, 0.6), ("full", "head"): (0.19, 1e-4)}
    placed = {each.arm: each.standing for each in frontier(quality, EXACT)}
    assert placed == {"head": Standing.FRONTIER, "lora": Standing.FRONTIER, "full": Standing.OPEN}
    missing = {each.arm: each.standing for each in frontier({}, EXACT)}
    assert missing == {"head": Standing.FRONTIER, "lora": Standing.OPEN, "full": Standing.OPEN}


def test_of_equal_cost_the_better_dominates() -> None:
    placed = {each.arm: each for each in frontier({("a", "b"): (0.1, 0.01)}, {"a": [3.0], "b": [3.0]})}
    assert (placed["b"].standing, placed["b"].by) == (Standing.DOMINATED, "a")
    assert placed["a"].standing is Standing.FRONTIER


def test_measured_costs_have_an_error_of_their_own() -> None:
    quality = {("a", "b"): (0.1, 1e-6)}
    near = {"a": [10.0, 12.0, 11.0], "b": [10.5, 12.5, 11.5]}
    assert [each.standing for each in frontier(quality, near)] == [Standing.FRONTIER, Standing.OPEN]
    far = {"a": [10.0, 10.1, 9.9], "b": [20.0, 20.1, 19.9]}
    placed = frontier(quality, far)
    assert placed[1].standing is Standing.DOMINATED
    reference = scipy.stats.ttest_ind(far["a"], far["b"], equal_var=False).pvalue
    assert placed[1].p == pytest.approx(max(holm([1e-6, float(reference)])))


def test_costs_and_pairs_have_to_fit() -> None:
    with pytest.raises(ValueError, match="no costs of c"):
        frontier({("a", "c"): (0.1, 0.5)}, {"a": [1.0], "b": [2.0]})
    with pytest.raises(ValueError, match="every arm needs"):
        frontier({}, {"a": [1.0], "b": []})


def test_nothing_false_is_said_more_often_than_alpha() -> None:
    # Four arms of equal quality and equal measured cost: any statement but open is false.
    rng, names, false = np.random.default_rng(1), "abcd", 0
    for _ in range(1500):
        scores, costs = rng.normal(size=(4, 5)), rng.normal(10.0, 1.0, (4, 5))
        quality = {}
        for a, b in combinations(range(4), 2):
            found = scipy.stats.ttest_ind(scores[a], scores[b], equal_var=False)
            quality[names[a], names[b]] = (float(scores[a].mean() - scores[b].mean()), float(found.pvalue))
        placed = frontier(quality, dict(zip(names, costs.tolist(), strict=True)))
        false += any(each.standing is not Standing.OPEN for each in placed)
    assert false / 1500 < 0.06
