"""A study whose labels are numbers, from its file to its verdicts."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from scipy.stats import spearmanr

from seedwise.errors import AssetError, InputError
from seedwise.notify import Notify
from seedwise.planning.plan import make_plan
from seedwise.study.load import load_study
from tests.conftest import Small, toy_manifest

WORTH = {"fine": 3.0, "fair": 2.0, "dull": 1.0, "awful": 0.0}


def rated(count: int) -> list[dict[str, object]]:
    generator = random.Random(3)
    rows = []
    for number in range(count):
        word = generator.choice(list(WORTH))
        rows.append(
            {
                "text": f"w{generator.randrange(20)} {word} {number}",
                "label": round(WORTH[word] + generator.gauss(0, 0.3), 2),
            }
        )
    return rows


def with_numbers(
    small: Small, rows: list[dict[str, object]] | None = None, metric: str = "spearman", selection: str = "mse"
) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows or rated(240))
    assert small.project.data_root is not None
    (small.project.data_root / "toy.jsonl").write_text(text)
    manifest = toy_manifest(text).replace("labels: {bad: bad, good: good}", "labels: null")
    (small.project.root / "benchmarks" / "assets" / "toy.yaml").write_text(manifest)
    small.edit("metric: accuracy\nseeds", f"metric: {metric}\nseeds")
    small.edit("metric: accuracy}\nevaluation", f"metric: {selection}}}\nevaluation")


def test_from_numbers_to_a_verdict(small: Small) -> None:
    with_numbers(small)
    small.edit(
        "claims:",
        "  still: {method: {name: perceptron, parameters: {rate: 0.0, spread: 0.0}}}\nclaims:\n"
        "  - {name: better-than-nothing, a: quick, b: still}",
    )
    ran = small.pytest(str(small.study), "--no-record", timeout=300)
    assert ran.returncode == 0, ran.stdout
    assert "claim[better-than-nothing] supported" in ran.stdout
    told = " ".join(ran.stdout.split())
    assert "spearman of quick minus still is" in told
    assert "4 of 4 runs of still give one answer to everything, which is a Spearman correlation of 0" in told
    assert "Spearman correlation is no mean over examples" in told
    assert small.here("report", str(small.study)).exit_code == 0
    (values,) = json.loads((small.project.reports / "small" / "report.json").read_text())["studies"]
    means = {arm["name"]: arm["mean"] for arm in values["arms"]}
    assert means["still"] == 0.0
    assert means["quick"] > 0.5
    found = []
    for folder in small.runs():
        lines = [json.loads(line) for line in (folder / "predictions" / "test.jsonl").read_text().splitlines()]
        said, gold = ([line[name] for line in lines] for name in ("value", "label"))
        if json.loads((folder / "spec.json").read_text())["method"]["parameters"]["rate"] == 1.0:
            found.append(spearmanr(said, gold).statistic)
    assert means["quick"] == pytest.approx(np.mean(found))
    assert "Classes:" not in (small.project.reports / "small" / "report.html").read_text()


def test_a_lower_error_is_better_and_has_its_own_unit(small: Small) -> None:
    with_numbers(small, metric="mse")
    ran = small.pytest(str(small.study), "--no-record", "--regression-gate", "2.5", timeout=300)
    assert ran.returncode == 0, ran.stdout
    told = " ".join(ran.stdout.split())
    assert "quick has a lower mse than frozen: mse of quick minus frozen is -" in told
    assert "points" not in told.partition("quick has a lower mse")[2].partition("Companions")[0]
    plan = small.here("plan", str(small.study))
    assert plan.exit_code == 0, plan.output
    assert "of mse" in plan.output


@pytest.mark.parametrize(
    ("metric", "selection", "said"),
    [
        ("f1", "accuracy", "has numbers ('table' in its manifest, with 'labels: null'), and metric f1 is of labels"),
        ("perplexity", "loss", "metric perplexity is of answers to prompts"),
        (
            "spearman",
            "f1",
            "selection.metric: found f1; one of a task with metric spearman: loss, pearson, spearman, mse",
        ),
        ("accuracy", "mse", "selection.metric: found mse; one of a task with metric accuracy: loss, accuracy"),
    ],
)
def test_a_metric_that_the_task_cannot_have(
    small: Small, no_say: Notify, metric: str, selection: str, said: str
) -> None:
    with_numbers(small, metric=metric, selection=selection)
    with pytest.raises(InputError) as error:
        make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
    assert said in str(error.value)


def test_classes_have_no_correlation(small: Small, no_say: Notify) -> None:
    small.edit("metric: accuracy\nseeds", "metric: pearson\nseeds")
    small.edit("metric: accuracy}\nevaluation", "metric: loss}\nevaluation")
    with pytest.raises(InputError, match=r"has labels .* and metric pearson is of numbers"):
        make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)


@pytest.mark.parametrize("label", ["nan", "inf", "1e999", "good", "1_000", "", "0x1", "1,5"])
def test_a_label_that_is_no_finite_number(small: Small, no_say: Notify, label: str) -> None:
    rows = rated(240)
    rows[6]["label"] = label
    with_numbers(small, rows)
    with pytest.raises(AssetError, match=r"toy.jsonl, row 7: (label .* is no finite number|no column label)"):
        make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)


def test_labels_that_are_all_alike(small: Small, no_say: Notify) -> None:
    with_numbers(small, [{**row, "label": 2.5} for row in rated(240)])
    with pytest.raises(AssetError, match="has the same label"):
        make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
