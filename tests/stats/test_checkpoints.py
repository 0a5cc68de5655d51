"""One run of an arm, or of both: what the runs are, never what the methods give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import (
    Basis,
    Clusters,
    Components,
    DegenerateReason,
    Outcome,
    Question,
    decide_checkpoints,
    power_crossed,
    sentence,
)

BASE = np.array([1.0] * 60 + [0.0] * 12 + [1.0] * 2 + [0.0] * 26)
TUNED = np.array([1.0] * 72 + [0.0] * 28)


def test_two_checkpoints_on_such_examples() -> None:
    got = decide_checkpoints(TUNED[None], BASE[None])
    assert (got.outcome, got.question, got.basis) == (Outcome.A_BETTER, Question.CHECKPOINTS, Basis.EXAMPLES)
    assert got.estimate == pytest.approx(0.10)
    assert got.interval == pytest.approx((0.0281, 0.1719), abs=5e-5)
    assert got.p == pytest.approx(stats.ttest_rel(TUNED, BASE).pvalue)
    assert got.mcnemar is not None
    assert (got.mcnemar.only_a, got.mcnemar.only_b) == (12, 2)
    assert got.mcnemar.p == pytest.approx(0.0129, abs=5e-5)
    text = sentence(got, "tuned", "base", "accuracy")
    assert text.startswith(
        "Of these two checkpoints, on such examples (one run of each, 100 examples), tuned scores higher"
    )
    assert "This says nothing about how tuned and base were trained" in text
    assert "A verdict on the methods takes 3 seeds an arm or more." in text
    assert "McNemar's exact test 12 : 2" in text
    for overstatement in ("deterministic", "rate of collapse", "Over seeds"):
        assert overstatement not in text


def test_how_much_seeds_may_differ_for_the_difference_to_be_found() -> None:
    rng = np.random.default_rng(1)
    a = (rng.random(2000) < 0.85).astype(float)
    b = np.where(rng.random(2000) < 0.1, 0.0, a)
    got = decide_checkpoints(a[None], b[None])
    assert [n for n, _ in got.seed_sds] == [3, 5, 10]
    sds = [sd for _, sd in got.seed_sds if sd is not None]
    assert len(sds) == 3
    assert sds == sorted(sds)
    assert got.estimate is not None
    assert got.parts is not None
    assert got.parts.examples is not None
    parts = Components(sds[1] ** 2, sds[1] ** 2, got.parts.examples * 2000, 0.0, 0.0)
    assert power_crossed(abs(got.estimate), parts, 5, 2000) == pytest.approx(0.8, abs=1e-6)
    assert "3 seeds where the standard deviation between seeds is at most" in sentence(got, "a", "b", "accuracy")


def test_scores_that_are_no_answers_have_no_mcnemar() -> None:
    rng = np.random.default_rng(2)
    got = decide_checkpoints(rng.random((1, 50)), rng.random((1, 50)))
    assert got.mcnemar is None
    assert got.interval is not None


def test_clusters_count_here_too() -> None:
    labels = np.arange(100) // 4
    plain = decide_checkpoints(TUNED[None], BASE[None])
    got = decide_checkpoints(TUNED[None], BASE[None], clusters=Clusters.by_label(labels))
    assert got.n_clusters == 25
    assert got.estimate == pytest.approx(plain.estimate)
    assert got.standard_error is not None
    assert plain.standard_error is not None
    assert got.standard_error > 1.5 * plain.standard_error
    text = sentence(got, "tuned", "base", "accuracy")
    assert "100 examples in 25 clusters" in text
    assert "as if examples were independent" in text


@pytest.mark.parametrize("swap", [False, True])
def test_one_run_against_seeds(swap: bool) -> None:
    rng = np.random.default_rng(3)
    many = (rng.random((5, 400)) < 0.7).astype(float)
    one = (rng.random((1, 400)) < 0.9).astype(float)
    arms = (one, many) if swap else (many, one)
    got = decide_checkpoints(*arms)
    assert got.question is Question.CHECKPOINT
    assert got.outcome is (Outcome.A_BETTER if swap else Outcome.B_BETTER)
    assert got.prediction is not None
    assert got.prediction.inside is False
    names = ("one", "many") if swap else ("many", "one")
    text = sentence(got, *names, "accuracy")
    assert (
        "Of this one checkpoint against seeds, on such examples (5 seeds of many against one run of one, 400 examples)"
        in text
    )
    assert "This says nothing about how one was trained" in text
    assert "One more run of many should lie within" in text
    assert "one lies outside" in text
    assert "deterministic" not in text


def test_a_published_number_against_seeds() -> None:
    got = decide_checkpoints([29.69, 29.62, 30.36], [32.9])
    assert (got.question, got.outcome, got.basis) == (Question.CHECKPOINT_ON_FILE, Outcome.B_BETTER, Basis.NEAR_NORMAL)
    assert got.prediction is not None
    assert got.prediction.interval == pytest.approx((27.86, 31.92), abs=0.005)
    assert got.prediction.inside is False


def test_two_seeds_against_one_run_decide_nothing() -> None:
    assert decide_checkpoints([29.69, 29.62], [32.9]).outcome is Outcome.UNATTAINABLE


def test_what_cannot_be_answered_is_typed() -> None:
    got = decide_checkpoints([0.8], [0.7])
    assert (got.outcome, got.reason) == (Outcome.DEGENERATE, DegenerateReason.TOO_FEW_SEEDS)
    assert "give scores of examples, or more seeds" in got.notes[0]
    same = decide_checkpoints(BASE[None], BASE[None])
    assert (same.outcome, same.reason) == (Outcome.DEGENERATE, DegenerateReason.ZERO_VARIANCE)
    with pytest.raises(ValueError, match="neither arm has a single run"):
        decide_checkpoints(np.eye(3), np.eye(3))
