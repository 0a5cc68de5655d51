from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import CollapseResult, Degenerate, DegenerateReason, collapse_bound, collapse_rates


def result(*counts: int) -> CollapseResult:
    value = collapse_rates(*counts)
    assert isinstance(value, CollapseResult)
    return value


def test_by_hand_all_against_none() -> None:
    # Both tails at the common rate 1/2: 2 / 2^10.
    got = result(5, 5, 0, 5)
    assert got.p == pytest.approx(2 / 2**10)
    assert got.difference == 1.0
    assert got.interval_b == pytest.approx((0.0, 1 - 0.025**0.2))
    assert got.interval_a == pytest.approx((0.025**0.2, 1.0))


@pytest.mark.parametrize("counts", [(74, 117, 31, 63), (3, 10, 0, 12), (1, 6, 4, 7)])
def test_often_as_powerful_as_fisher(counts: tuple[int, int, int, int]) -> None:
    x, n, y, m = counts
    fisher = stats.fisher_exact([[x, y], [n - x, m - y]])
    assert result(*counts).p <= float(fisher.pvalue) + 1e-9


def test_sides_swap() -> None:
    one, other = result(3, 10, 0, 12), result(0, 12, 3, 10)
    assert one.p == pytest.approx(other.p)
    assert (one.difference, one.interval_a) == (-other.difference, other.interval_b)


def test_size_over_all_tables() -> None:
    n, m, rate = 6, 5, 0.3
    chance = sum(
        stats.binom.pmf(x, n, rate) * stats.binom.pmf(y, m, rate)
        for x in range(n + 1)
        for y in range(m + 1)
        if result(x, n, y, m).p <= 0.05
    )
    assert 0.0 < float(np.real(chance)) <= 0.05


def test_nothing_or_everything_collapsed_is_no_evidence() -> None:
    assert result(0, 5, 0, 5).p == 1.0
    assert result(5, 5, 3, 3).p == 1.0


def test_faults() -> None:
    got = collapse_rates(0, 0, 1, 5)
    assert isinstance(got, Degenerate)
    assert got.reason is DegenerateReason.NO_DATA
    with pytest.raises(ValueError, match="6 of 5 seeds"):
        collapse_rates(6, 5, 0, 5)


def test_doubling_may_exceed_fisher_s_two_sided_p() -> None:
    fisher = stats.fisher_exact([[1, 0], [4, 6]])
    assert (result(1, 5, 0, 6).p, float(fisher.pvalue)) == (
        pytest.approx(0.599, abs=5e-4),
        pytest.approx(0.455, abs=5e-4),
    )


@pytest.mark.parametrize(("collapsed", "seeds", "bound"), [(0, 3, 0.63), (0, 5, 0.45), (0, 10, 0.26), (1, 10, 0.394)])
def test_what_clean_seeds_do_not_exclude(collapsed: int, seeds: int, bound: float) -> None:
    assert collapse_bound(collapsed, seeds) == pytest.approx(bound, abs=0.005)
    assert collapse_bound(seeds, seeds) == 1.0
    with pytest.raises(ValueError, match="cannot have collapsed"):
        collapse_bound(seeds + 1, seeds)
