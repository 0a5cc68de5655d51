from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import (
    Basis,
    ClaimStatus,
    CrossedResult,
    Outcome,
    PermutationResult,
    Question,
    crossed,
    decide_crossed,
    decide_scores,
    permutation_unpaired,
    welch,
)

from .simulate import FAIRSEQ, HF, PRETRAINED, RANDOM, SPREAD, logistic, pair


def test_three_seeds_an_arm_decide_and_say_on_what() -> None:
    got = decide_scores(PRETRAINED, RANDOM)
    assert (got.outcome, got.basis, got.floor, got.p_exact) == (Outcome.A_BETTER, Basis.NEAR_NORMAL, 0.1, 0.1)
    assert got.p == pytest.approx(9.475e-5, rel=1e-3)
    assert got.notes == ()  # an exact test that could not have reached .05 disagrees with nothing
    assert got.collapse_bound == (pytest.approx(1 - 0.05 ** (1 / 3)),) * 2
    assert decide_scores(FAIRSEQ, HF).outcome is Outcome.INCONCLUSIVE


def test_three_seeds_show_equivalence_without_any_floor() -> None:
    # TOST p .0609 within 2 points, .0210 within 3
    outcomes = [decide_scores(FAIRSEQ, HF, claim="equivalence", margin=margin).outcome for margin in (2.0, 3.0)]
    assert outcomes == [Outcome.INCONCLUSIVE, Outcome.EQUIVALENT]
    got = decide_scores(FAIRSEQ, HF, claim="equivalence", margin=3.0, require_exact=True)
    assert (got.outcome, got.basis) == (Outcome.EQUIVALENT, Basis.NEAR_NORMAL)


@pytest.mark.parametrize(("claim", "margin"), [("superiority", None), ("superiority", 3.0), ("equivalence", 3.0)])
@pytest.mark.parametrize("swap", [False, True])
def test_two_seeds_in_one_arm_decide_nothing(claim: Any, margin: float | None, swap: bool) -> None:
    ten = [0.792, 0.801, 0.797, 0.808, 0.803, 0.795, 0.799, 0.806, 0.800, 0.804]
    arms = ([0.808, 0.8085], ten)
    got = decide_scores(*(arms[::-1] if swap else arms), claim=claim, margin=margin)
    assert got.outcome is Outcome.UNATTAINABLE
    assert got.interval is not None
    assert got.needed is not None
    assert (got.needed.seeds_per_arm, got.needed.approximate) == (3, False)


def test_a_study_may_require_the_exact_test() -> None:
    got = decide_scores(PRETRAINED, RANDOM, require_exact=True)
    assert (got.outcome, got.basis) == (Outcome.UNATTAINABLE, None)
    assert got.needed is not None
    assert got.needed.seeds_per_arm == 4
    # Its floor is within reach here, but it does not confirm what the interval finds.
    b = (0.85, 0.84, 0.855, 0.845)
    a = (0.97, 0.96, 0.975, 0.8499)
    loose, strict = (decide_scores(a, b, alpha=0.07, require_exact=required) for required in (False, True))
    assert loose.floor is not None
    assert loose.p is not None
    assert loose.p_exact is not None
    assert loose.floor < 0.07 < loose.p_exact
    assert strict.outcome is Outcome.INCONCLUSIVE
    assert strict.p_claim == max(loose.p, loose.p_exact)


def test_what_a_verdict_rests_on() -> None:
    clear = decide_scores(0.9 + SPREAD, 0.5 + SPREAD)
    assert (clear.outcome, clear.basis) == (Outcome.A_BETTER, Basis.EXACT)
    assert decide_scores(0.5 + SPREAD, 0.5 + SPREAD).basis is None
    y = pair(shift=1.5)
    fixed = decide_crossed(y[0, :1], y[1, :1], deterministic_a=True, deterministic_b=True)
    assert fixed.basis is Basis.EXAMPLES


def test_three_clear_seeds_on_many_examples() -> None:
    a, b = np.zeros((3, 400)), np.zeros((3, 400))
    a[:, :380], b[:, :376], b[:, 396:] = 1, 1, 1
    for s in range(3):
        a[s, s * 50], b[s, s * 37 + 5] = 0, 0
    got = decide_crossed(a, b, claim="equivalence", margin=0.05)
    assert got.outcome is Outcome.EQUIVALENT
    assert got.tost is not None
    assert got.tost.p == pytest.approx(2.1e-11, rel=0.05)


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
    assert decide_scores(RANDOM, PRETRAINED).claim_status is ClaimStatus.CONTRADICTED
    assert decide_scores(RANDOM[:2], PRETRAINED[:2]).claim_status is ClaimStatus.UNDECIDED


