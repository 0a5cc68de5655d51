from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from seedwise.stats import (
    ClaimStatus,
    CrossedResult,
    DegenerateReason,
    Outcome,
    PermutationResult,
    Question,
    Verdict,
    crossed,
    decide_crossed,
    decide_scores,
    permutation_unpaired,
    welch,
)

from .simulate import FAIRSEQ, HF, PRETRAINED, RANDOM, logistic


def pair(seeds: int = 5, shift: float = 0.0, seed: int = 3, examples: int = 277) -> NDArray[np.float64]:
    return logistic(np.random.default_rng(seed), 1, seeds, examples, shift)[0]


SPREAD = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) / 100


@pytest.mark.parametrize("scores", [(PRETRAINED, RANDOM), (FAIRSEQ, HF)])
@pytest.mark.parametrize(("claim", "margin"), [("superiority", None), ("superiority", 3.0), ("equivalence", 3.0)])
def test_three_seeds_decide_nothing(scores: tuple[tuple[float, ...], ...], claim: Any, margin: float | None) -> None:
    got = decide_scores(*scores, claim=claim, margin=margin)
    assert got.outcome is Outcome.UNATTAINABLE
    assert got.floor == 0.1
    assert got.needed is not None
    assert (got.needed.seeds_per_arm, got.needed.approximate) == (4, False)
    assert got.interval is not None


def test_an_unattainable_verdict_still_shows_that_welch_and_the_exact_test_disagree() -> None:
    got = decide_scores(PRETRAINED, RANDOM)
    assert got.p == pytest.approx(9.475e-5, rel=1e-3)
    assert got.p_exact == 0.1
    assert any("exact test over seeds" in note and "disagrees" in note for note in got.notes)
    assert not any("disagrees" in note for note in decide_scores(FAIRSEQ, HF).notes)


@pytest.mark.parametrize(
    ("gap", "claim", "margin", "outcome", "status"),
    [
        (0.4, "superiority", None, Outcome.A_BETTER, ClaimStatus.SUPPORTED),
        (-0.4, "superiority", None, Outcome.B_BETTER, ClaimStatus.CONTRADICTED),
        (0.001, "superiority", None, Outcome.INCONCLUSIVE, ClaimStatus.UNDECIDED),
        (
            0.001,
            "superiority",
            0.04,
            Outcome.EQUIVALENT,
            ClaimStatus.UNDECIDED,
        ),  # A may be better by less than the margin
        (0.001, "equivalence", 0.04, Outcome.EQUIVALENT, ClaimStatus.SUPPORTED),
        (0.001, "equivalence", 0.01, Outcome.INCONCLUSIVE, ClaimStatus.UNDECIDED),
        (
            0.03,
            "equivalence",
            0.025,
            Outcome.A_BETTER,
            ClaimStatus.UNDECIDED,
        ),  # other than 0, perhaps within the margin
        (0.4, "equivalence", 0.025, Outcome.A_BETTER, ClaimStatus.CONTRADICTED),
        (-0.4, "equivalence", 0.025, Outcome.B_BETTER, ClaimStatus.CONTRADICTED),
    ],
)
def test_what_an_outcome_means_for_the_claim(
    gap: float, claim: Any, margin: float | None, outcome: Outcome, status: ClaimStatus
) -> None:
    got = decide_scores(0.5 + gap + SPREAD, 0.5 + SPREAD, claim=claim, margin=margin)
    assert (got.outcome, got.claim_status) == (outcome, status)


def test_equivalence_is_contradicted_beyond_the_margin_at_the_family_s_level() -> None:
    # t = (gap - margin) / .01 with 8 df: two-sided p = .05 at 2.306, .025 at 2.752.
    for beyond, family, status in ((0.0230, 1, "undecided"), (0.0231, 1, "contradicted"), (0.0231, 2, "undecided")):
        for sign in (1, -1):
            got = decide_scores(
                sign * (0.02 + beyond) + SPREAD, SPREAD, claim="equivalence", margin=0.02, family_size=family
            )
            assert got.claim_status == status
    assert decide_scores([0.8] * 5, [0.7] * 5).claim_status is ClaimStatus.UNDECIDED
    assert decide_scores(RANDOM, PRETRAINED).claim_status is ClaimStatus.UNDECIDED


