from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from seedwise.stats import Degenerate, DegenerateReason, TostResult, WelchResult, welch, welch_tost

from .simulate import FAIRSEQ, HF, PRETRAINED, RANDOM


def result(*args: Any, **kwargs: Any) -> WelchResult:
    value = welch(*args, **kwargs)
    assert isinstance(value, WelchResult)
    return value


def test_pretrained_against_random_to_the_printed_digit() -> None:
    got = result(PRETRAINED, RANDOM)
    assert f"{got.p:.3e}" == "9.475e-05"
    assert [f"{bound:.3f}" for bound in got.interval] == ["10.745", "14.988"]


def test_fairseq_against_hf_to_the_printed_digit() -> None:
    got = result(FAIRSEQ, HF)
    assert f"{got.p:.4f}" == "0.2892"
    assert [f"{bound:.3f}" for bound in got.interval] == ["-2.806", "1.373"]


@pytest.mark.parametrize(("margin", "printed"), [(1.0, "0.316"), (2.0, "0.0609"), (3.0, "0.0210")])
def test_tost_of_fairseq_and_hf_to_the_printed_digit(margin: float, printed: str) -> None:
    got = welch_tost(FAIRSEQ, HF, margin)
    assert isinstance(got, TostResult)
    assert f"{got.p:.{len(printed) - 2}f}" == printed
    assert got.equivalent is (margin == 3.0)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_agrees_with_scipy(alpha: float) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.3, 1, 6), rng.normal(0, 3, 4)
    got, want = result(a, b, alpha), stats.ttest_ind(a, b, equal_var=False)
    assert got.p == pytest.approx(want.pvalue, rel=1e-10)
    assert got.df == pytest.approx(want.df, rel=1e-10)
    assert got.interval == pytest.approx(tuple(want.confidence_interval(1 - alpha)), rel=1e-10)


def test_tost_agrees_with_statsmodels() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.3, 1, 6), rng.normal(0, 2, 9)
    got = welch_tost(a, b, 1.5)
    assert isinstance(got, TostResult)
    p, lower, upper = ttost_ind(a, b, -1.5, 1.5, usevar="unequal")
    assert (got.p, got.p_lower, got.p_upper) == pytest.approx((p, lower[1], upper[1]), rel=1e-9)


@pytest.mark.parametrize("flip", [False, True])
def test_a_deterministic_arm_is_a_constant(flip: bool) -> None:
    scores, constant = [0.71, 0.74, 0.69, 0.75], 0.70
    want = stats.ttest_1samp(scores, constant)
    low, high = (bound - constant for bound in want.confidence_interval(0.95))
    if flip:
        got, interval = result([constant], scores, deterministic_a=True), (-high, -low)
    else:
        got, interval = result(scores, [constant], deterministic_b=True), (low, high)
    assert got.p == pytest.approx(want.pvalue, rel=1e-9)
    assert got.interval == pytest.approx(interval, rel=1e-9)


def test_swap_and_shift() -> None:
    one = result(PRETRAINED, RANDOM)
    other = result(np.add(RANDOM, 5.0), np.add(PRETRAINED, 5.0))
    assert other.estimate == pytest.approx(-one.estimate)
    assert other.interval == pytest.approx((-one.interval[1], -one.interval[0]))
    assert other.p == pytest.approx(one.p)


def test_one_constant_arm_is_no_fault_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = result([0.7, 0.7, 0.7], [0.6, 0.7, 0.65])
    assert got.variance_a == pytest.approx(0.0, abs=1e-30)
    assert got.df == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ([0.8, 0.8, 0.8], [0.7, 0.7, 0.7], DegenerateReason.ZERO_VARIANCE),
        ([0.1 + 0.2, 0.3, 0.3], [0.7, 0.7, 0.7], DegenerateReason.ZERO_VARIANCE),
        ([0.8], [0.7, 0.6], DegenerateReason.TOO_FEW_SEEDS),
        ([0.8, 0.7], [], DegenerateReason.TOO_FEW_SEEDS),
        ([0.8, float("nan")], [0.7, 0.6], DegenerateReason.NOT_FINITE),
    ],
)
def test_degenerate_input_is_typed(a: list[float], b: list[float], reason: DegenerateReason) -> None:
    for got in (welch(a, b), welch_tost(a, b, 0.1)):
        assert isinstance(got, Degenerate)
        assert got.reason is reason


def test_two_constants_leave_nothing_random() -> None:
    got = welch([0.8], [0.7], deterministic_a=True, deterministic_b=True)
    assert isinstance(got, Degenerate)
    assert got.reason is DegenerateReason.ZERO_VARIANCE


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_a_margin_must_be_positive(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        welch_tost(FAIRSEQ, HF, margin)
