"""`seedwise compare` on metrics that are no mean over examples, and on MLflow runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from seedwise.cli import app
from seedwise.scores.sources import read_scores
from tests.cli.test_compare import compare, compare_json

LABELS = ["neg", "neg", "pos", "pos", "neu", "neg", "pos", "neu", "neg", "pos"]


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rng, lines = np.random.default_rng(2), ["arm,seed,example,prediction,label"]
    for arm, wrong in (("x", 0.15), ("y", 0.45)):
        for seed in range(5):
            for index in range(80):
                label = LABELS[index % 10]
                said = rng.choice(["neg", "pos", "neu"]) if rng.random() < wrong else label
                lines.append(f"{arm},{seed},{index},{said},{label}")
    path = tmp_path / "labelled.csv"
    path.write_text("\n".join(lines))
    return path


def macro(pairs: list[tuple[str, str]]) -> float:
    found = []
    for label in ("neg", "pos", "neu"):
        hits = sum(gold == said == label for gold, said in pairs)
        found.append(2 * hits / (sum(g == label for g, _ in pairs) + sum(s == label for _, s in pairs)))
    return float(np.mean(found))


def test_macro_f1_is_taken_by_the_jackknife_and_said_to_be(labelled: Path) -> None:
    item = compare_json(labelled, "--metric", "macro-f1")
    assert (item["metric"], item["verdict"], item["question"]) == ("macro-F1", "A better", "seeds and examples")
    rows = [line.split(",") for line in labelled.read_text().splitlines()[1:]]
    means = [
        np.mean([macro([(r[4], r[3]) for r in rows if r[0] == arm and r[1] == str(seed)]) for seed in range(5)])
        for arm in "xy"
    ]
    assert item["estimate"] == pytest.approx(means[0] - means[1])
    assert item["unit"] == "fraction"
    assert "jackknife pseudovalues" in str(item["sentence"])
    plain = compare_json(labelled)
    assert "jackknife" not in str(plain["sentence"])
    assert compare_json(labelled, "--metric", "matthews")["estimate"] != pytest.approx(plain["estimate"])


def test_f1_needs_its_class(labelled: Path) -> None:
    refused = compare(labelled, "--metric", "f1")
    assert refused.exit_code == 2
    assert "name it with --positive (labels: neg, neu, pos), or take macro-f1" in refused.stderr
    assert compare(labelled, "--metric", "f1", "--positive", "no").exit_code == 2
    assert compare_json(labelled, "--metric", "f1", "--positive", "pos")["metric"] == "F1"


def token_losses(folder: Path, arm: str, level: float, rng: np.random.Generator) -> list[str]:
    sources = []
    for seed in range(5):
        path = folder / f"{arm}{seed}" / "predictions" / "test.jsonl"
        path.parent.mkdir(parents=True)
        tokens = rng.integers(5, 30, 60)
        rows = [
            {"id": f"e{i}", "loss": float(n * (level + rng.normal(0, 0.05))), "tokens": int(n)}
            for i, n in enumerate(tokens)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        sources.append(f"{arm}={path}")
    return sources


def test_perplexity_of_the_contracts_own_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sources = [*token_losses(tmp_path, "low", 1.0, rng), *token_losses(tmp_path, "high", 1.2, rng)]
    item = compare_json(*sources, "--metric", "perplexity")
    assert (item["metric"], item["verdict"], item["unit"]) == ("perplexity", "A better", "own")
    table = read_scores(sources, "perplexity")
    rows = [json.loads(line) for line in Path(sources[0].split("=")[1]).read_text().splitlines()]
    whole = np.exp(sum(r["loss"] for r in rows) / sum(r["tokens"] for r in rows))
    assert table.arms["low"].seed_scores[0] == pytest.approx(-whole)
    bad = tmp_path / "bad.csv"
    bad.write_text("arm,seed,example,loss\na,0,1,2.0\n")
    assert "perplexity is made of loss and tokens; no column 'tokens'" in compare(bad, "--metric", "perplexity").stderr


def test_prediction_files_of_the_contract(tmp_path: Path) -> None:
    sources = []
    for arm, right in (("a", 0.9), ("b", 0.5)):
        for seed in range(4):
            rng = np.random.default_rng([seed, int(10 * right)])
            path = tmp_path / f"{arm}{seed}.jsonl"
            rows = [
                {
                    "id": f"e{i}",
                    "label": i % 2,
                    "scores": [0.0, 1.0 if (rng.random() < right) == (i % 2 == 1) else -1.0],
                }
                for i in range(60)
            ]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            sources.append(f"{arm}={path}")
    assert compare_json(*sources)["metric"] == "accuracy"
    assert compare_json(*sources, "--metric", "f1")["verdict"] == "A better"


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.create_experiment("lab", artifact_location=str(folder / "artifacts"))
    for arm, level in (("full", 0.8), ("lora", 0.7)):
        for seed in range(5):
            run = client.create_run(experiment, tags={"method": arm})
            client.log_param(run.info.run_id, "seed", seed)
            client.log_metric(run.info.run_id, "accuracy", level + 0.01 * seed, step=0)
            client.set_terminated(run.info.run_id)
    stray = client.create_run(experiment, tags={"method": "full"})
    client.set_terminated(stray.info.run_id, "FAILED")
    return uri


def of_mlflow(uri: str, *arguments: str) -> Result:
    given = ["compare", "mlflow", "--tracking-uri", uri, *arguments, "--format", "json"]
    return CliRunner().invoke(app, given)


def test_mlflow_runs_by_filter(tracking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///nowhere.db")
    chosen = ["--experiment", "lab", "--arm-tag", "method", "--metric", "accuracy"]
    finished = ["--filter", "attributes.status = 'FINISHED'"]
    answer = of_mlflow(tracking, *chosen, "--seed-param", "seed", *finished)
    assert answer.exit_code == 0, answer.output
    item = json.loads(answer.stdout)
    assert (item["verdict"], item["question"], item["n_seeds"]) == ("A better", "seeds", [5, 5])
    assert item["estimate"] == pytest.approx(0.1)
    for wrong, said in (
        (["--experiment", "lab", "--metric", "accuracy"], "with either --arm-tag or --arm-param"),
        (chosen, "1 of the 11 runs have no metric accuracy"),
        ([*chosen, "--filter", "nonsense ="], "--filter 'nonsense ='"),
        (["--experiment", "none", *chosen[2:]], "no experiment 'none'; there are: "),
        ([*chosen, "--filter", "tags.method = 'x'"], "no run at"),
        ([*chosen[:2], "--arm-param", "kind", *chosen[4:], *finished], "10 of the 10 runs have no parameter kind"),
    ):
        answer = of_mlflow(tracking, *wrong)
        assert answer.exit_code == 2, answer.output
        assert said in answer.stderr
    assert "no such database" in of_mlflow("sqlite:////nowhere/x.db", *chosen).stderr
