from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import (
    ArmComponents,
    Clusters,
    CrossedResult,
    WelchResult,
    crossed,
    needed_crossed,
    needed_welch,
    welch,
)

from .simulate import FAIRSEQ, HF, logistic


def welch_result(*args: Any, **kwargs: Any) -> WelchResult:
    value = welch(*args, **kwargs)
    assert isinstance(value, WelchResult)
    return value


def crossed_result(*args: Any, **kwargs: Any) -> CrossedResult:
    value = crossed(*args, **kwargs)
    assert isinstance(value, CrossedResult)
    return value


def power(effect: float, variances: tuple[float, float], n: int) -> float:
    a, b = variances[0] / n, variances[1] / n
    df = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (n - 1))
    return float(stats.nct.sf(stats.t.isf(0.025, df), df, effect / math.sqrt(a + b)))


def test_seeds_for_welch_are_the_smallest_with_80_percent_power() -> None:
    got = needed_welch(welch_result(FAIRSEQ, HF), 0.05)
    variances = (float(np.var(FAIRSEQ, ddof=1)), float(np.var(HF, ddof=1)))
    assert got.seeds_per_arm is not None
    effect = abs(float(np.mean(FAIRSEQ) - np.mean(HF)))
    assert power(effect, variances, got.seeds_per_arm) >= 0.8 > power(effect, variances, got.seeds_per_arm - 1)
    assert (got.examples, got.approximate) == (None, True)


def test_a_deterministic_arm_needs_fewer() -> None:
    scores = [0.70, 0.74, 0.69, 0.75]
    one = needed_welch(welch_result(scores, [0.71], deterministic_b=True), 0.05, None, (False, True))
    both = needed_welch(welch_result(scores, [score - 0.01 for score in scores]), 0.05)
    assert one.seeds_per_arm is not None
    assert both.seeds_per_arm is not None
    assert one.seeds_per_arm < both.seeds_per_arm


def test_crossed_is_welch_where_only_seeds_vary() -> None:
    offsets = np.linspace(0, 1, 30)
    result = crossed_result(np.add.outer(FAIRSEQ, offsets), np.add.outer(HF, offsets))
    got = needed_crossed(result, 0.05)
    assert got.seeds_per_arm == needed_welch(welch_result(FAIRSEQ, HF), 0.05).seeds_per_arm
    assert got.examples is None


def test_seeds_do_not_help_where_only_examples_vary() -> None:
    rng = np.random.default_rng(1)
    result = crossed_result(np.tile(rng.normal(0.05, 1, 100), (4, 1)), np.zeros((4, 100)))
    got = needed_crossed(result, 0.05)
    assert got.seeds_per_arm is None
    assert got.examples is not None
    size = abs(result.estimate)
    found = [
        stats.nct.sf(stats.t.isf(0.025, n - 1), n - 1, size / math.sqrt(result.v2 * 100 / n))
        for n in (got.examples, got.examples - 1)
    ]
    assert found[0] >= 0.8 > found[1]


def test_clusters_are_counted_in_examples() -> None:
    rng = np.random.default_rng(1)
    clusters = Clusters.by_label(np.repeat(np.arange(50), 8))
    scores = np.repeat(rng.normal(0.05, 1, 50), 8) + rng.normal(0, 0.1, (4, 400))
    result = crossed_result(scores, np.zeros((4, 400)), clusters=clusters)
    alone = crossed_result(scores.reshape(4, 50, 8).mean(axis=2), np.zeros((4, 50)))
    got, want = needed_crossed(result, 0.05), needed_crossed(alone, 0.05)
    assert want.examples is not None
    assert got.examples == 8 * want.examples


def test_the_figure_is_borne_out_by_new_data_of_that_size() -> None:
    """With the examples named, four of five new studies decide."""
    y = logistic(np.random.default_rng(8), 60, 6, 300, shift=0.3)
    results = [crossed_result(a, b) for a, b in y]
    typical = replace(
        results[0],
        estimate=float(np.mean([r.estimate for r in results])),
        v2=float(np.mean([r.v2 for r in results])),
        arm_a=_typical([r.arm_a for r in results]),
        arm_b=_typical([r.arm_b for r in results]),
    )
    examples = needed_crossed(typical, 0.05).examples
    assert examples is not None
    new = logistic(np.random.default_rng(9), 150, 6, examples, shift=0.3)
    decided = np.mean([r.p <= 0.05 for r in (crossed_result(a, b) for a, b in new)])
    assert decided == pytest.approx(0.8, abs=0.1)


def _typical(arms: list[ArmComponents]) -> ArmComponents:
    v1, v3 = (float(np.mean([getattr(arm, name) for arm in arms])) for name in ("v1", "v3"))
    return replace(arms[0], v1=v1, v3=v3)


def test_nothing_suffices_for_no_target() -> None:
    y = logistic(np.random.default_rng(8), 1, 4)[0]
    for got in (
        needed_crossed(crossed_result(y[0], y[0]), 0.05),
        needed_crossed(crossed_result(y[0] + 0.2, y[1]), 0.05, margin=0.01),
        needed_welch(welch_result(FAIRSEQ, HF), 0.05, margin=0.1),
    ):
        assert (got.seeds_per_arm, got.examples) == (None, None)


def test_more_is_asked_for_than_there_is() -> None:
    y = logistic(np.random.default_rng(8), 1, 4)[0]
    got = needed_crossed(crossed_result(y[0] + 10.0, y[1]), 0.05)
    assert (got.seeds_per_arm, got.examples) == (5, 278)
