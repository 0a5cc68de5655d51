from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import CrossedResult, WelchResult, crossed, needed_crossed, needed_welch, welch

from .simulate import FAIRSEQ, HF, logistic


def welch_result(*args: Any, **kwargs: Any) -> WelchResult:
    value = welch(*args, **kwargs)
    assert isinstance(value, WelchResult)
    return value


def crossed_result(*args: Any, **kwargs: Any) -> CrossedResult:
    value = crossed(*args, **kwargs)
    assert isinstance(value, CrossedResult)
    return value


def half_width(variances: tuple[float, float], n: int) -> float:
    a, b = variances[0] / n, variances[1] / n
    df = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (n - 1))
    return float(stats.t.ppf(0.975, df)) * math.sqrt(a + b)


def test_seeds_for_welch_are_the_smallest_that_do() -> None:
    got = needed_welch(welch_result(FAIRSEQ, HF), 0.71667, 0.05)
    variances = (float(np.var(FAIRSEQ, ddof=1)), float(np.var(HF, ddof=1)))
    assert got.seeds_per_arm is not None
    assert half_width(variances, got.seeds_per_arm) < 0.71667 <= half_width(variances, got.seeds_per_arm - 1)
    assert (got.examples, got.approximate) == (None, True)


def test_a_deterministic_arm_needs_fewer() -> None:
    scores = [0.70, 0.74, 0.69, 0.75]
    one = needed_welch(welch_result(scores, [0.71], deterministic_b=True), 0.01, 0.05, (False, True))
    both = needed_welch(welch_result(scores, scores[::-1]), 0.01, 0.05)
    assert one.seeds_per_arm is not None
    assert both.seeds_per_arm is not None
    assert one.seeds_per_arm < both.seeds_per_arm


def test_crossed_is_welch_where_only_seeds_vary() -> None:
    offsets = np.linspace(0, 1, 30)
    result = crossed_result(np.add.outer(FAIRSEQ, offsets), np.add.outer(HF, offsets))
    got = needed_crossed(result, 0.71667, 0.05)
    assert got.seeds_per_arm == needed_welch(welch_result(FAIRSEQ, HF), 0.71667, 0.05).seeds_per_arm
    assert got.examples is None


def test_seeds_do_not_help_where_only_examples_vary() -> None:
    rng = np.random.default_rng(1)
    result = crossed_result(np.tile(rng.normal(0.05, 1, 100), (4, 1)), np.zeros((4, 100)))
    got = needed_crossed(result, 0.05, 0.05)
    assert got.seeds_per_arm is None
    assert got.examples is not None
    per_example = result.v2 * 100
    half = [stats.t.ppf(0.975, n - 1) * math.sqrt(per_example / n) for n in (got.examples, got.examples - 1)]
    assert half[0] < 0.05 <= half[1]


def test_the_figure_is_borne_out_by_new_data_of_that_size() -> None:
    y = logistic(np.random.default_rng(8), 40, 6, 300, shift=0.3)
    results = [crossed_result(a, b) for a, b in y]
    typical = float(np.median([needed_crossed(r, 0.035, 0.05).examples or np.inf for r in results]))
    assert 400 < typical < 5000
    new = logistic(np.random.default_rng(9), 40, 6, int(typical), shift=0.3)
    widths = [(r.interval[1] - r.interval[0]) / 2 for r in (crossed_result(a, b) for a, b in new)]
    assert np.median(widths) == pytest.approx(0.035, rel=0.1)


@pytest.mark.parametrize("target", [0.0, -0.1])
def test_nothing_suffices_for_no_target(target: float) -> None:
    y = logistic(np.random.default_rng(8), 1, 4)[0]
    for got in (
        needed_crossed(crossed_result(y[0], y[1]), target, 0.05),
        needed_welch(welch_result(FAIRSEQ, HF), target, 0.05),
    ):
        assert (got.seeds_per_arm, got.examples) == (None, None)


def test_more_is_asked_for_than_there_is() -> None:
    y = logistic(np.random.default_rng(8), 1, 4)[0]
    got = needed_crossed(crossed_result(y[0], y[1]), 10.0, 0.05)
    assert (got.seeds_per_arm, got.examples) == (5, 278)