def test_the_floor_counts_the_family() -> None:
    a, b = 0.9 + SPREAD, 0.5 + SPREAD
    assert decide_scores(a, b, family_size=6).outcome is Outcome.A_BETTER
    got = decide_scores(a, b, family_size=7)
    assert got.outcome is Outcome.UNATTAINABLE
    assert got.needed is not None
    assert got.needed.seeds_per_arm == 6


@pytest.mark.parametrize("swap", [False, True])
def test_better_names_the_higher_arm(swap: bool) -> None:
    y = pair(shift=0.8)
    got = decide_crossed(*(y[::-1] if swap else y))
    assert got.outcome is (Outcome.B_BETTER if swap else Outcome.A_BETTER)
    assert got.interval is not None
    assert (got.interval[1] < 0) if swap else (got.interval[0] > 0)
    assert got.p_a_greater_b == (0.0 if swap else 1.0)
    assert got.needed is None


def test_the_verdict_carries_its_evidence() -> None:
    y = pair(shift=0.3)
    a, b = y[0], y[1, :4]
    got, primary = decide_crossed(a, b, alpha=0.1, margin=0.05), crossed(a, b, 0.1)
    exact = permutation_unpaired(a.mean(axis=1), b.mean(axis=1))
    assert isinstance(primary, CrossedResult)
    assert isinstance(exact, PermutationResult)
    assert (got.estimate, got.interval, got.p) == (primary.estimate, primary.interval, primary.p)
    assert (got.p_exact, got.floor) == (exact.p, 2 / 126)
    assert got.welch == welch(a.mean(axis=1), b.mean(axis=1), 0.1)
    assert (got.n_seeds, got.n_examples, got.alpha, got.margin) == ((5, 4), 277, 0.1, 0.05)
    assert got.question is Question.SEEDS_AND_EXAMPLES
    assert got.tost is not None


def test_the_outcome_follows_the_interval() -> None:
    outcomes = set()
    for seed in range(30):
        got = decide_crossed(*pair(shift=0.3, seed=seed))
        assert got.interval is not None
        outcomes.add(got.outcome)
        if got.interval[0] > 0:
            assert got.outcome is Outcome.A_BETTER
        else:
            assert got.outcome is Outcome.INCONCLUSIVE
    assert outcomes == {Outcome.A_BETTER, Outcome.INCONCLUSIVE}


def test_precedence_where_superiority_and_equivalence_both_hold() -> None:
    a, b = 0.53 + SPREAD / 10, 0.50 + SPREAD / 10
    better = decide_scores(a, b, margin=0.1, claim="superiority")
    same = decide_scores(a, b, margin=0.1, claim="equivalence")
    assert (better.outcome, same.outcome) == (Outcome.A_BETTER, Outcome.EQUIVALENT)
    assert any("smaller than the margin" in note for note in better.notes)
    assert any("other than 0" in note for note in same.notes)


def test_the_undeclared_outcome_is_called_secondary() -> None:
    alike = decide_scores(0.5 + SPREAD, 0.5 + SPREAD, margin=0.1, claim="superiority")
    apart = decide_scores(0.9 + SPREAD, 0.5 + SPREAD, margin=0.1, claim="equivalence")
    assert (alike.outcome, apart.outcome) == (Outcome.EQUIVALENT, Outcome.A_BETTER)
    assert any("secondary" in note for note in alike.notes)
    assert any("secondary" in note for note in apart.notes)
    declared = decide_scores(0.5 + SPREAD, 0.5 + SPREAD, margin=0.1, claim="equivalence")
    assert (declared.outcome, declared.notes) == (Outcome.EQUIVALENT, ())


def test_no_difference_without_a_margin_is_inconclusive() -> None:
    got = decide_scores(0.5 + SPREAD, 0.5 + SPREAD)
    assert got.outcome is Outcome.INCONCLUSIVE
    assert (got.estimate, got.p, got.p_exact) == (pytest.approx(0.0, abs=1e-15), pytest.approx(1.0), 1.0)
    assert got.needed is not None
    assert (got.needed.seeds_per_arm, got.needed.examples) == (None, None)


def test_inconclusive_says_what_would_decide() -> None:
    got = decide_crossed(*pair(shift=0.25))
    assert got.outcome is Outcome.INCONCLUSIVE
    assert got.needed is not None
    assert got.needed.seeds_per_arm is not None
    assert got.needed.seeds_per_arm > 5
    assert got.needed.examples is not None
    assert got.needed.examples > 277


