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
        ((0.9, 0.8, 0.8, 0.8), 0),  # one good seed is no collapse of three
        ((0.90, 0.86, 0.92, 0.88, 0.50), 1),
        ((0.90, 0.86, 0.92, 0.50), 1),
        ((0.90, 0.90, 0.90, 0.90, 0.50), 1),
        ((0.90, 0.86, 0.92, 0.88, 0.89, 0.50, 0.30), 2),  # two that fell to different depths
        ((0.90, 0.90, 0.90, 0.90, 0.89), 0),  # rounded scores
        ((13.75, 66.55, 68.05, 69.25, 69.35, 71.05, 71.35, 72.30, 72.85, 75.30), 1),
        ((73.75, 74.65, 74.90, 76.00, 76.35, 76.65, 76.65, 76.95, 78.00, 78.10), 0),
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
    for seeds, share in ((4, 0.025), (5, 0.008), (6, 0.008), (8, 0.008), (12, 0.008)):
        assert np.mean([seeds_apart(rng.normal(0, 1, seeds)) > 0 for _ in range(5_000)]) < share


def test_more_seeds_tell_a_collapse_no_worse() -> None:
    rng = np.random.default_rng(2)
    for seeds in (5, 8, 12, 20, 40):
        found = [seeds_apart(np.append(rng.normal(0.88, 0.02, seeds - 1), 0.52)) for _ in range(300)]
        assert np.mean([count == 1 for count in found]) > (0.8 if seeds == 5 else 0.97)


def test_what_holds_without_the_seed_that_collapsed() -> None:
    # Few-shot emotion, 64 examples a class, ten splits: RoBERTa-large against SetFit.
    large = [13.75, 66.55, 68.05, 69.25, 69.35, 71.05, 71.35, 72.30, 72.85, 75.30]
    setfit = [73.75, 74.65, 74.90, 76.00, 76.35, 76.65, 76.65, 76.95, 78.00, 78.10]
    got, without = decide_scores(large, setfit), decide_scores(large[1:], setfit)
    assert got.collapsed == (1, 0)
    assert got.estimate == pytest.approx(-11.22)
    assert got.p == pytest.approx(0.0831, abs=1e-4)
    assert without.estimate == pytest.approx(-5.53, abs=0.005)
    assert without.p == pytest.approx(1.3e-4, rel=0.05)
    assert any("1 of 10 seeds of A lies far behind" in note for note in got.notes)


def test_the_verdict_says_so() -> None:
    verdict = decide_scores([0.88, 0.87, 0.881, 0.5, 0.879], [0.87, 0.86, 0.88, 0.85, 0.865])
    assert "1 of 5 seeds of lora lies far behind the others" in sentence(verdict, "lora", "full", "accuracy")
    rng = np.random.default_rng(2)
    a, b = (rng.random((6, 300)) < 0.9).astype(float), (rng.random((6, 300)) < 0.9).astype(float)
    assert not any("far behind" in note for note in decide_crossed(a, b, rng=rng).notes)
    b[0] = rng.random(300) < 0.5
    assert any("1 of 6 seeds of B lies far behind" in note for note in decide_crossed(a, b, rng=rng).notes)
