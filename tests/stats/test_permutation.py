from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from seedwise.stats import (
    Degenerate,
    DegenerateReason,
    PermutationResult,
    floor_paired,
    floor_unpaired,
    permutation_paired,
    permutation_unpaired,
)

from .simulate import FAIRSEQ, HF, PRETRAINED, RANDOM


def unpaired(*args: Any, **kwargs: Any) -> PermutationResult:
    value = permutation_unpaired(*args, **kwargs)
    assert isinstance(value, PermutationResult)
    return value


def paired(*args: Any, **kwargs: Any) -> PermutationResult:
    value = permutation_paired(*args, **kwargs)
    assert isinstance(value, PermutationResult)
    return value


def difference(x: NDArray[np.float64], y: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


def test_the_check_values_are_exact() -> None:
    assert unpaired(PRETRAINED, RANDOM).p == 0.1
    assert unpaired(FAIRSEQ, HF).p == 0.2


@pytest.mark.parametrize(
    ("n", "of_unpaired", "of_paired"),
    [
        (3, ".100", ".250"),
        (4, ".0286", ".125"),
        (5, ".0079", ".0625"),
        (6, ".0022", ".0313"),
        (8, ".00016", ".0078"),
        (10, "1.1e-05", ".0020"),
    ],
)
def test_the_table_of_floors(n: int, of_unpaired: str, of_paired: str) -> None:
    # Half up, as the table prints: .03125 is .0313.
    for value, printed in ((floor_unpaired(n, n), of_unpaired), (floor_paired(n), of_paired)):
        if "e" in printed:
            assert f"{value:.1e}" == printed
        else:
            assert f"{value + 1e-9:.{len(printed) - 1}f}".removeprefix("0") == printed


@pytest.mark.parametrize("sizes", [(3, 3), (5, 5), (2, 6), (1, 9)])
def test_separated_arms_reach_the_floor_and_no_data_fall_below(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(sizes[1])
    low, high = rng.random(sizes[0]), 10 + rng.random(sizes[1])
    got = unpaired(low, high)
    assert got.p == pytest.approx(floor_unpaired(*sizes))
    assert got.floor == floor_unpaired(*sizes)
    ps = [unpaired(rng.normal(size=sizes[0]), rng.normal(size=sizes[1])).p for _ in range(50)]
    assert min(ps) >= got.floor - 1e-12
    assert max(ps) > 0.5


@pytest.mark.parametrize("sizes", [(3, 3), (4, 6), (5, 5), (2, 7)])
@pytest.mark.parametrize("rounded", [False, True])
def test_unpaired_agrees_with_scipy(sizes: tuple[int, int], rounded: bool) -> None:
    rng = np.random.default_rng(sum(sizes))
    a, b = rng.normal(0.8, 1, sizes[0]), rng.normal(0, 1, sizes[1])
    if rounded:
        a, b = np.round(a), np.round(b)
    want = stats.permutation_test((a, b), difference, vectorized=True, n_resamples=np.inf)
    assert unpaired(a, b).p == pytest.approx(want.pvalue)


@pytest.mark.parametrize("rounded", [False, True])
def test_paired_agrees_with_scipy(rounded: bool) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.8, 1, 8), rng.normal(0, 1, 8)
    if rounded:
        a, b = np.round(a), np.round(b)
    want = stats.permutation_test((a, b), difference, vectorized=True, permutation_type="samples", n_resamples=np.inf)
    got = paired(a - b)
    assert got.p == pytest.approx(want.pvalue)
    assert got.arrangements == 2**8


def test_ties_survive_rounding_errors() -> None:
    # 0.1 + 0.2 != 0.3 in floats; without a tolerance the arrangements that swap them would not tie.
    exact, noisy = unpaired([1, 3, 6], [2, 3, 3]), unpaired([0.1, 0.1 + 0.2, 0.6], [0.2, 0.3, 0.1 + 0.2])
    assert noisy.p == exact.p
    assert paired([0.1, 0.2, -0.3]).p == 1.0


def test_swap_shift_and_scale_leave_p_alone() -> None:
    a, b = [0.71, 0.74, 0.69, 0.78], [0.66, 0.70, 0.72]
    p = unpaired(a, b).p
    assert unpaired(b, a).p == p
    assert unpaired(np.multiply(a, 100) + 1e3, np.multiply(b, 100) + 1e3).p == p
    assert 0.0 < p < 1.0


def test_constant_arms_give_one_not_zero() -> None:
    assert unpaired([0.5] * 4, [0.5] * 4).p == 1.0
    assert paired([0.0] * 6).p == 1.0


def test_ten_against_ten_is_enumerated() -> None:
    got = unpaired(np.arange(10.0), np.arange(10.0) + 100)
    assert (got.exact, got.arrangements) == (True, 184_756)
    assert got.p == pytest.approx(1.1e-5, rel=0.02)


def test_above_the_limit_it_samples() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.8, 1, 6), rng.normal(0, 1, 6)
    exact = unpaired(a, b)
    sampled = unpaired(a, b, rng=np.random.default_rng(9), max_enumerations=100, resamples=20_000)
    again = unpaired(a, b, rng=np.random.default_rng(9), max_enumerations=100, resamples=20_000)
    assert (exact.exact, sampled.exact, sampled.arrangements) == (True, False, 20_000)
    assert sampled == again
    assert 0.02 < exact.p < 0.98
    assert sampled.p == pytest.approx(exact.p, abs=0.015)
    d = rng.normal(0.5, 1, 9)
    sampled = paired(d, rng=np.random.default_rng(9), max_enumerations=100, resamples=20_000)
    assert sampled.p == pytest.approx(paired(d).p, abs=0.015)


def test_a_sampled_p_is_never_zero() -> None:
    low, high = np.arange(12.0), np.arange(12.0) + 100
    got = unpaired(low, high, rng=np.random.default_rng(1), resamples=999)
    assert got.p == got.floor == pytest.approx(2 / 1000)


def test_sampling_needs_a_generator() -> None:
    with pytest.raises(ValueError, match="pass rng"):
        permutation_unpaired(np.arange(12.0), np.arange(12.0))
    with pytest.raises(ValueError, match="pass rng"):
        permutation_paired(np.arange(20.0))


def test_degenerate_input_is_typed() -> None:
    for got, reason in (
        (permutation_unpaired([], [1.0]), DegenerateReason.NO_DATA),
        (permutation_paired([]), DegenerateReason.NO_DATA),
        (permutation_unpaired([1.0, float("nan")], [1.0]), DegenerateReason.NOT_FINITE),
        (permutation_paired([float("inf")]), DegenerateReason.NOT_FINITE),
    ):
        assert isinstance(got, Degenerate)
        assert got.reason is reason


def test_a_floor_needs_seeds() -> None:
    for call in (lambda: floor_unpaired(0, 3), lambda: floor_paired(0)):
        with pytest.raises(ValueError, match="at least one seed"):
            call()
    assert floor_unpaired(1, 1) == floor_paired(1) == 1.0