def test_an_estimate_beyond_the_margin_needs_no_size_for_equivalence() -> None:
    got = decide_scores(0.52 + SPREAD, 0.5 + SPREAD, claim="equivalence", margin=0.01)
    assert got.outcome is Outcome.INCONCLUSIVE
    assert got.needed is not None
    assert got.needed.seeds_per_arm is None


def test_the_size_for_equivalence_is_that_of_its_own_interval() -> None:
    got = decide_scores(0.502 + SPREAD, 0.5 + SPREAD, claim="equivalence", margin=0.01)
    assert got.needed is not None
    n = got.needed.seeds_per_arm
    assert n is not None
    half = [stats.t.isf(0.05, 2 * k - 2) * SPREAD.std(ddof=1) * np.sqrt(2 / k) for k in (n, n - 1)]
    assert half[0] < 0.01 - 0.002 <= half[1]


def test_within_a_family_the_first_step_of_holm_decides() -> None:
    a, b = 0.524 + SPREAD, 0.5 + SPREAD  # t = 2.4 with 8 df
    alone, among = decide_scores(a, b), decide_scores(a, b, family_size=6)
    assert alone.p is not None
    assert 0.05 / 6 < alone.p < 0.05
    assert (alone.outcome, among.outcome) == (Outcome.A_BETTER, Outcome.INCONCLUSIVE)
    assert among.interval == alone.interval
    assert any("later step" in note for note in among.notes)


def test_a_deterministic_arm_has_the_floor_of_sign_flips() -> None:
    y = pair(8, 1.0)
    five = decide_crossed(y[0, :5], y[1, :1], deterministic_b=True)
    assert (five.outcome, five.floor, five.p_exact) == (Outcome.UNATTAINABLE, 2 / 32, 2 / 32)
    assert five.needed is not None
    assert five.needed.seeds_per_arm == 6
    six = decide_crossed(y[1, :1], y[0, :6], deterministic_a=True)
    assert (six.outcome, six.floor) == (Outcome.B_BETTER, 2 / 64)
    scores = decide_scores([0.5], 0.9 + np.append(SPREAD, 0.005), deterministic_a=True)
    assert (scores.outcome, scores.floor, scores.p_exact) == (Outcome.B_BETTER, 2 / 64, 2 / 64)


def test_two_deterministic_arms_answer_for_examples() -> None:
    y = pair(shift=1.5)
    got = decide_crossed(y[0, :1], y[1, :1], deterministic_a=True, deterministic_b=True)
    assert (got.outcome, got.question) == (Outcome.A_BETTER, Question.EXAMPLES)
    assert (got.floor, got.p_exact, got.welch) == (None, None, None)


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
    got = decide_crossed(np.eye(5)[:1], np.eye(5), family_size=10)
    assert got.needed is not None
    assert got.needed.seeds_per_arm == 6


def test_many_seeds_are_sampled_with_a_generator_and_noted_without() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.5, 1, 12), rng.normal(0, 1, 12)
    without = decide_scores(a, b)
    assert without.p_exact is None
    assert any("left out" in note for note in without.notes)
    sampled = decide_scores(a, b, rng=np.random.default_rng(2))
    assert sampled.p_exact == pytest.approx(without.p, abs=0.05)
    assert any("sampled" in note for note in sampled.notes)
    assert sampled.outcome is without.outcome


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"claim": "equivalence"}, "needs a margin"),
        ({"claim": "better"}, "claim must be"),
        ({"margin": 0.0}, "margin"),
        ({"alpha": 1.0}, "alpha"),
        ({"family_size": 0}, "family_size"),
    ],
)
def test_a_declaration_that_means_nothing_raises(kwargs: dict[str, Any], match: str) -> None:
    for call, data in ((decide_scores, (PRETRAINED, RANDOM)), (decide_crossed, tuple(pair()))):
        with pytest.raises(ValueError, match=match):
            call(*data, **kwargs)


def test_verdicts_under_the_null_keep_their_size() -> None:
    outcomes = [decide_crossed(a, b).outcome for a, b in logistic(np.random.default_rng(11), 400, 5)]
    wrong = np.mean([outcome is not Outcome.INCONCLUSIVE for outcome in outcomes])
    assert 0.01 < wrong < 0.08
