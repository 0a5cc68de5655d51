from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import Verdict, decide_crossed, decide_scores, format_p, resolve_family, sentence

from .simulate import FAIRSEQ, HF, PRETRAINED, RANDOM, logistic

SPREAD = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) / 100


def say(verdict: Verdict, scale: float = 100.0) -> str:
    return sentence(verdict, "lora", "bitfit", "accuracy", scale=scale)


@pytest.mark.parametrize(
    ("p", "printed"),
    [
        (0.1, ".100"),
        (2 / 70, ".0286"),
        (2 / 252, ".00794"),
        (0.0625, ".0625"),
        (0.2892, ".289"),
        (1.0, "1.000"),
        (9.475e-5, "< .0001"),
        (0.00016, ".000160"),
    ],
)
def test_p_values_are_never_printed_as_zero(p: float, printed: str) -> None:
    assert format_p(p) == printed


def test_three_seeds_say_on_what_the_verdict_rests() -> None:
    text = say(decide_scores(PRETRAINED, RANDOM), 1.0)
    assert text.startswith(
        "Over seeds, on this test file only (3 seeds an arm), with this training set, lora scores higher than bitfit: "
        "accuracy of lora minus bitfit is +12.87 points (95 % interval 10.75 to 14.99; p < .0001; standard error 0.75, 3.8 df). "
        "It rests on seeds that scatter near normally; no exact test over so few seeds could confirm it (floor .100). "
        "None of 3 seeds an arm lies far behind the others, which leaves a rate of collapse of up to 63 % (one-sided 95 %)."
    )


@pytest.mark.parametrize(("seeds", "percent"), [(3, 63), (5, 45), (10, 26)])
def test_what_clean_seeds_do_not_exclude(seeds: int, percent: int) -> None:
    spread = np.linspace(-0.02, 0.02, seeds)
    assert (
        f"None of {seeds} seeds an arm lies far behind the others, which leaves a rate of collapse of up to {percent} %"
        in say(decide_scores(0.9 + spread, 0.5 + spread, rng=np.random.default_rng(1)))
    )
    text = say(decide_scores(0.9 + spread, 0.5 + SPREAD))
    if seeds != 5:
        assert f"None of {seeds} seeds of lora and of 5 seeds of bitfit" in text
        assert f"up to {percent} % and 45 %" in text


def test_too_few_seeds_name_the_remedy() -> None:
    text = say(decide_scores([0.808, 0.8085], 0.8 + SPREAD))
    assert text.startswith(
        "With 2 seeds of lora and 5 of bitfit nothing is decided, here which of lora and bitfit is better"
    )
    assert "3 seeds an arm would do" in text


def test_unattainable_by_a_rule_of_the_study() -> None:
    text = say(decide_scores(PRETRAINED, RANDOM, require_exact=True), 1.0)
    assert text.startswith(
        "By a rule of this study (exact: required), not of nature, 3 seeds an arm cannot decide which of lora and bitfit is "
        "better on accuracy at alpha = .05: the smallest p an exact test over them can return is .100; 4 seeds an arm would do."
    )
    assert "Described only, not decided: accuracy of lora minus bitfit is +12.87 points" in text
    assert "95 % interval 10.75 to 14.99" in text
    assert "Companions: test over seeds p = .100, floor .100" in text
    for overstatement in ("significant", "higher than", "are equivalent"):
        assert overstatement not in text


def test_equivalence_alone_and_in_a_family() -> None:
    text = say(decide_scores(FAIRSEQ, HF, claim="equivalence", margin=2.0), 1.0)
    assert "do not decide whether lora and bitfit are equivalent within ±2 points" in text
    assert "90 % interval -2.15 to 0.72; equivalence within ±2 points p = .0609" in text
    text = say(decide_scores(FAIRSEQ, HF, claim="equivalence", margin=2.0, family_size=2), 1.0)
    assert "95 % interval -2.81 to 1.37; equivalence within ±2 points p = .0609" in text
    text = say(decide_scores(PRETRAINED, RANDOM, family_size=2, require_exact=True), 1.0)
    assert "alpha = .025 (family of 2, Holm's first step)" in text
    assert "5 seeds an arm would do" in text
    text = say(decide_scores(FAIRSEQ, HF, claim="equivalence", margin=3.0), 1.0)
    assert "It rests on seeds that scatter near normally; of equivalence there is no exact test." in text


