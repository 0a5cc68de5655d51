"""Which way is better, and how numbers are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from seedwise.stats import decide_crossed, sentence
from seedwise.store.example_scores import read_measured
from seedwise.study.metric import METRICS, MINUS
from seedwise_contract import Estimate, TokenLoss
from seedwise_contract.files import write_lines
from seedwise_contract.metrics import of_numbers

ACCURACY, PERPLEXITY = METRICS["accuracy"], METRICS["perplexity"]


def test_a_perplexity_is_negated_for_verdicts_and_shown_as_it_is() -> None:
    assert (PERPLEXITY.own(-41.5), ACCURACY.own(0.79)) == (41.5, 0.79)
    assert PERPLEXITY.own_interval((-3.0, 1.0)) == (-1.0, 3.0)
    assert ACCURACY.own_interval((-3.0, 1.0)) == (-3.0, 1.0)
    assert PERPLEXITY.own_interval(None) is None
    assert PERPLEXITY.better(40.0, 41.0)
    assert not PERPLEXITY.better(42.0, 41.0)
    assert ACCURACY.better(0.8, 0.79)


def test_numbers_are_in_the_metrics_own_unit() -> None:
    assert (ACCURACY.shown(0.79364), PERPLEXITY.shown(41.523, 1)) == ("79.36", "41.5")
    assert (ACCURACY.difference(-0.0123), PERPLEXITY.difference(1.5)) == (f"{MINUS}1.23", "+1.50")
    assert (ACCURACY.amount(0.02), ACCURACY.amount(0.123)) == ("2 points", "12.3 points")
    assert PERPLEXITY.amount(0.5) == "0.5 of perplexity"
    assert (ACCURACY.axis, PERPLEXITY.axis) == (", %", "")


def test_scores_of_examples_have_the_perplexity_as_their_mean(tmp_path: Path) -> None:
    losses = [(12.0, 5), (3.0, 2), (40.0, 9)]
    path = tmp_path / "test.jsonl"
    write_lines(path, [TokenLoss(id=f"e{n}", loss=loss, tokens=count) for n, (loss, count) in enumerate(losses)])
    alone = read_measured(PERPLEXITY, path)
    assert (alone.ids, alone.clusters, alone.scores.size) == (("e0", "e1", "e2"), None, 3)
    assert PERPLEXITY.own(float(alone.scores.mean())) == pytest.approx(np.exp(55.0 / 16))
    together = read_measured(PERPLEXITY, path, {"e0": "a", "e2": "a"})
    assert together.clusters is not None
    assert (together.clusters.n_clusters, together.scores.size) == (2, 2)
    assert PERPLEXITY.own(float(together.scores.mean())) == pytest.approx(np.exp(55.0 / 16))


@pytest.mark.parametrize("name", ["pearson", "spearman", "mse"])
def test_scores_of_numbers_have_the_metric_as_their_mean(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    gold = np.round(rng.normal(2.0, 1.0, 30), 1)
    said = gold + rng.normal(0.0, 0.7, 30)
    path = tmp_path / "test.jsonl"
    write_lines(
        path, [Estimate(id=f"e{n:02}", label=a, value=b) for n, (a, b) in enumerate(zip(gold, said, strict=True))]
    )
    wanted = {
        "pearson": pearsonr(gold, said)[0],
        "spearman": spearmanr(gold, said)[0],
        "mse": np.mean((gold - said) ** 2),
    }
    metric = METRICS[name]  # type: ignore[index]
    for groups in ({}, {f"e{n:02}": f"g{n % 7}" for n in range(30)}):
        found = read_measured(metric, path, groups)
        assert not found.constant
        assert (found.clusters is None) == (not groups)
        assert metric.own(float(found.scores.mean())) == pytest.approx(wanted[name])
        assert of_numbers(name, said.tolist(), gold.tolist()) == pytest.approx(wanted[name])
    write_lines(path, [Estimate(id=f"e{n}", label=float(a), value=0.1) for n, a in enumerate(gold)])
    flat = read_measured(metric, path)
    assert flat.constant
    assert name == "mse" or not flat.scores.any()


def test_sentences_of_a_metric_of_which_less_is_better() -> None:
    generator = np.random.default_rng(0)
    easy, hard = (-(mean + generator.normal(0, 0.3, (5, 40))) for mean in (30.0, 33.0))
    verdict = decide_crossed(easy, hard, margin=1.0, claim="superiority")
    text = sentence(verdict, "full", "lora", "perplexity", "", -1.0)
    assert verdict.estimate is not None
    assert verdict.interval is not None
    low, high = -verdict.interval[1], -verdict.interval[0]
    assert f"full has a lower perplexity than lora: perplexity of full minus lora is {-verdict.estimate:+.2f} (" in text
    assert f"interval {low:.2f} to {high:.2f}" in text
    assert "equivalence within ±1 p = " in text
    assert "P(full < lora)" in text
