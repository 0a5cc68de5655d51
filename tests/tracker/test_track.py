"""Imports into a real MLflow on SQLite: the tree, idempotence, kills, changes, rebuilding, and what goes wrong."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seedwise.escaping import markdown
from seedwise.project import Project
from seedwise.report import write_reports
from seedwise.store.store import Store
from seedwise.tracker import quiet_environment, track
from seedwise.tracker.checkpoint import checkpoint_digest
from seedwise.verdicts.comparison import StudyOutcome, compare
from tests.tracker.conftest import History, models_of
from tests.tracker.stores import TREE, filled, plan_of, quiet, small_study, write_run

pytestmark = pytest.mark.minutes

Place = Callable[[Project], Project]
Read = Callable[[Project], History]


def test_the_tree(imported: tuple[Project, Store, StudyOutcome], history: Read) -> None:
    project, _, outcome = imported
    found = history(project)
    assert found.shape == TREE
    assert set(found.experiments) == {"pretrained-vs-random"}

    seed = found.one("seed", "pretrained seed 1")
    run = outcome.arms["pretrained"].runs[1]
    assert seed.info.status == "FINISHED"
    assert seed.info.start_time == 1_750_001_000_000
    assert seed.info.end_time == 1_750_001_022_000
    assert seed.data.metrics["accuracy"] == run.result.metrics["test"]["accuracy"]
    assert seed.data.metrics["time/training_s"] == 20.0
    assert seed.data.params["recipe.schedule.warmup_updates"] == "1"
    curve = found.client.get_metric_history(seed.info.run_id, "train/lr")
    assert [point.step for point in curve] == list(range(1, 21))
    assert curve[0].timestamp == 1_750_001_001_000
    data = {(d.dataset.name, d.dataset.digest): d.tags[0].value for d in seed.inputs.dataset_inputs}
    assert data[("rotten-tomatoes train", run.spec.task.splits["train"].sha256[:36])] == "training"
    assert len(data) == 3
    artifacts = {file.path for file in found.client.list_artifacts(seed.info.run_id)}
    assert {"result.json", "spec.json", "events.jsonl", "backend.log", "predictions"} <= artifacts
    assert "checkpoint" not in artifacts
    assert (project.mlflow / "artifacts").is_dir()

    arm = found.one("arm", "pretrained")
    summary = outcome.arms["pretrained"].summary
    assert arm.data.metrics["accuracy"] == summary.mean
    assert arm.data.metrics["accuracy_sd"] == summary.sd
    assert arm.data.metrics["seeds"] == 4

    comparison = found.one("comparison", "pretrained-vs-random")
    (claim,) = outcome.claims
    assert comparison.data.metrics["pretraining-helps/estimate"] == claim.verdict.estimate
    assert markdown(claim.sentence) in comparison.data.tags["mlflow.note.content"]
    assert {file.path for file in found.client.list_artifacts(comparison.info.run_id)} == {"verdicts.json"}


def test_a_checkpoint_is_a_model_without_its_weights(
    imported: tuple[Project, Store, StudyOutcome], history: Read
) -> None:
    project, _, outcome = imported
    found = history(project)
    assert models_of(found) == {run.info.run_id for run in found.of("seed")}

    seed = found.one("seed", "pretrained seed 1")
    run = outcome.arms["pretrained"].runs[1]
    (output,) = seed.outputs.model_outputs
    assert output.step == 20
    model = found.client.get_logged_model(output.model_id)
    assert model.name == "pretrained-vs-random-pretrained-seed-1"
    assert model.tags["seedwise.checkpoint"] == str(run.files.checkpoint)
    assert model.tags["seedwise.checkpoint_digest"] == checkpoint_digest(run.result.files)
    assert model.params == seed.data.params
    scored = {metric.key: (metric.value, metric.dataset_name, metric.dataset_digest) for metric in model.metrics}
    test, selection = (run.spec.task.splits[name].sha256[:36] for name in ("test", "selection"))
    accuracy = run.result.metrics["test"]["accuracy"]
    assert scored == {
        "accuracy": (accuracy, "rotten-tomatoes test", test),
        "accuracy/mean": (accuracy, "rotten-tomatoes test", test),
        "test/loss": (1 - accuracy, "rotten-tomatoes test", test),
        "selected/selection_accuracy": (0.78, "rotten-tomatoes selection", selection),
    }
    assert not any("safetensors" in name.name for name in project.mlflow.rglob("*"))


def test_names_that_mlflow_gives(imported: tuple[Project, Store, StudyOutcome], history: Read) -> None:
    project, _, outcome = imported
    found = history(project)
    arm, baseline = found.one("arm", "pretrained"), found.one("arm", "random")
    assert arm.data.metrics["accuracy/mean"] == outcome.arms["pretrained"].summary.mean
    verdict = outcome.claims[0].verdict
    assert verdict.interval is not None
    short = f"compare/{baseline.info.run_id[:8]}"
    said = {key: value for key, value in arm.data.metrics.items() if key.startswith(short)}
    assert said == {
        f"{short}/accuracy/diff": verdict.estimate,
        f"{short}/accuracy/ci_low": verdict.interval[0],
        f"{short}/accuracy/ci_high": verdict.interval[1],
        f"{short}/accuracy/p_value": verdict.p,
        f"{short}/accuracy/n_paired": 100.0,
    }
    assert not any(key.startswith("compare/" + arm.info.run_id[:8]) for key in baseline.data.metrics)
    local = Path(found.client.download_artifacts(arm.info.run_id, f"{short}.json", str(project.root)))
    assert json.loads(local.read_text()) == {"baseline_run_id": baseline.info.run_id}
    experiment = found.client.get_experiment_by_name("pretrained-vs-random")
    assert experiment.tags["mlflow.experiment.primaryMetric.name"] == "accuracy"


def test_a_baseline_made_anew_is_named_anew(imported: tuple[Project, Store, StudyOutcome], history: Read) -> None:
    project, store, outcome = imported
    found = history(project)
    found.client.delete_run(found.one("arm", "random").info.run_id)
    track([outcome], project, store, quiet)
    after = history(project)
    fresh = after.one("arm", "random").info.run_id[:8]
    compared = {
        key.split("/")[1]
        for key, value in after.one("arm", "pretrained").data.metrics.items()
        if key.startswith("compare/") and not math.isnan(value)
    }
    assert compared == {fresh, after.one("arm", "tfidf (baseline)").info.run_id[:8]}


def test_the_figure_is_in_the_note(tmp_path: Path, with_database: Place, history: Read) -> None:
    project, store, outcome = filled(tmp_path)
    reports = write_reports([outcome], project, store, quiet)
    with_database(project)
    for _ in range(2):
        track([outcome], project, store, quiet, reports=reports)
        found = history(project)
        run = found.one("comparison", "pretrained-vs-random")
        address = f"(get-artifact?path=report/figure.svg&run_uuid={run.info.run_id})"
        assert run.data.tags["mlflow.note.content"].count(address) == 1
        assert "report/figure.svg" in {file.path for file in found.client.list_artifacts(run.info.run_id, "report")}
    assert track([outcome], project, store, quiet, reports=reports, rebuild=True).replaced == 0


def test_twice_changes_nothing(imported: tuple[Project, Store, StudyOutcome], history: Read) -> None:
    project, store, outcome = imported
    before = history(project)
    metrics = {run.info.run_id: run.data.metrics for run in before.runs}
    for rebuild in (False, True):
        summary = track([outcome], project, store, quiet, rebuild=rebuild)
        assert (summary.added, summary.unchanged, summary.replaced) == (0, 13, 0)
    after = history(project)
    assert after.ids == before.ids
    assert {run.info.run_id: run.data.metrics for run in after.runs} == metrics


def test_a_run_done_again_replaces_its_import(imported: tuple[Project, Store, StudyOutcome], history: Read) -> None:
    project, store, outcome = imported
    planned = outcome.plan.of_arm("random")[2]
    before = history(project)
    shutil.rmtree(store.folder(str(planned.run_id)))
    write_run(store, outcome.plan, planned, accuracy=0.9)
    changed = compare(outcome.plan, store)
    summary = track([changed], project, store, quiet)
    assert (summary.added, summary.unchanged, summary.replaced) == (
        0,
        9,
        4,
    )  # the seed, its arm, the arm beside it, the comparison
    after = history(project)
    assert after.shape == TREE
    assert after.one("seed", "random seed 2").info.run_id != before.one("seed", "random seed 2").info.run_id
    comparison = after.one("comparison", "pretrained-vs-random")
    assert comparison.info.run_id == before.one("comparison", "pretrained-vs-random").info.run_id
    assert comparison.data.metrics["pretraining-helps/estimate"] == changed.claims[0].verdict.estimate
    assert markdown(changed.claims[0].sentence) in comparison.data.tags["mlflow.note.content"]


def test_a_study_that_grows(tmp_path: Path, with_database: Place, history: Read) -> None:
    project, store, outcome = filled(tmp_path, leave_out=["random[seed=3]"])
    with_database(project)
    assert track([outcome], project, store, quiet).added == 12
    comparison = history(project).one("comparison", "pretrained-vs-random")
    assert comparison.info.status == "RUNNING"
    assert "seedwise.verdict" not in comparison.data.tags
    whole = filled(tmp_path)[2]
    summary = track([whole], project, store, quiet)
    assert (summary.added, summary.replaced) == (1, 3)  # its arm, the arm beside it, the comparison
    found = history(project)
    assert found.shape == TREE
    assert found.one("comparison", "pretrained-vs-random").info.status == "FINISHED"
    assert (
        found.one("comparison", "pretrained-vs-random").data.tags["seedwise.verdict"] == "supported (pretrained better)"
    )
    track([outcome], project, store, quiet)  # and back: what is no longer known is no longer said
    again = history(project).one("comparison", "pretrained-vs-random")
    assert again.info.status == "RUNNING"
    assert "seedwise.verdict" not in again.data.tags
    assert math.isnan(again.data.metrics["pretraining-helps/estimate"])


def test_a_run_of_two_studies_is_in_both(tmp_path: Path, with_database: Place, history: Read) -> None:
    project, store, one = filled(tmp_path)
    other = filled(tmp_path, small_study("again", claims=[]))[2]
    assert {run.run_id for run in one.plan.runs} == {run.run_id for run in other.plan.runs}
    track([one, other], with_database(project), store, quiet)
    found = history(project)
    assert len(found.of("seed", "pretrained-vs-random")) == len(found.of("seed", "again")) == 9
    assert set(found.experiments) == {"pretrained-vs-random", "again"}


def test_more_seeds_stand_beside_the_earlier_comparison(
    imported: tuple[Project, Store, StudyOutcome], history: Read, tmp_path: Path
) -> None:
    project, store, _ = imported
    more = filled(tmp_path, small_study(seeds=range(5)))[2]
    assert track([more], project, store, quiet).added == 1 + 3 + 11
    assert len(history(project).of("comparison")) == 2


def test_the_fast_path_leaves_mlflow_alone(imported: tuple[Project, Store, StudyOutcome], tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\n"
        "from seedwise.tracker import track\n"
        "from tests.tracker.stores import TREE, filled, quiet\n"
        "project, store, outcome = filled(pathlib.Path(sys.argv[1]))\n"
        "began = time.perf_counter()\n"
        "summary = track([outcome], project, store, quiet)\n"
        "print(time.perf_counter() - began, summary.unchanged, 'mlflow' in sys.modules)\n"
    )
    environment = {**quiet_environment(), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, check=True, capture_output=True, text=True
    )
    seconds, unchanged, loaded = ended.stdout.split()
    assert (unchanged, loaded) == ("13", "False")
    assert float(seconds) < 0.5


def test_telemetry_is_off(imported: tuple[Project, Store, StudyOutcome]) -> None:
    from mlflow.telemetry import get_telemetry_client
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert is_telemetry_disabled()
    assert get_telemetry_client() is None


def test_a_plan_without_images_imports_nothing(tmp_path: Path) -> None:
    project = filled(tmp_path)[0]
    store = Store(project.runs)
    outcome = compare(plan_of(small_study(), project, {}), store)
    summary = track([outcome], project, store, quiet)
    assert (summary.added, summary.unchanged, summary.replaced) == (0, 0, 0)
    assert not project.mlflow.exists()