def test_better_names_the_question_and_both_tests() -> None:
    y = logistic(np.random.default_rng(3), 1, 5, shift=0.8)[0]
    text, swapped = say(decide_crossed(*y)), say(decide_crossed(*y[::-1]))
    assert text.startswith(
        "Over seeds and examples (5 seeds an arm, 277 examples), with this training set, lora scores higher than bitfit: "
    )
    assert swapped.startswith(
        "Over seeds and examples (5 seeds an arm, 277 examples), with this training set, bitfit scores higher than lora: "
    )
    assert "accuracy of lora minus bitfit is +" in text
    assert "accuracy of lora minus bitfit is -" in swapped
    assert "test over seeds p = .00794, floor .00794" in text
    assert "The exact test over seeds confirms it." in text
    assert "P(lora > bitfit) over the seeds at hand 1.00 (95 % interval " in text


def test_per_seed_scores_answer_for_this_test_file_only() -> None:
    text = say(decide_scores(0.9 + SPREAD, 0.5 + SPREAD))
    assert text.startswith(
        "Over seeds, on this test file only (5 seeds an arm), with this training set, lora scores higher than bitfit: "
    )
    assert "+40.00 points" in text


def test_equivalence_names_its_margin() -> None:
    text = say(decide_scores(0.5 + SPREAD, 0.5 + SPREAD, claim="equivalence", margin=0.1))
    assert "lora and bitfit are equivalent within ±10 points" in text


def test_inconclusive_is_no_evidence_either_way() -> None:
    y = logistic(np.random.default_rng(3), 1, 5, shift=0.25)[0]
    verdict = decide_crossed(*y)
    text = say(verdict)
    assert "these data do not decide which of lora and bitfit is better" in text
    assert "This is not evidence that they are equal." in text
    assert verdict.needed is not None
    assert f"about {verdict.needed.examples} examples would decide it with 80 % power" in text
    text = say(decide_crossed(*y, claim="equivalence", margin=0.05))
    assert "This is not evidence that they differ." in text


def test_inconclusive_says_when_no_number_of_seeds_helps() -> None:
    rng = np.random.default_rng(1)
    verdict = decide_crossed(rng.normal(0.05, 1, 100) + rng.normal(0, 0.01, (5, 1)), rng.normal(0, 0.01, (5, 100)))
    assert "no number of seeds up to 1000 would on these examples" in say(verdict)
    verdict = decide_scores(0.5 + SPREAD, 0.5 + SPREAD)
    assert "no number of seeds up to 1000 an arm would decide it" in say(verdict)


def test_deterministic_arms_are_named() -> None:
    y = logistic(np.random.default_rng(3), 1, 8, shift=1.0)[0]
    text = say(decide_crossed(y[0, :5], y[1, :1], deterministic_b=True, require_exact=True))
    assert "5 seeds of lora against the deterministic bitfit cannot decide" in text
    assert "6 seeds of lora would do" in text
    text = say(decide_crossed(y[0, :5], y[1, :1], deterministic_b=True))
    assert "None of 5 seeds of lora lies far behind the others" in text
    text = say(decide_crossed(y[0, :1], y[1, :1], deterministic_a=True, deterministic_b=True))
    assert text.startswith("Over examples, both being deterministic (277 examples), ")
    assert "over the seeds" not in text


def test_unequal_arms_are_counted_apart() -> None:
    assert "(5 seeds of lora and 4 of bitfit)" in say(decide_scores(0.9 + SPREAD, (0.5 + SPREAD)[:4]))


def test_degenerate_gives_the_reason_and_no_number() -> None:
    text = say(decide_scores([0.8] * 5, [0.7] * 5))
    assert text.startswith("No verdict on lora against bitfit on accuracy (zero variance): ")
    assert "p =" not in text
    assert "interval" not in text
    alone = say(decide_scores([0.8], [0.7, 0.6]))
    assert "lora has one seed" in alone
    assert "3 seeds an arm would make the claim decidable" in alone


def test_a_resolved_family_prints_the_adjusted_p() -> None:
    pair = (0.9 + SPREAD, 0.5 + SPREAD)
    verdict = decide_scores(*pair, family_size=2)
    assert "decided at .025 (family of 2, Holm's first step)" in say(verdict)
    text = say(resolve_family([verdict, verdict])[0])
    assert "adjusted p of the claim" in text
    assert "first step" not in text


def test_notes_name_the_arms() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, (5, 60)).astype(float)
    text = sentence(decide_crossed(a, np.zeros((5, 60))), "tuned", "stuck", "accuracy")
    assert "every seed of stuck gave the same scores" in text
