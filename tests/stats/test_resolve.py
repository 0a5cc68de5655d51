from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import Basis, Outcome, Verdict, decide_crossed, decide_scores, resolve_family

from .simulate import logistic

SPREAD = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) / 100


def superior(gap: float, family: int = 2, seeds: int = 5) -> Verdict:
    return decide_scores((0.5 + gap + SPREAD)[:seeds], (0.5 + SPREAD)[:seeds], family_size=family)


def test_a_later_step_decides_what_the_first_left_open() -> None:
    clear, close = superior(0.4), superior(0.024)
    assert close.p is not None
    assert 0.025 < close.p < 0.05
    assert (clear.outcome, close.outcome) == (Outcome.A_BETTER, Outcome.INCONCLUSIVE)
    first, second = resolve_family([clear, close])
    assert (first.outcome, second.outcome) == (Outcome.A_BETTER, Outcome.A_BETTER)
    assert second.p_adjusted == pytest.approx(close.p)
    assert second.needed is None
    assert "later step" in second.notes[0]


def test_without_a_first_rejection_nothing_follows() -> None:
    one, two = resolve_family([superior(0.024), superior(-0.024)])
    assert (one.outcome, two.outcome) == (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE)
    assert one.p is not None
    assert one.p_adjusted == pytest.approx(2 * one.p)


def test_the_sign_of_the_estimate_names_the_arm() -> None:
    assert resolve_family([superior(0.4), superior(-0.024)])[1].outcome is Outcome.B_BETTER


def test_an_unattainable_or_degenerate_claim_stays_and_counts() -> None:
    blocked, empty = superior(0.4, 3, seeds=2), decide_scores([0.8] * 5, [0.7] * 5, family_size=3)
    clear = superior(0.4, 3)
    got = resolve_family([blocked, empty, clear])
    assert [verdict.outcome for verdict in got] == [
        Outcome.UNATTAINABLE,
        Outcome.DEGENERATE,
        Outcome.A_BETTER,
    ]
    assert clear.p is not None
    assert got[2].p_adjusted == pytest.approx(3 * clear.p)
    assert got[0].p_adjusted is None


def test_an_unattainable_claim_makes_no_room_for_others() -> None:
    blocked, close = superior(0.4, 2, seeds=2), superior(0.024)
    assert (blocked.outcome, close.outcome) == (Outcome.UNATTAINABLE, Outcome.INCONCLUSIVE)
    assert blocked.p is not None
    assert close.p is not None
    assert blocked.p < 0.005 < 0.025 < close.p < 0.05  # by its own p it would be first, and leave .05 to the other
    got = resolve_family([blocked, close])[1]
    assert (got.outcome, got.p_adjusted) == (Outcome.INCONCLUSIVE, pytest.approx(2 * close.p))


def test_equivalence_claims_enter_with_the_p_value_of_tost() -> None:
    # t = .02 / .01 = 2 with 8 df, TOST p = .0403: passes .05 at the last step, not .025 at the first.
    same = decide_scores(0.5 + SPREAD, 0.5 + SPREAD, claim="equivalence", margin=0.02, family_size=2)
    assert same.p_claim == pytest.approx(0.0403, abs=1e-4)
    assert same.outcome is Outcome.INCONCLUSIVE
    assert resolve_family([superior(0.4), same])[1].outcome is Outcome.EQUIVALENT


def test_the_family_must_be_whole() -> None:
    with pytest.raises(ValueError, match="family_size=1"):
        resolve_family([superior(0.4)])
    loose = decide_scores(0.9 + SPREAD, 0.5 + SPREAD, family_size=2, alpha=0.1)
    with pytest.raises(ValueError, match="share alpha"):
        resolve_family([superior(0.4), loose])


def test_false_claims_in_a_family_of_nulls_are_rare() -> None:
    scores = logistic(np.random.default_rng(21), 600, 5)
    verdicts = [decide_crossed(a, b, family_size=3) for a, b in scores]
    false = [
        any(v.outcome is not Outcome.INCONCLUSIVE for v in resolve_family(verdicts[i : i + 3]))
        for i in range(0, 600, 3)
    ]
    alone = np.mean([any(v.p is not None and v.p < 0.05 for v in verdicts[i : i + 3]) for i in range(0, 600, 3)])
    assert np.mean(false) < 0.09
    assert alone > 0.09


def test_a_later_step_keeps_every_other_note() -> None:
    verdicts = [
        decide_scores([0.90, 0.905, 0.91, 0.915, 0.92], [0.70, 0.705, 0.71, 0.715, 0.72], family_size=2),
        decide_scores([0.95, 0.951, 0.952, 0.953, 0.954], [0.940, 0.9401, 0.9402, 0.9403, 0.91], family_size=2),
    ]
    if (
        verdicts[1].p is None or not 0.025 < verdicts[1].p <= 0.05
    ):  # then the first step leaves it open and the second decides
        pytest.fail(f"the example has p {verdicts[1].p}")
    before, after = verdicts[1], resolve_family(verdicts)[1]
    assert before.outcome is Outcome.INCONCLUSIVE
    assert after.outcome is Outcome.A_BETTER
    assert any("far behind" in note for note in after.notes)
    assert any("later step of Holm" in note for note in after.notes)
    assert not any("a later step may decide" in note for note in after.notes)
    assert after.level == 0.05
    assert after.basis is Basis.EXACT


def test_a_later_step_is_told_at_its_own_level() -> None:
    same = decide_scores(0.5 + SPREAD, 0.5 + SPREAD, claim="equivalence", margin=0.02, family_size=2)
    assert same.tost is not None
    assert (same.tost.alpha, same.tost.equivalent) == (0.025, False)
    got = resolve_family([superior(0.4), same])[1]
    assert got.tost is not None
    assert (got.tost.alpha, got.tost.equivalent, got.level) == (0.05, True, 0.05)


def test_outcomes_and_notes_of_a_family_hold_with_its_alpha() -> None:
    """One true null and one difference exactly at the margin: any false statement, in outcome or note, at most .05."""
    rng, margin, wrong = np.random.default_rng(5), 1.5, 0
    for _ in range(1500):
        equal = decide_scores(rng.normal(0, 1, 8), rng.normal(0, 1, 8), margin=margin, family_size=2)
        edge = decide_scores(rng.normal(margin, 1, 8), rng.normal(0, 1, 8), margin=margin, family_size=2)
        found = resolve_family([equal, edge])
        false = found[0].outcome in (Outcome.A_BETTER, Outcome.B_BETTER) or found[1].outcome is Outcome.EQUIVALENT
        wrong += false or any("smaller than the margin" in note for note in found[1].notes)
    assert wrong / 1500 < 0.062
