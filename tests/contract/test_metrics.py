"""Metrics of classification in plain Python, against scikit-learn's figures and against those of the statistics."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seedwise.stats import (
    Clusters,
    auroc_scores,
    average_precision_scores,
    balanced_accuracy,
    confusion_scores,
    f1,
    macro_f1,
    matthews,
)
from seedwise_contract.metrics import (
    classification_metrics,
    log_odds,
    metric_of,
    of_numbers,
    ranks,
    regression_metrics,
)
from seedwise_contract.predictions import predicted
from seedwise_contract.spec import RunSpec, Selection, Task
from tests.contract.specs import SPEC, spec_with

NAMES = ("accuracy", "balanced-accuracy", "f1", "macro-f1", "matthews", "auroc", "average-precision")
# Of y = [0, 0, 1, 1], scores [.1, .4, .35, .8]: the example of scikit-learn's documentation.
ODDS, GOLD = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]


def rows_of(classes: int, examples: int, seed: int = 0) -> tuple[list[list[float]], list[int]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, examples)
    scores = rng.normal(size=(examples, classes)).round(1)
    scores[np.arange(examples), labels] += 1.0
    return scores.tolist(), labels.tolist()


def test_the_areas_are_those_of_scikit_learns_documentation() -> None:
    rows = [[0.0, odds] for odds in ODDS]
    assert metric_of("auroc", rows, GOLD, 1) == pytest.approx(0.75)
    assert metric_of("average-precision", rows, GOLD, 1) == pytest.approx(0.8333333)


def test_figures_of_a_small_table() -> None:
    # 3 of 4 positives found, 1 of 6 negatives taken for one.
    gold = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    said = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0]
    rows = [[0.0, 1.0] if one else [1.0, 0.0] for one in said]
    assert metric_of("f1", rows, gold, 1) == pytest.approx(0.75)
    assert metric_of("balanced-accuracy", rows, gold, 1) == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert metric_of("macro-f1", rows, gold, 1) == pytest.approx((0.75 + 10 / 12) / 2)
    assert metric_of("matthews", rows, gold, 1) == pytest.approx((3 * 5 - 1 * 1) / (4 * 4 * 6 * 6) ** 0.5)


@pytest.mark.parametrize("classes", [2, 3, 77])
def test_the_mean_of_the_pseudovalues_is_what_backends_report(classes: int) -> None:
    rows, labels = rows_of(classes, 160)
    gold, said = np.array(labels), np.array([[predicted(row) for row in rows]])
    odds = [[log_odds(row, 1) for row in rows]]
    occur = tuple(sorted(set(labels)))
    of = Clusters.by_label(i // 3 for i in range(160))
    for clusters in (None, of):
        found = {
            "balanced-accuracy": confusion_scores(gold, said, classes, lambda c: balanced_accuracy(c, occur), clusters),
            "f1": confusion_scores(gold, said, classes, lambda c: f1(c, 1), clusters),
            "macro-f1": confusion_scores(gold, said, classes, lambda c: macro_f1(c, occur), clusters),
            "matthews": confusion_scores(gold, said, classes, matthews, clusters),
            "auroc": auroc_scores(gold == 1, odds, clusters),
            "average-precision": average_precision_scores(gold == 1, odds, clusters),
        }
        for name, scores in found.items():
            assert scores.shape == (1, 160 if clusters is None else 54)
            assert scores.mean() == pytest.approx(metric_of(name, rows, labels, 1)), name


@pytest.mark.parametrize("name", ["auroc", "average-precision"])
@pytest.mark.parametrize("size", [1, 4])
def test_leaving_out_is_what_is_computed_without(name: str, size: int) -> None:
    rows, labels = rows_of(2, 24, seed=3)
    clusters = Clusters.by_label(i // size for i in range(24))
    procedure = auroc_scores if name == "auroc" else average_precision_scores
    scores = procedure(np.array(labels) == 1, [[log_odds(row, 1) for row in rows]], clusters)[0]
    whole, n = metric_of(name, rows, labels, 1), clusters.n_clusters
    raw = []
    for case in range(n):
        kept = [i for i in range(24) if clusters.of[i] != case]
        left = metric_of(name, [rows[i] for i in kept], [labels[i] for i in kept], 1)
        raw.append(n * whole - (n - 1) * left)
    assert scores == pytest.approx(np.array(raw) + whole - np.mean(raw))


@pytest.mark.parametrize(
    ("name", "value"), [("matthews", 0.0), ("auroc", 0.5), ("f1", 0.0), ("balanced-accuracy", 0.5)]
)
def test_one_answer_to_everything(name: str, value: float) -> None:
    assert metric_of(name, [[1.0, 0.0]] * 10, [0, 1] * 5, 1) == value


def test_without_any_positive_example_nothing_is_divided_by_nothing() -> None:
    for name in NAMES:
        assert np.isfinite(metric_of(name, [[1.0, 0.0], [0.0, 1.0]], [0, 0], 1))
    assert np.isfinite(average_precision_scores([True, False], [[0.3, 0.1]])).all()
    assert np.isfinite(auroc_scores([True, False], [[0.3, 0.1]])).all()


def test_backends_report_the_tasks_metric_and_what_selects() -> None:
    made = RunSpec.model_validate_json(json.dumps(spec_with()))
    assert isinstance(made.task, Task)
    task = made.task.model_copy(update={"metric": "matthews"})
    chosen = made.model_copy(
        update={"task": task, "selection": Selection(rule="best", split="selection", metric="auroc")}
    )
    assert set(classification_metrics(chosen, *rows_of(2, 20))) == {"accuracy", "auroc", "matthews"}


def test_a_metric_of_one_class_needs_to_know_which() -> None:
    made = RunSpec.model_validate_json(json.dumps(spec_with()))
    assert isinstance(made.task, Task)
    value = made.task.model_dump() | {"labels": ["a", "b", "c"], "metric": "f1"}
    with pytest.raises(ValueError, match="name it as positive"):
        Task.model_validate(value)
    with pytest.raises(ValueError, match="positive must be one of the labels"):
        Task.model_validate(value | {"positive": "d"})
    assert Task.model_validate(value | {"positive": "c"}).positive == "c"
    assert "positive" not in Task.model_validate(value | {"metric": "matthews"}).model_dump()


def test_metrics_of_numbers() -> None:
    gold = [1.0, 2.0, 2.0, 4.0, 3.0]
    said = [0.9, 2.5, 1.5, 3.0, 3.0]
    assert ranks(gold) == [1.0, 2.5, 2.5, 5.0, 4.0]
    assert of_numbers("pearson", said, gold) == pytest.approx(np.corrcoef(said, gold)[0, 1])
    assert of_numbers("spearman", said, gold) == pytest.approx(np.corrcoef(ranks(said), ranks(gold))[0, 1])
    assert of_numbers("mse", said, gold) == pytest.approx(np.mean((np.array(said) - gold) ** 2))
    assert of_numbers("pearson", [0.1] * 5, gold) == of_numbers("spearman", said, [2.0] * 5) == 0.0
    broken = [*said[:4], float("nan")]
    assert of_numbers("pearson", broken, gold) == of_numbers("spearman", broken, gold) == 0.0
    assert of_numbers("mse", broken, gold) == float("inf")
    task = {**SPEC["task"], "kind": "regression", "metric": "pearson"}
    del task["labels"]
    spec = RunSpec.model_validate_json(json.dumps(spec_with(**{"task": task, "selection.metric": "spearman"})))
    found = regression_metrics(spec, said, gold)
    assert set(found) == {"pearson", "spearman", "mse", "loss"}
    assert found["loss"] == found["mse"]
    assert Selection(rule="best", split="selection", metric="mse").improves(0.1, 0.2)
    assert not Selection(rule="best", split="selection", metric="pearson").improves(0.1, 0.2)
    for changes in ({"task": task, "selection.metric": "accuracy"}, {"selection.metric": "mse"}):
        with pytest.raises(ValueError, match=r"selection\.metric \w+ is of (classes|numbers)"):
            RunSpec.model_validate_json(json.dumps(spec_with(**changes)))
