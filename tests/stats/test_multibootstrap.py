from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from seedwise.stats import Degenerate, DegenerateReason, MultiBootstrapResult, crossed, multi_bootstrap
from seedwise.stats.crossed import CrossedResult
from seedwise.stats.multibootstrap import resample_differences

from .simulate import logistic

Scores = NDArray[np.float64]


def by_loop(a: Scores, b: Scores, rng: np.random.Generator, resamples: int, paired: bool = False) -> list[float]:
    """The definition: draw seeds and examples, average what was drawn."""
    drawn = []
    for _ in range(resamples):
        seeds_a = rng.integers(0, len(a), len(a))
        seeds_b = seeds_a if paired else rng.integers(0, len(b), len(b))
        examples = rng.integers(0, a.shape[1], a.shape[1])
        drawn.append(float(a[np.ix_(seeds_a, examples)].mean() - b[np.ix_(seeds_b, examples)].mean()))
    return drawn


def result(a: object, b: object, seed: int = 0, **options: object) -> MultiBootstrapResult:
    value = multi_bootstrap(a, b, np.random.default_rng(seed), **options)  # type: ignore[arg-type]
    assert isinstance(value, MultiBootstrapResult)
    return value


@pytest.mark.parametrize("paired", [False, True])
def test_draws_from_the_distribution_of_the_plain_loop(paired: bool) -> None:
    a, b = logistic(np.random.default_rng(1), 1, 4, 50, shift=0.5)[0]
    if paired:  # a large shared seed effect, which only pairing takes out
        common = np.random.default_rng(2).normal(0, 1, (4, 1))
        a, b = a + common, b + common
    fast = resample_differences(a, b, np.random.default_rng(3), 20_000, paired=paired)
    slow = by_loop(a, b, np.random.default_rng(4), 4_000, paired)
    assert fast.mean() == pytest.approx(np.mean(slow), abs=4 * np.std(slow) / np.sqrt(4_000))
    assert fast.std() == pytest.approx(np.std(slow), rel=0.05)
    for quantile in (0.025, 0.25, 0.75, 0.975):
        assert np.quantile(fast, quantile) == pytest.approx(np.quantile(slow, quantile), abs=0.15 * np.std(slow))


def test_variance_has_its_closed_form() -> None:
    # Resampling both ways multiplies: for each arm the seed mean square and the example mean square, with ddof=0.
    rng = np.random.default_rng(5)
    a, b = np.add.outer(rng.normal(0, 1, 5), np.zeros(30)), np.add.outer(np.zeros(4), rng.normal(0, 1, 30))
    want = a[:, 0].var() / 5 + b[0].var() / 30
    assert result(a, b, resamples=40_000).standard_error ** 2 == pytest.approx(want, rel=0.04)


def test_sides_swap_and_seeds_reproduce() -> None:
    a, b = logistic(np.random.default_rng(6), 1, 5, 80, shift=0.3)[0]
    one, other = result(a, b, resamples=20_000), result(b, a, resamples=20_000)
    assert one.estimate == pytest.approx(-other.estimate)
    assert one.interval[0] == pytest.approx(-other.interval[1], abs=0.01)
    assert one.p == pytest.approx(other.p, abs=0.02)
    assert result(a, b) == result(a, b)
    assert result(a, b).p != result(a, b, seed=1).p


def test_the_interval_holds_its_level_of_the_resamples() -> None:
    a, b = logistic(np.random.default_rng(11), 1, 5, 80, shift=0.3)[0]
    drawn = resample_differences(a, b, np.random.default_rng(0), 10_000)
    for alpha in (0.05, 0.2):
        low, high = result(a, b, alpha=alpha).interval
        assert [np.mean(drawn < low), np.mean(drawn > high)] == pytest.approx([alpha / 2, alpha / 2], abs=0.002)


def test_it_is_wider_than_the_crossed_interval_where_the_residual_is_large() -> None:
    a, b = np.random.default_rng(7).normal(0, 1, (2, 10, 100))
    primary = crossed(a, b)
    assert isinstance(primary, CrossedResult)
    assert result(a, b).standard_error > 1.2 * primary.standard_error


def test_size_of_a_nominal_five_percent_is_below_it() -> None:
    rng = np.random.default_rng(8)
    y = logistic(rng, 300, 5, 100)
    rejected = [multi_bootstrap(a, b, rng, resamples=400) for a, b in y]
    assert np.mean([isinstance(r, MultiBootstrapResult) and r.p <= 0.05 for r in rejected]) < 0.05


def test_p_is_never_zero_and_no_difference_is_no_evidence() -> None:
    rng = np.random.default_rng(9)
    far = result(rng.normal(100, 1, (4, 20)), rng.normal(0, 1, (4, 20)), resamples=999)
    assert far.p == pytest.approx(2 / 1000)
    same = np.tile([[0.1, 0.2, 0.3]], (3, 1))
    shared = multi_bootstrap(same, same, rng)
    assert isinstance(shared, Degenerate)
    assert shared.reason is DegenerateReason.ZERO_VARIANCE


def test_a_deterministic_arm_has_one_row() -> None:
    rng = np.random.default_rng(10)
    a, constant = rng.normal(1, 1, (5, 40)), np.zeros((1, 40))
    want = np.std(by_loop(a, constant, rng, 4_000))
    assert result(a, constant, deterministic_b=True).standard_error == pytest.approx(want, rel=0.06)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (np.zeros((1, 3)), np.ones((2, 3)), DegenerateReason.TOO_FEW_SEEDS),
        (np.zeros((2, 3)), np.ones((2, 4)), DegenerateReason.UNEQUAL_EXAMPLES),
        (np.zeros((2, 1)), np.ones((2, 1)), DegenerateReason.TOO_FEW_EXAMPLES),
        (np.zeros((2, 3)), np.full((2, 3), np.nan), DegenerateReason.NOT_FINITE),
    ],
)
def test_degenerate_input_is_typed(a: Scores, b: Scores, reason: DegenerateReason) -> None:
    got = multi_bootstrap(a, b, np.random.default_rng(0))
    assert isinstance(got, Degenerate)
    assert got.reason is reason


def test_what_cannot_be_resampled_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="same seeds"):
        multi_bootstrap(np.zeros((2, 3)), np.zeros((3, 3)), rng, paired=True)
    with pytest.raises(ValueError, match="at least 100"):
        multi_bootstrap(np.zeros((2, 3)), np.zeros((2, 3)), rng, resamples=10)
    with pytest.raises(ValueError, match="two-dimensional"):
        multi_bootstrap([0.1], [0.2], rng)