def test_the_floor_counts_the_family() -> None:
    a, b = 0.9 + SPREAD, 0.5 + SPREAD
    assert decide_scores(a, b, family_size=6, require_exact=True).basis is Basis.EXACT
    assert decide_scores(a, b, family_size=7).basis is Basis.NEAR_NORMAL
    got = decide_scores(a, b, family_size=7, require_exact=True)
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
    assert declared.outcome is Outcome.EQUIVALENT
    assert not any("secondary" in note for note in declared.notes)


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
    assert got.needed.seeds_per_arm is None or got.needed.seeds_per_arm > 5
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

    def power(k: int) -> float:
        df, error = 2 * k - 2, SPREAD.std(ddof=1) * np.sqrt(2 / k)
        missed = sum(stats.nct.cdf(stats.t.isf(0.05, df), df, (0.01 + gap) / error) for gap in (0.002, -0.002))
        return float(1.0 - missed)

    assert power(n) >= 0.8 > power(n - 1)


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
    assert (five.outcome, five.floor, five.p_exact) == (Outcome.A_BETTER, 2 / 32, 2 / 32)
    assert five.basis is Basis.NEAR_NORMAL
    strict = decide_crossed(y[0, :5], y[1, :1], deterministic_b=True, require_exact=True)
    assert strict.outcome is Outcome.UNATTAINABLE
    assert strict.needed is not None
    assert strict.needed.seeds_per_arm == 6
    assert decide_crossed(y[0, :2], y[1, :1], deterministic_b=True).outcome is Outcome.UNATTAINABLE
    assert five.collapse_bound == (pytest.approx(1 - 0.05**0.2), None)
    six = decide_crossed(y[1, :1], y[0, :6], deterministic_a=True)
    assert (six.outcome, six.floor) == (Outcome.B_BETTER, 2 / 64)
    scores = decide_scores([0.5], 0.9 + np.append(SPREAD, 0.005), deterministic_a=True)
    assert (scores.outcome, scores.floor, scores.p_exact) == (Outcome.B_BETTER, 2 / 64, 2 / 64)


def test_two_deterministic_arms_answer_for_examples() -> None:
    y = pair(shift=1.5)
    got = decide_crossed(y[0, :1], y[1, :1], deterministic_a=True, deterministic_b=True)
    assert (got.outcome, got.question) == (Outcome.A_BETTER, Question.EXAMPLES)
    assert (got.floor, got.p_exact, got.welch) == (None, None, None)


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


def test_the_error_and_its_parts_are_in_the_verdict() -> None:
    y = pair(shift=0.3)
    got, primary = decide_crossed(*y), crossed(*y)
    assert isinstance(primary, CrossedResult)
    assert (got.standard_error, got.df) == (primary.standard_error, primary.df)
    assert got.parts is not None
    assert got.parts.examples == primary.v2
    assert (got.parts.seeds_a, got.parts.residual_b) == (primary.arm_a.v1, primary.arm_b.v3)
    seeds = decide_scores(0.5 + SPREAD, 0.4 + SPREAD)
    assert seeds.parts is not None
    assert seeds.parts.seeds_a == pytest.approx(SPREAD.var(ddof=1) / 5)
    assert seeds.parts.examples is None


def test_the_test_of_equivalence_is_at_the_level_used() -> None:
    # t = .02 / .01 = 2 with 8 df, p .0403: below .05, above .01
    got = decide_scores(0.5 + SPREAD, 0.5 + SPREAD, claim="equivalence", margin=0.02, family_size=5)
    assert got.tost is not None
    assert (got.outcome, got.tost.equivalent, got.tost.alpha) == (Outcome.INCONCLUSIVE, False, 0.01)


def test_notes_of_a_family_stay_inside_its_alpha() -> None:
    # That the difference is real and within the margin are two finds: alone they keep alpha, beside others they do not.
    a, b = 0.53 + SPREAD / 10, 0.50 + SPREAD / 10
    assert any("smaller than the margin" in note for note in decide_scores(a, b, margin=0.1).notes)
    assert not any("smaller than the margin" in note for note in decide_scores(a, b, margin=0.1, family_size=2).notes)
