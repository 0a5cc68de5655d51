"""Files as people bring them, by their metric: which way is better, what scores are made of; answers are those of independent code."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.scores.field import (
    F1,
    holds,
    labelled,
    put,
    refused,
    run,
    seeds,
    verdict,
    words,
)


def test_f1_a_lower_perplexity_is_better(tmp_path: Path) -> None:
    path = put(tmp_path, F1)
    item = verdict(path, "--metric", "perplexity")
    holds(item, "B better", 0.90, 0.68, 1.12, 6.28e-5)
    assert item["p_exact"] == pytest.approx(0.0286, abs=1e-4)
    assert (item["unit"], item["direction"]) == ("own", "lower")
    text = run(path, "--metric", "perplexity").stdout
    assert "base against lora: lora better" in text
    assert "points" not in text
    assert "lora has a lower perplexity than base" in text


@pytest.mark.parametrize(
    "name",
    [
        "loss",
        "eval/loss",
        "val_nll",
        "test.error_rate",
        "train_runtime",
        "eval/CrossEntropyLoss",
        "WER",
        "dev mse",
        "RMSE",
    ],
)
def test_f1_names_of_losses_errors_and_times_in_any_dress(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, F1.replace("perplexity", name))
    item = verdict(path, "--metric", name)
    assert (item["verdict"], item["direction"]) == ("B better", "lower")
    assert verdict(path, "--metric", name, "--direction", "higher")["verdict"] == "A better"


@pytest.mark.parametrize(
    "name",
    [
        "eval/accuracy",
        "F1 (%)",
        "neg_mean_squared_error",
        "tokens_per_second",
        "loglikelihood",
        "exact_match,strict-match",
    ],
)
def test_f1_names_of_gains(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, F1.replace("perplexity", f'"{name}"'))
    assert verdict(path, "--metric", name)["direction"] == "higher"


def test_f1_an_unknown_name_is_said_to_be_taken_as_higher(tmp_path: Path) -> None:
    path = put(tmp_path, F1.replace("perplexity", "zorp"))
    assert "zorp: taken as higher is better" in run(path).stdout
    assert verdict(path, "--direction", "lower")["verdict"] == "B better"


@pytest.mark.parametrize("options", [["--metric", "accuracy"], []])
def test_f3_accuracy_is_made_of_labels_whatever_is_called_score(tmp_path: Path, options: list[str]) -> None:
    path = put(tmp_path, labelled())
    item = verdict(path, *options)
    holds(item, "A better", 20.00, 3.57, 36.43, 0.0224)
    assert "the column score was left aside" in run(path, *options).stdout


@pytest.mark.parametrize("metric", ["f1", "matthews", "macro-f1"])
def test_f3_other_label_metrics(tmp_path: Path, metric: str) -> None:
    assert verdict(put(tmp_path, labelled()), "--metric", metric)["estimate"] > 0.1


def matthews_logs(folder: Path) -> list[str]:
    sources = []
    for a, bad in (("a", 8), ("b", 3)):
        for s in range(4):
            lines = []
            for i in range(40):
                g = int(i % 10 < 7)
                p = 1 - g if (i * 3 + s) % 40 < bad else g
                lines.append(
                    json.dumps({"doc_id": i, "target": str(g), "filter": "none", "metrics": ["mcc"], "mcc": [g, p]})
                )
            sources.append(f"{a}={put(folder, chr(10).join(lines), f'm14_{a}{s}.jsonl')}")
    return sources


@pytest.mark.parametrize("options", [[], ["--metric", "mcc"], ["--metric", "matthews"]])
def test_f18_pairs_of_gold_and_prediction(tmp_path: Path, options: list[str]) -> None:
    item = verdict(*matthews_logs(tmp_path), *options)
    holds(item, "B better", -26.75, -47.01, -6.48, 0.0110)
    assert item["metric"] == "Matthews correlation"


@pytest.mark.parametrize("options", [[], ["--metric", "wer"], ["--metric", "errors/words"]])
def test_f27_a_ratio_of_sums(tmp_path: Path, options: list[str]) -> None:
    item = verdict(put(tmp_path, words()), *options)
    holds(item, "A better", -1.78, -3.26, -0.30, 0.0190)
    assert item["direction"] == "lower"


def test_f30_a_loss_is_in_its_own_unit(tmp_path: Path) -> None:
    item = run(put(tmp_path, seeds("val/loss", a=[0.40, 0.41, 0.39, 0.40], b=[0.365, 0.36, 0.37, 0.366]))).stdout
    assert "points" not in item
    assert "b better" in item


def test_numeric_labels_with_fractions_are_no_classes(tmp_path: Path) -> None:
    lines = ["arm,seed,example,label,prediction"]
    for arm, noise in (("a", 0.2), ("b", 1.4)):
        for seed in range(4):
            lines += [
                f"{arm},{seed},{i},{i % 11 / 2 + 0.3:.1f},{i % 11 / 2 + noise * math.sin(i * 7 + seed):.3f}"
                for i in range(60)
            ]
    path = put(tmp_path, "\n".join(lines))
    assert "--metric pearson, spearman or mse" in refused(path)
    for metric in ("pearson", "spearman"):
        assert verdict(path, "--metric", metric)["verdict"] == "A better"
    item = verdict(path, "--metric", "mse")
    assert (item["verdict"], item["direction"], item["unit"]) == ("A better", "lower", "own")
