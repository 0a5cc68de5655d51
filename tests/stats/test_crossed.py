from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from seedwise.stats import ArmComponents, CrossedResult, Degenerate, DegenerateReason, crossed
from seedwise.stats.crossed import crossed_variance

from .simulate import logistic


def result(*args: Any, **kwargs: Any) -> CrossedResult:
    value = crossed(*args, **kwargs)
    assert isinstance(value, CrossedResult)
    return value


def by_loops(a: list[list[float]], b: list[list[float]]) -> dict[str, float]:
    """The formulae written out, one sum at a time, without numpy."""
    examples = len(a[0])
    v1, v3, v1_over = [], [], 0.0
    columns = []
    for arm in (a, b):
        seeds = len(arm)
        rows = [sum(row) / examples for row in arm]
        column = [sum(row[i] for row in arm) / seeds for i in range(examples)]
        grand = sum(rows) / seeds
        v1.append(sum((r - grand) ** 2 for r in rows) / (seeds - 1) / seeds)
        v1_over += v1[-1] ** 2 / (seeds - 1)
        square = 0.0
        for s in range(seeds):
            for i in range(examples):
                square += (arm[s][i] - rows[s] - column[i] + grand) ** 2
        v3.append(square / ((seeds - 1) * (examples - 1)) / (seeds * examples))
        columns.append(column)
    d = [x - y for x, y in zip(*columns, strict=True)]
    estimate = sum(d) / examples
    v2 = sum((x - estimate) ** 2 for x in d) / (examples - 1) / examples
    variance = max(sum(v1) + v2 - sum(v3), sum(v1), v2)
    df = variance**2 / (v1_over + v2**2 / (examples - 1))
    return {"estimate": estimate, "v2": v2, "variance": variance, "df": df, "v1": v1[0], "v3": v3[1]}


@pytest.mark.parametrize("shape", [(3, 3, 8), (2, 5, 4), (4, 3, 30)])
def test_agrees_with_the_formulae_written_out(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    example = rng.normal(size=shape[2])
    a, b = (
        rng.normal(0.4, 1, (shape[0], shape[2])) + example,
        rng.normal(0, 2, (shape[1], shape[2])) + example,
    )
    got, want = result(a, b), by_loops(a.tolist(), b.tolist())
    assert got.estimate == pytest.approx(want["estimate"], rel=1e-12)
    assert got.v2 == pytest.approx(want["v2"], rel=1e-12)
    assert got.arm_a.v1 == pytest.approx(want["v1"], rel=1e-12)
    assert got.arm_b.v3 == pytest.approx(want["v3"], rel=1e-12)
    assert got.variance == pytest.approx(want["variance"], rel=1e-12)
    assert got.df == pytest.approx(want["df"], rel=1e-12)
    half = stats.t.ppf(0.975, want["df"]) * math.sqrt(want["variance"])
    assert got.interval == pytest.approx((want["estimate"] - half, want["estimate"] + half), rel=1e-10)


def test_a_small_example_by_hand() -> None:
    # Row means 3/4, 1/2 and 1/4, 1/4; column means of A 1, 1/2, 1, 0 and of B 1/2, 0, 1/2, 0.
    got = result([[1, 1, 1, 0], [1, 0, 1, 0]], [[1, 0, 0, 0], [0, 0, 1, 0]])
    assert got.estimate == pytest.approx(3 / 8)
    assert got.arm_a.v1 == pytest.approx(1 / 64)  # var(3/4, 1/2) = 1/32, over 2 seeds
    assert got.arm_b.v1 == pytest.approx(0.0)
    assert got.arm_a.v3 == pytest.approx((3 / 8) / 3 / 8)  # residual sum of squares 3/8, 3 df, 8 cells
    assert got.arm_b.v3 == pytest.approx(1 / 3 / 8)  # residual sum of squares 1
    assert got.v2 == pytest.approx((3 / 16) / 3 / 4)  # D = 1/2, 1/2, 1/2, 0
    # V1 + V2 - V3 = 1/64 + 1/64 - (1/64 + 1/24) is negative, so the larger of V1 and V2 holds.
    assert got.variance == pytest.approx(1 / 64)
    assert got.df == pytest.approx((1 / 64) ** 2 / ((1 / 64) ** 2 / 1 + (1 / 64) ** 2 / 3))


def test_is_welch_where_examples_do_not_vary() -> None:
    rows_a, rows_b = [0.1, 0.4, 0.35], [0.6, 0.2, 0.3, 0.5]
    offsets = np.linspace(0, 1, 50)  # the same for every seed: no residual and a constant difference
    got = result(np.add.outer(rows_a, offsets), np.add.outer(rows_b, offsets))
    want = stats.ttest_ind(rows_a, rows_b, equal_var=False)
    assert got.p == pytest.approx(want.pvalue, rel=1e-9)
    assert got.df == pytest.approx(want.df, rel=1e-9)


def test_is_the_paired_t_test_where_both_arms_are_deterministic() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 1, 40))
    got = result(a, b, deterministic_a=True, deterministic_b=True)
    want = stats.ttest_rel(a[0], b[0])
    assert got.p == pytest.approx(want.pvalue, rel=1e-10)
    assert got.interval == pytest.approx(tuple(want.confidence_interval(0.95)), rel=1e-10)


