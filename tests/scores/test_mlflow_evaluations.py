"""Evaluations that MLflow itself ran and keeps: a row an example, over runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from seedwise.cli import app


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database in which `mlflow.genai.evaluate` scored a run of each of two arms, and one run evaluated nothing."""
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_GENAI_EVAL_MAX_WORKERS", "MLFLOW_GENAI_EVAL_MAX_SCORER_WORKERS"):
            patch.setenv(name, "1")  # SQLite takes one writer
        patch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment("evaluations")
        try:
            _evaluate(mlflow)
        finally:
            mlflow.set_tracking_uri(before)
        yield uri


def _evaluate(mlflow: Any) -> None:
    from mlflow.genai import evaluate, scorer

    @scorer  # type: ignore[untyped-decorator, unused-ignore]
    def right(outputs: str, expectations: dict[str, Any]) -> bool:
        return outputs == expectations["answer"]

    @scorer  # type: ignore[untyped-decorator, unused-ignore]
    def length(outputs: str) -> float:
        return float(len(outputs))

    for arm, good in (("tuned", 9), ("base", 5)):
        rows = [
            {
                "inputs": {"question": f"what is {i} + 1?"},
                "outputs": str(i + 1) if i * 7 % 10 < good else "no idea",
                "expectations": {"answer": str(i + 1)},
            }
            for i in range(10)
        ]
        with mlflow.start_run(run_name=arm, tags={"seed": "0"}):
            evaluate(data=rows, scorers=[right, length])
    with mlflow.start_run(run_name="parent"):
        mlflow.log_metric("loss", 1.0)


def compared(uri: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["compare", "mlflow", "--tracking-uri", uri, "--evaluations", *options])


@pytest.mark.minutes
def test_examples_of_evaluations_are_paired_over_runs(store: str) -> None:
    answer = compared(
        store,
        "--metric",
        "right",
        "--seed-tag",
        "seed",
        "--filter",
        "attributes.run_name != 'parent'",
        "--format",
        "json",
    )
    assert answer.exit_code == 0, answer.output
    item = json.loads(answer.stdout)
    assert (item["n_seeds"], item["n_examples"]) == ([1, 1], 10)
    assert item["question"] == "two checkpoints, on such examples"
    assert {item["a"], item["b"]} == {"tuned", "base"}
    sign = 1 if item["a"] == "tuned" else -1
    assert sign * item["estimate"] == pytest.approx(0.4)


@pytest.mark.minutes
def test_advice_about_evaluations_works(store: str) -> None:
    answer = compared(store)
    assert answer.exit_code == 2
    assert "say which metric to compare with --metric; found " in answer.stderr
    assert "right" in answer.stderr
    answer = compared(store, "--filter", "attributes.run_name = 'parent'")
    assert "none of the 1 runs has traces with scores" in answer.stderr
    answer = compared(store, "--metric", "right", "--seed-tag", "seed")
    assert "no tag seed, which names the seed" in answer.stderr
    plain = CliRunner().invoke(app, ["compare", "mlflow", "--tracking-uri", store, "--arm-tag", "mlflow.runName"])
    assert "--evaluations" in plain.stderr
