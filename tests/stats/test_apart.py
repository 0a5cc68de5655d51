from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import decide_crossed, decide_scores, seeds_apart, sentence


@pytest.mark.parametrize(
    ("scores", "count"),
    [
        ((0.88, 0.87, 0.881, 0.5, 0.879), 1),
        ((0.88, 0.5, 0.881, 0.501), 2),
        ((0.88, 0.5, 0.5, 0.501), 3),
        ((0.88, 0.87, 0.5), 0),  # three seeds do not tell
        ((0.88, 0.86, 0.85, 0.82), 0),
        ((0.8, 0.8, 0.8, 0.8), 0),
        ((0.9, 0.8, 0.8, 0.8), 0),  # without any spread or noise there is no scale
        ((0.8, float("nan"), 0.8, 0.1), 0),
    ],
)
def test_seeds_that_lie_apart(scores: tuple[float, ...], count: int) -> None:
    assert seeds_apart(scores) == count


def test_noise_of_the_examples_is_no_collapse() -> None:
    assert seeds_apart([0.82, 0.8, 0.821, 0.82], noise=0.01) == 0
    assert seeds_apart([0.8, 0.5, 0.8, 0.8], noise=0.01) == 1


def test_normal_scores_rarely_look_so() -> None:
    rng = np.random.default_rng(1)
    assert np.mean([seeds_apart(rng.normal(0, 1, 5)) > 0 for _ in range(20_000)]) < 0.008
    assert np.mean([seeds_apart(rng.normal(0, 1, 4)) > 0 for _ in range(20_000)]) < 0.04


def test_the_verdict_says_so() -> None:
    verdict = decide_scores([0.88, 0.87, 0.881, 0.5, 0.879], [0.87, 0.86, 0.88, 0.85, 0.865])
    assert "1 of 5 seeds of lora lie far behind the others" in sentence(verdict, "lora", "full", "accuracy")
    rng = np.random.default_rng(2)
    a, b = (rng.random((6, 300)) < 0.9).astype(float), (rng.random((6, 300)) < 0.9).astype(float)
    assert not any("far behind" in note for note in decide_crossed(a, b, rng=rng).notes)
    b[0] = rng.random(300) < 0.5
    assert any("1 of 6 seeds of B lie far behind" in note for note in decide_crossed(a, b, rng=rng).notes)