def test_a_deterministic_arm_adds_no_seed_variance() -> None:
    y = logistic(np.random.default_rng(2), 1, 4)[0]
    got = result(y[0], y[1, :1], deterministic_b=True)
    assert (got.arm_b.v1, got.arm_b.v3) == (0.0, 0.0)
    assert got.arm_a == result(y[0], y[1]).arm_a


def test_swapping_the_arms_flips_signs() -> None:
    y = logistic(np.random.default_rng(3), 1, 4, shift=0.3)[0]
    one, other = result(y[0], y[1, :3]), result(y[1, :3], y[0])
    assert other.estimate == pytest.approx(-one.estimate)
    assert other.interval == pytest.approx((-one.interval[1], -one.interval[0]))
    assert other.p == pytest.approx(one.p)


def test_shift_and_scale_of_the_scores() -> None:
    y = logistic(np.random.default_rng(4), 1, 4, shift=0.3)[0]
    plain, moved = result(y[0], y[1]), result(100 * y[0] + 7, 100 * y[1] + 7)
    assert moved.estimate == pytest.approx(100 * plain.estimate)
    assert moved.p == pytest.approx(plain.p)


def test_order_of_seeds_and_examples_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    y = logistic(rng, 1, 4)[0]
    order = rng.permutation(y.shape[2])
    assert result(y[0][::-1][:, order], y[1][:, order]).p == pytest.approx(result(y[0], y[1]).p)
    assert result(y[0][:, order], y[1]).p != pytest.approx(result(y[0], y[1]).p)


def test_identical_arms_differ_by_nothing() -> None:
    y = logistic(np.random.default_rng(7), 1, 4)[0, 0]
    got = result(y, y)
    assert (got.estimate, got.p) == (0.0, 1.0)


COLUMNS = np.tile(np.arange(4.0) / 7, (3, 1))
DEGENERATE = [
    (np.ones((3, 4)), np.zeros((3, 4)), DegenerateReason.ZERO_VARIANCE),
    (np.full((3, 4), 0.1), np.full((3, 4), 0.3), DegenerateReason.ZERO_VARIANCE),
    (
        np.tile(np.arange(4.0) / 7, (3, 1)) + 0.3,
        np.tile(np.arange(4.0) / 7, (3, 1)),
        DegenerateReason.ZERO_VARIANCE,
    ),
    (np.eye(4)[:1], np.eye(4)[:3], DegenerateReason.TOO_FEW_SEEDS),
    (np.empty((0, 4)), np.eye(4), DegenerateReason.TOO_FEW_SEEDS),
    (np.eye(4)[:, :1], np.eye(4)[:, :1], DegenerateReason.TOO_FEW_EXAMPLES),
    (np.empty((3, 0)), np.empty((3, 0)), DegenerateReason.TOO_FEW_EXAMPLES),
    (np.eye(4), np.eye(5), DegenerateReason.UNEQUAL_EXAMPLES),
    (np.where(np.eye(4) == 1, np.nan, 0), np.eye(4), DegenerateReason.NOT_FINITE),
    (np.eye(4), np.where(np.eye(4) == 1, np.inf, 0), DegenerateReason.NOT_FINITE),
]


