"""Scores on which nothing can be decided, or that no double holds: a typed outcome, never p = 0 and never a crash."""

from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import (
    DegenerateReason,
    Outcome,
    Verdict,
    decide_crossed,
    decide_paired,
    decide_scores,
    perplexity_scores,
    sentence,
)

from .simulate import SPREAD, pair


def test_an_arm_that_never_varies_is_pointed_out() -> None:
    y = pair()
    got = decide_crossed(np.tile(y[0, :1], (5, 1)), y[1])
    assert any("every seed of A gave the same scores" in note for note in got.notes)
    assert not any("every seed" in note for note in decide_crossed(*y).notes)


NAN = float("nan")


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (decide_crossed(np.ones((5, 9)), np.zeros((5, 9))), DegenerateReason.ZERO_VARIANCE),
        (decide_crossed(np.ones((5, 9)), np.ones((5, 9))), DegenerateReason.ZERO_VARIANCE),
        (decide_crossed(np.eye(5), np.eye(6)), DegenerateReason.UNEQUAL_EXAMPLES),
        (decide_crossed(np.eye(5)[:1], np.eye(5)), DegenerateReason.TOO_FEW_SEEDS),
        (decide_crossed(np.full((5, 9), NAN), np.zeros((5, 9))), DegenerateReason.NOT_FINITE),
        (decide_scores([0.8] * 5, [0.7] * 5), DegenerateReason.ZERO_VARIANCE),
        (decide_scores([0.8] * 5, [0.8] * 5), DegenerateReason.ZERO_VARIANCE),
        (decide_scores([0.8], [0.7, 0.6]), DegenerateReason.TOO_FEW_SEEDS),
        (decide_scores([0.8, NAN], [0.7, 0.6]), DegenerateReason.NOT_FINITE),
    ],
)
def test_degenerate_input_gives_no_figure(verdict: Verdict, reason: DegenerateReason) -> None:
    assert verdict.outcome is Outcome.DEGENERATE
    assert verdict.reason is reason
    assert (verdict.p, verdict.p_exact, verdict.estimate, verdict.interval) == (None, None, None, None)
    assert verdict.notes


def test_missing_seeds_are_counted() -> None:
    for required, seeds in ((False, 3), (True, 6)):
        got = decide_crossed(np.eye(5)[:1], np.eye(5), family_size=10, require_exact=required)
        assert got.needed is not None
        assert got.needed.seeds_per_arm == seeds


def test_arms_that_are_equal_in_every_seed_are_pointed_out() -> None:
    y = pair()
    for verdict in (decide_crossed(y[0], y[0]), decide_scores(0.5 + SPREAD, 0.5 + SPREAD), decide_paired(y[0], y[0])):
        assert any("same scores in every seed" in note for note in verdict.notes)
    assert not any("same scores in every seed" in note for note in decide_crossed(*y).notes)


def test_all_right_against_all_wrong_shows_what_the_exact_test_says() -> None:
    got = decide_crossed(np.ones((5, 9)), np.zeros((5, 9)))
    assert got.outcome is Outcome.DEGENERATE
    assert any(".00794" in note for note in got.notes)


@pytest.mark.parametrize("factor", [1e80, 1e-80, 1e-140, 1e140])
def test_the_unit_of_the_scores_changes_nothing(factor: float) -> None:
    y = pair(shift=0.25)
    plain, scaled = decide_crossed(*y), decide_crossed(*(factor * y))
    assert scaled.p == pytest.approx(plain.p)
    assert scaled.df == pytest.approx(plain.df)
    assert scaled.outcome is plain.outcome
    assert scaled.needed == plain.needed
    seeds = decide_scores(factor * (0.52 + SPREAD), factor * (0.5 + SPREAD))
    assert seeds.p == pytest.approx(decide_scores(0.52 + SPREAD, 0.5 + SPREAD).p)


@pytest.mark.parametrize("factor", [1e160, 1e300, 1e-200, 1e-310])
def test_scores_beyond_what_a_double_can_square_are_typed(factor: float) -> None:
    y = pair(shift=0.25)
    for verdict in (decide_crossed(*(factor * y)), decide_scores(factor * (0.52 + SPREAD), factor * (0.5 + SPREAD))):
        assert (verdict.outcome, verdict.reason) == (Outcome.DEGENERATE, DegenerateReason.NOT_FINITE)


@pytest.mark.parametrize("nats", [50.0, 200.0, 400.0, 800.0])
def test_a_diverged_run_of_a_language_model_is_no_crash(nats: float) -> None:
    rng = np.random.default_rng(1)
    tokens = np.full(40, 10.0)
    losses = 30.0 + rng.normal(0, 1, (2, 5, 40))
    losses[1, 4] = nats * tokens
    got = decide_crossed(*(perplexity_scores(arm, tokens) for arm in losses))
    said = sentence(got, "a", "b", "minus perplexity", "", 1.0)
    assert len(said) < 1500
    assert got.outcome is (Outcome.DEGENERATE if nats >= 400.0 else Outcome.INCONCLUSIVE)
