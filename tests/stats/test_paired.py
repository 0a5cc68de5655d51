from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import (
    Basis,
    CrossedResult,
    Degenerate,
    DegenerateReason,
    Outcome,
    WelchResult,
    crossed,
    crossed_paired,
    decide_paired,
    sentence,
    welch_paired,
)

from .simulate import logistic


def shared(seeds: int, examples: int, gap: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Arms with a large common seed effect."""
    common = rng.normal(0, 1, (seeds, 1)) + rng.normal(0, 1, (1, examples))
    a, b = (common + rng.normal(0, 0.1, (seeds, 1)) + rng.normal(0, 0.5, (seeds, examples)) for _ in range(2))
    return a + gap, b


def test_sleep_data_of_student_1908_to_the_printed_digit() -> None:
    # Student's ten pairs: t = 4.0621 on 9 degrees of freedom, p = .00283, 95 % interval 0.70 to 2.46.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    got = welch_paired(second, first)
    assert isinstance(got, WelchResult)
    assert f"{got.estimate / got.standard_error:.4f}" == "4.0621"
    assert f"{got.p:.6f}" == "0.002833"
    assert [f"{bound:.2f}" for bound in got.interval] == ["0.70", "2.46"]
    assert got.df == 9


def test_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 7), rng.normal(0, 1, 7)
    got = welch_paired(a, b)
    assert isinstance(got, WelchResult)
    assert got.p == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-9)


def test_shared_seeds_narrow_the_interval_and_only_they_do() -> None:
    a, b = shared(8, 50, 0.3, np.random.default_rng(2))
    paired, unpaired = crossed_paired(a, b), crossed(a, b)
    assert isinstance(paired, CrossedResult)
    assert isinstance(unpaired, CrossedResult)
    assert paired.estimate == pytest.approx(unpaired.estimate)
    assert paired.v2 == pytest.approx(unpaired.v2)
    assert paired.standard_error < 0.5 * unpaired.standard_error
    assert decide_paired(a, b).outcome is Outcome.A_BETTER


def test_size_and_coverage_with_shared_seeds() -> None:
    rng = np.random.default_rng(3)
    results = [crossed_paired(*shared(5, 40, 0.0, rng)) for _ in range(800)]
    rejected = [isinstance(result, CrossedResult) and result.p <= 0.05 for result in results]
    assert 0.02 < np.mean(rejected) < 0.07


def test_the_verdict_has_the_floor_of_sign_flips() -> None:
    y = logistic(np.random.default_rng(4), 1, 5, 60, shift=2.0)[0]
    verdict = decide_paired(y[0], y[1], require_exact=True)
    assert (verdict.outcome, verdict.floor, verdict.n_seeds) == (Outcome.UNATTAINABLE, 0.0625, (5, 5))
    assert verdict.needed is not None
    assert verdict.needed.seeds_per_arm == 6
    assert verdict.deterministic == (False, False)
    text = sentence(verdict, "lora", "full", "accuracy")
    assert "5 paired seeds cannot decide" in text
    assert "6 paired seeds would do" in text
    assert "deterministic" not in text
    plain = decide_paired(y[0], y[1])
    assert (plain.outcome, plain.basis, plain.floor) == (Outcome.A_BETTER, Basis.NEAR_NORMAL, 0.0625)
    assert decide_paired(y[0, :2], y[1, :2]).outcome is Outcome.UNATTAINABLE


def test_per_seed_scores() -> None:
    verdict = decide_paired([0.81, 0.82, 0.83, 0.84, 0.85, 0.86], [0.80, 0.815, 0.82, 0.83, 0.845, 0.85], margin=0.05)
    assert verdict.outcome is Outcome.A_BETTER
    assert (verdict.p_exact, verdict.p_a_greater_b) == (0.03125, 1.0)
    assert "P(a > b) over the pairs of seeds at hand 1.00" in sentence(verdict, "a", "b", "accuracy")


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ([0.5, 0.6], [0.4, 0.5], DegenerateReason.ZERO_VARIANCE),
        ([0.5], [0.4], DegenerateReason.TOO_FEW_SEEDS),
        ([0.5, np.nan], [0.4, 0.5], DegenerateReason.NOT_FINITE),
        ([[1.0, 0.0], [1.0, 1.0]], [[1.0], [0.0]], DegenerateReason.UNEQUAL_EXAMPLES),
        ([[1.0, np.inf], [1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], DegenerateReason.NOT_FINITE),
    ],
)
def test_degenerate_input_is_typed(a: list[float], b: list[float], reason: DegenerateReason) -> None:
    verdict = decide_paired(a, b)
    assert (verdict.outcome, verdict.reason) == (Outcome.DEGENERATE, reason)
    pair = crossed_paired(a, b) if np.ndim(a) == 2 else welch_paired(a, b)
    assert isinstance(pair, Degenerate)


def test_arms_of_different_size_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="paired arms need the same seeds"):
        decide_paired([0.1, 0.2], [0.1, 0.2, 0.3])