@pytest.mark.parametrize(("a", "b", "reason"), DEGENERATE)
def test_degenerate_input_is_typed(a: NDArray[np.float64], b: NDArray[np.float64], reason: DegenerateReason) -> None:
    got = crossed(a, b)
    assert isinstance(got, Degenerate)
    assert got.reason is reason
    assert got.detail


def test_one_row_is_enough_only_where_declared() -> None:
    a, b = np.eye(4)[:1], np.eye(4)[:3]
    assert isinstance(crossed(a, b), Degenerate)
    assert isinstance(crossed(a, b, deterministic_a=True), CrossedResult)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 0.5}, "alpha"),
        ({"deterministic_a": True}, "declared deterministic"),
    ],
)
def test_misuse_raises(kwargs: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        crossed(np.eye(4), np.eye(4), **kwargs)


def test_scores_of_one_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="two-dimensional"):
        crossed([0.1, 0.2], [0.3, 0.4])


def test_the_components_of_van_dyke() -> None:
    """Published (OR-DBM MRMC 2.51): SE .02075, and 15.26 degrees of freedom by Hillis, which leave V2 out."""
    arms = (ArmComponents(5, 2.20412e-4, 1.402560e-4, False), ArmComponents(1, 0.0, 0.0, True))
    variance, df = crossed_variance(arms, 3.503360e-4, 114)
    assert math.sqrt(variance) == pytest.approx(0.02075, abs=5e-6)
    assert df == pytest.approx(14.01, abs=0.005)
    assert variance**2 / (arms[0].v1 ** 2 / 4) == pytest.approx(15.26, abs=0.005)
    half = stats.t.isf(0.025, df) * math.sqrt(variance)
    assert (-0.04380 - half, -0.04380 + half) == pytest.approx((-0.08830, 0.00070), abs=1e-5)
    assert 2 * stats.t.sf(0.04380 / math.sqrt(variance), df) == pytest.approx(0.0532, abs=5e-5)


def covariances(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """Variance and its example part by Obuchowski and Rockette: mean squares and delete-one covariances of the readers."""
    n_a, examples = a.shape
    n_b = b.shape[0]
    jack = np.cov(np.concatenate([a, b])) / examples  # for a mean the delete-one covariance is this
    same = {}
    for name, rows in (("a", range(n_a)), ("b", range(n_a, n_a + n_b))):
        same[name] = np.mean([jack[i, j] for i in rows for j in rows if i != j])
    cross = np.mean(jack[:n_a, n_a:])
    ms = [arm.mean(axis=1).var(ddof=1) for arm in (a, b)]
    return ms[0] / n_a + ms[1] / n_b + same["a"] + same["b"] - 2 * cross, ms[0] / n_a + ms[1] / n_b


@pytest.mark.parametrize("shape", [(3, 3, 277), (3, 10, 277), (5, 5, 20), (2, 4, 500)])
def test_agrees_with_obuchowski_and_rockette(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    example = rng.normal(size=shape[2])
    a, b = (rng.normal(0, 1, (n, shape[2])) + rng.normal(0, 1, shape[2]) + example for n in shape[:2])
    got = result(a, b)
    variance, seeds_only = covariances(a, b)
    assert got.variance == pytest.approx(max(variance, seeds_only, got.v2), rel=1e-10)
