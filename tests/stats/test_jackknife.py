"""Metrics that are no mean over examples: values against their definitions, and size and coverage of the route."""

from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import (
    CrossedResult,
    confusion_scores,
    crossed,
    f1,
    macro_f1,
    matthews,
    perplexity_scores,
    ratio_scores,
)
from seedwise.stats.numeric import FloatArray


def test_f1_and_matthews_of_a_small_table() -> None:
    # gold 1: 6 right, 2 wrong; gold 0: 3 right, 1 wrong (the example of Wikipedia's page on Matthews' coefficient)
    table = np.array([[3.0, 1.0], [2.0, 6.0]])
    assert float(matthews(table)) == pytest.approx(0.478, abs=5e-4)
    assert float(f1(table, 1)) == pytest.approx(12 / 15)
    assert float(macro_f1(table)) == pytest.approx((12 / 15 + 6 / 9) / 2)


def test_undefined_tables_give_nought() -> None:
    assert float(matthews(np.array([[4.0, 0.0], [2.0, 0.0]]))) == 0.0
    assert float(f1(np.array([[4.0, 0.0], [0.0, 0.0]]), 1)) == 0.0


def test_pseudovalues_average_to_the_metric_and_equal_the_scores_of_a_mean() -> None:
    rng = np.random.default_rng(1)
    gold, predicted = rng.integers(0, 3, 40), rng.integers(0, 3, (4, 40))

    def accuracy(counts: FloatArray) -> FloatArray:
        total = counts.sum(axis=(-2, -1))
        return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / np.maximum(total, 1.0))

    assert confusion_scores(gold, predicted, 3, accuracy) == pytest.approx((predicted == gold).astype(float))
    scores = confusion_scores(gold, predicted, 3, matthews)
    for row, answers in zip(scores, predicted, strict=True):
        counts = np.zeros((3, 3))
        np.add.at(counts, (gold, answers), 1.0)
        assert row.mean() == pytest.approx(float(matthews(counts)))


def test_leaving_out_by_hand() -> None:
    gold, said = np.array([0, 0, 1, 1, 1, 0]), np.array([[0, 1, 1, 1, 0, 0]])
    scores = confusion_scores(gold, said, 2, lambda counts: f1(counts, 1))

    def value(keep: list[int]) -> float:
        hits = sum(gold[i] == said[0, i] == 1 for i in keep)
        return 2 * hits / (sum(gold[i] == 1 for i in keep) + sum(said[0, i] == 1 for i in keep))

    whole = value(list(range(6)))
    raw = np.array([6 * whole - 5 * value([j for j in range(6) if j != i]) for i in range(6)])
    assert scores[0] == pytest.approx(raw - raw.mean() + whole)


def test_a_foreign_answer_is_merely_wrong() -> None:
    # Two labels, 40 examples: the answer '?' of one seed is no class to average over.
    gold = np.arange(40) % 2
    said = [
        np.array([[1 - g if (e + s) % k == 0 else g for e, g in enumerate(gold)] for s in range(4)]) for k in (13, 5)
    ]

    def metric(counts: FloatArray) -> FloatArray:
        return macro_f1(counts, labels=(0, 1))

    before = [confusion_scores(gold, answers, 2, macro_f1).mean() for answers in said]
    said[1][0, 0] = 2
    after = [confusion_scores(gold, answers, 3, metric) for answers in said]
    assert before[0] - before[1] == pytest.approx(0.1187, abs=5e-5)
    assert after[0].mean() - after[1].mean() == pytest.approx(0.1162, abs=5e-5)


def test_word_error_rate_is_of_the_corpus() -> None:
    words = np.array([1] * 60 + [2] * 20 + [40] * 20)
    errors = {
        name: [
            [int((i * 7 + s * 3) % 10 < few) if k < 40 else many + (i + s) % 2 for i, k in enumerate(words)]
            for s in range(4)
        ]
        for name, few, many in (("full", 4, 3), ("lora", 1, 5))
    }
    full, lora = (ratio_scores(errors[name], words) for name in ("full", "lora"))
    assert (full.mean(), lora.mean()) == (pytest.approx(0.1133, abs=5e-5), pytest.approx(0.1311, abs=5e-5))
    got = crossed(full, lora)
    assert isinstance(got, CrossedResult)
    assert got.estimate == pytest.approx(-0.0178, abs=5e-5)
    assert got.interval == pytest.approx((-0.0326, -0.0030), abs=5e-5)
    assert got.p == pytest.approx(0.019, abs=5e-4)
    with pytest.raises(ValueError, match="a ratio needs two examples"):
        ratio_scores(np.ones((2, 2)), [1.0, 0.0])


def test_perplexity_is_negated_and_weighs_by_tokens() -> None:
    losses, tokens = np.array([[10.0, 2.0, 6.0], [9.0, 2.0, 6.0]]), np.array([5, 2, 2])
    scores = perplexity_scores(losses, tokens)
    assert scores.mean(axis=1) == pytest.approx([-np.exp(18 / 9), -np.exp(17 / 9)])
    with pytest.raises(ValueError, match="at least one token"):
        perplexity_scores(losses, [1, 0, 1])


def test_the_route_keeps_size_and_covers() -> None:
    """Same arms: macro-F1 by pseudovalues is rejected no more often than its level; a planted effect is covered."""
    rng = np.random.default_rng(8)
    rejected, covered, repetitions = 0, 0, 500
    truth = _macro(_answers(rng, 400_000, 1, 0.35)) - _macro(_answers(rng, 400_000, 1, 0.0))
    for _ in range(repetitions):
        gold, easy = _gold(rng, 200)
        arms = [confusion_scores(gold, _draw(rng, gold, easy, 5, shift), 2, macro_f1) for shift in (0.0, 0.0, 0.35)]
        null, planted = crossed(arms[1], arms[0]), crossed(arms[2], arms[0])
        assert isinstance(null, CrossedResult)
        assert isinstance(planted, CrossedResult)
        rejected += null.p <= 0.05
        covered += planted.interval[0] <= truth <= planted.interval[1]
    assert 0.01 < rejected / repetitions < 0.075
    assert 0.92 < covered / repetitions < 0.985


def _gold(rng: np.random.Generator, examples: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    return (rng.random(examples) < 0.3).astype(np.intp), rng.normal(0.8, 1.2, examples)


def _draw(rng: np.random.Generator, gold: np.ndarray, easy: np.ndarray, seeds: int, shift: float) -> np.ndarray:  # type: ignore[type-arg]
    own = rng.normal(0.0, 0.8, gold.size)
    logit = easy + own + shift + rng.normal(0, 0.15, (seeds, 1)) + rng.normal(0, 0.3, (seeds, gold.size))
    right = rng.random(logit.shape) < 1 / (1 + np.exp(-logit))
    return np.where(right, gold, 1 - gold).astype(np.intp)


def _answers(rng: np.random.Generator, examples: int, seeds: int, shift: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    gold, easy = _gold(rng, examples)
    return gold, _draw(rng, gold, easy, seeds, shift)


def _macro(drawn: tuple[np.ndarray, np.ndarray]) -> float:  # type: ignore[type-arg]
    counts = np.zeros((2, 2))
    np.add.at(counts, (drawn[0], drawn[1][0]), 1.0)
    return float(macro_f1(counts))
