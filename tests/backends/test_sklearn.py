"""The sklearn backend by what it leaves."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from seedwise_contract import ExitCode, RunStatus
from seedwise_contract.conformance import breaches
from seedwise_contract.files import sha256_file
from tests.backends.variants import classes, numbers
from tests.backends.workplace import ROWS, Outcome, Workplace, call, sentences, write_rows

pytestmark = pytest.mark.minutes

PARAMETERS: dict[str, Any] = {"ngram_max": 2, "sublinear_tf": True, "min_df": 1, "c": 10.0, "max_iter": 1000}
BASE = {
    "backend": "sklearn",
    "initialisation": "none",
    "recipe": None,
    "selection": None,
    "method": {"name": "tfidf-logistic-regression", "parameters": PARAMETERS},
}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def ran(place: Workplace, python: str, name: str, changes: dict[str, Any], code: int = 0) -> Outcome:
    told = call(place.command(python, "seedwise_sklearn", "run", name, place.spec({**BASE, **changes})), "sklearn")
    assert told.returncode == code, told.stderr
    return Outcome(place.out(name))


def test_it_learns_and_no_seed_moves_it(place: Workplace, sklearn_python: str) -> None:
    one = ran(place, sklearn_python, "one", {})
    two = ran(place, sklearn_python, "two", {"seeds": {"seed": 5, "initialisation": 6, "order": 7, "dropout": 8}})
    result = one.result
    assert result.status is RunStatus.COMPLETED
    assert result.metrics["test"]["accuracy"] > 0.8
    for split in ("selection", "test"):
        predictions = one.predictions(split)
        assert [p.id for p in predictions] == [row["id"] for row in sentences(ROWS[split], list(ROWS).index(split))]
        assert sum(p.correct for p in predictions) / len(predictions) == result.metrics[split]["accuracy"]
        assert all(sum(map(math.exp, p.scores)) == pytest.approx(1) for p in predictions)
        file = f"predictions/{split}.jsonl"
        assert two.result.files[file] == result.files[file]
    terms = one.parameters["parameters"][0]["shape"][1]
    assert one.parameters["total"] == terms + 1


@pytest.mark.parametrize("count", [3, 77])
def test_more_than_two_classes(place: Workplace, sklearn_python: str, count: int) -> None:
    found = ran(place, sklearn_python, "classes", {**classes(place, count)})
    assert found.result.metrics["test"]["macro-f1"] == 1.0  # a word tells each class
    assert {len(prediction.scores) for prediction in found.predictions("test")} == {count}


RIDGE = {
    "name": "tfidf-ridge-regression",
    "parameters": {"ngram_max": 1, "sublinear_tf": True, "min_df": 1, "alpha": 0.1, "max_iter": 1000},
}


def test_labels_that_are_numbers(place: Workplace, sklearn_python: str) -> None:
    """The numbers are those of scikit-learn's own solver for the same penalty, and no other method takes such a task."""
    found = ran(place, sklearn_python, "numbers", {**numbers(place), "method": RIDGE})
    assert not breaches(found.folder, place.data)
    metrics = found.result.metrics["test"]
    assert metrics["spearman"] > 0.8
    assert metrics["mse"] < 0.2
    lines = [json.loads(line) for line in (found.folder / "predictions" / "test.jsonl").read_text().splitlines()]
    assert set(lines[0]) == {"id", "label", "value"}
    stiff = {**RIDGE, "parameters": {**RIDGE["parameters"], "alpha": 1e9}}
    flat = ran(place, sklearn_python, "flat", {**numbers(place), "method": stiff})
    assert flat.result.metrics["test"]["mse"] > 1.0
    for task, method in ((numbers(place), BASE["method"]), ({}, RIDGE)):
        spec = place.spec({**BASE, **task, "method": method})
        told = call(place.command(sklearn_python, "seedwise_sklearn", "check", "odd", spec), "sklearn")
        assert told.returncode == ExitCode.BAD_SPEC
        assert "method.name" in told.stderr


@pytest.mark.parametrize("label", ["nan", '"3"', "true", "null"])
def test_a_label_that_is_no_finite_number(place: Workplace, sklearn_python: str, label: str) -> None:
    task = numbers(place)["task"]
    path = place.data / task["splits"]["test"]["file"]
    first, *rest = path.read_text().splitlines()
    row = json.loads(first)
    broken = first.replace(f'"label": {row["label"]}', f'"label": {label.replace("nan", "NaN")}')
    path.write_text("\n".join([broken, *rest]) + "\n")
    task["splits"]["test"]["sha256"] = sha256_file(path)
    found = ran(place, sklearn_python, "bad", {"task": task, "method": RIDGE}, ExitCode.BAD_DATA)
    assert f"{path.name}:1" in found.result.message
    assert "finite number" in found.result.message


def test_parameters_are_honoured(place: Workplace, sklearn_python: str) -> None:
    def with_(**changes: Any) -> dict[str, Any]:
        return {"method": {"name": "tfidf-logistic-regression", "parameters": {**PARAMETERS, **changes}}}

    base = ran(place, sklearn_python, "base", {})
    single = ran(place, sklearn_python, "single", with_(ngram_max=1))
    frequent = ran(place, sklearn_python, "frequent", with_(min_df=3))
    stiff = ran(place, sklearn_python, "stiff", with_(c=0.01))
    short = ran(place, sklearn_python, "short", with_(max_iter=1))
    assert single.parameters["total"] < base.parameters["total"]
    assert frequent.parameters["total"] < base.parameters["total"]
    assert stiff.result.metrics["test"]["loss"] > base.result.metrics["test"]["loss"]
    assert "before it converged" in (short.folder / "events.jsonl").read_text()
    absent = ran(place, sklearn_python, "absent", with_(min_df=1000), ExitCode.BAD_DATA)
    assert "min_df" in absent.result.message


def test_the_texts_of_a_pair_both_count(place: Workplace, sklearn_python: str) -> None:
    """With the telling words moved to the second text, the first alone would be noise."""
    splits = {}
    for index, (name, count) in enumerate(ROWS.items()):
        rows = [{**row, "pair": row["text"], "text": "so"} for row in sentences(count, index)]
        splits[name] = write_rows(place.data / f"pairs-{name}.jsonl", rows)
    pairs = ran(place, sklearn_python, "pairs", {"task.splits": splits, "task.columns.text_pair": "pair"})
    assert pairs.result.metrics["test"]["accuracy"] > 0.8


def test_a_label_without_examples_is_a_fault_of_the_data(place: Workplace, sklearn_python: str) -> None:
    outcome = ran(place, sklearn_python, "third", {"task.labels": ["bad", "good", "so-so"]}, ExitCode.BAD_DATA)
    assert "so-so" in outcome.result.message


def test_check_lists_every_fault(place: Workplace, sklearn_python: str) -> None:
    wrong = {"ngram_max": 0, "sublinear_tf": "yes", "min_df": 1, "c": 1.0, "alpha": 2}
    spec = place.spec({**BASE, "method": {"name": "tfidf-logistic-regression", "parameters": wrong}})
    told = call(place.command(sklearn_python, "seedwise_sklearn", "check", "faulty", spec), "sklearn")
    assert told.returncode == ExitCode.BAD_SPEC
    for field in ("ngram_max: found 0", "sublinear_tf: found", "max_iter: found nothing", "alpha: found 2"):
        assert f"method.parameters.{field}" in told.stderr
    described = call([sklearn_python, "-m", "seedwise_sklearn", "describe"], "sklearn")
    assert json.loads(described.stdout)["deterministic_methods"] == [
        "tfidf-logistic-regression",
        "tfidf-ridge-regression",
    ]
