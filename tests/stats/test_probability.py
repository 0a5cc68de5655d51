from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import probability_a_greater, probability_interval
from seedwise.stats.probability import share_interval


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        ([2.0, 3.0], [1.0, 0.0], 1.0),
        ([1.0, 0.0], [2.0, 3.0], 0.0),
        ([1.0, 3.0], [1.0, 2.0], (0.5 + 0 + 1 + 1) / 4),
        ([0.1 + 0.2], [0.3], 0.5),
    ],
)
def test_pairs_are_counted_and_ties_count_half(a: list[float], b: list[float], want: float) -> None:
    assert probability_a_greater(a, b) == want


def test_is_the_statistic_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 6, 9).astype(float), rng.integers(0, 5, 7).astype(float)
    assert probability_a_greater(a, b) == pytest.approx(stats.mannwhitneyu(a, b).statistic / 63)
    assert probability_a_greater(b, a) == pytest.approx(1 - stats.mannwhitneyu(a, b).statistic / 63)


def test_undefined_is_none() -> None:
    assert probability_a_greater([], [1.0]) is None
    assert probability_a_greater([float("nan")], [1.0]) is None


def test_both_bounds_solve_newcombe_s_equation() -> None:
    """The variance formula solved at both ends, and swapping the arms mirrors the interval."""
    low, high = probability_interval(0.75, 8, 6)
    for theta in (low, high):
        m = 6.0
        variance = theta * (1 - theta) * (1 + m * ((1 - theta) / (2 - theta) + theta / (1 + theta))) / 48
        assert abs(0.75 - theta) == pytest.approx(stats.t.isf(0.025, 12) * np.sqrt(variance), rel=1e-6)
    assert probability_interval(0.25, 8, 6) == pytest.approx((1 - high, 1 - low))


def test_winning_every_pair_leaves_an_interval() -> None:
    low, high = probability_interval(1.0, 3, 3)
    assert 0.3 < low < 0.5  # equal arms are not excluded: the exact test's floor is .100
    assert high == 1.0
    assert probability_interval(0.0, 3, 3) == pytest.approx((0.0, 1.0 - low))
    assert probability_interval(1.0, 30, 30)[0] > 0.9


@pytest.mark.parametrize(("seeds", "shift"), [((3, 3), 0.0), ((5, 5), 1.0), ((10, 10), 1.5), ((3, 10), 0.7)])
def test_the_interval_holds_the_true_probability(seeds: tuple[int, int], shift: float) -> None:
    rng = np.random.default_rng(2)
    truth, covered = float(stats.norm.cdf(shift / np.sqrt(2))), 0
    for _ in range(1500):
        share = probability_a_greater(rng.normal(shift, 1, seeds[0]), rng.normal(0, 1, seeds[1]))
        assert share is not None
        low, high = probability_interval(share, *seeds)
        covered += low <= truth <= high
    assert covered / 1500 > 0.93


def test_pairs_and_one_fixed_score_are_shares() -> None:
    assert probability_a_greater([3.0, 1.0, 2.0], [2.0, 2.0, 2.0], paired=True) == 0.5
    want = stats.binomtest(4, 5).proportion_ci(0.95, method="exact")
    assert share_interval(0.8, 5) == pytest.approx((want.low, want.high))
    assert share_interval(1.0, 5) == pytest.approx((0.025**0.2, 1.0))


def test_shares_outside_0_and_1_are_refused() -> None:
    with pytest.raises(ValueError, match="a share lies in"):
        probability_interval(1.2, 3, 3)
