"""What is made without MLflow: flat parameters, chunks, curves, contents and their digests, the stamp, messages."""

from __future__ import annotations

import errno
import math
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from seedwise.escaping import markdown
from seedwise.report.build import build
from seedwise.report.write import write_reports
from seedwise.tracker import tracking_uri
from seedwise.tracker.connection import Target, explain, find_target
from seedwise.tracker.content import NOTE, digest_of
from seedwise.tracker.curves import curves
from seedwise.tracker.database import quicker_commits
from seedwise.tracker.flatten import MAX_PARAM, chunked, clean_key, clip, flatten
from seedwise.tracker.seed_run import seed_content
from seedwise.tracker.stamp import Imported, Imports, read_stamp, still_there, write_stamp
from seedwise.tracker.tree import comparison_key, make_tree
from seedwise_contract.events import Evaluation, Start, Step
from tests.tracker.stores import filled, plan_of, project_in, small_study


def test_flatten_joins_keys_and_keeps_every_leaf() -> None:
    value = {"a": {"b": 1, "c": [1, 2], "d": {}}, "e": None, "f": "text", "g": 0.1, "h": True}
    assert flatten(value) == {
        "a.b": "1",
        "a.c": "[1, 2]",
        "a.d": "{}",
        "e": "null",
        "f": "text",
        "g": "0.1",
        "h": "true",
    }


def test_flatten_bounds_keys_and_texts() -> None:
    ((key, text),) = flatten({"ключ?" * 100: "x" * 10_000}).items()
    assert len(key) == 250
    assert len(text) == MAX_PARAM
    assert text.endswith("…")


def test_clean_key_replaces_what_mlflow_refuses() -> None:
    assert clean_key("selection/f1@3 (macro)") == "selection/f1_3 _macro_"


def test_clip_leaves_short_texts() -> None:
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3) == "ab…"


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (999, [999]), (1000, [1000]), (2001, [1000, 1000, 1])])
def test_chunked(count: int, sizes: list[int]) -> None:
    chunks = list(chunked(list(range(count)), 1000))
    assert [len(chunk) for chunk in chunks] == sizes
    assert [item for chunk in chunks for item in chunk] == list(range(count))


def _step(update: int, loss: float | None, time: float = 1.0) -> Step:
    return Step(time=time, update=update, epoch=update / 2, loss=loss, lr=0.1, seconds=0.0)


def test_curves_by_update_and_by_epoch() -> None:
    events = [
        Start(time=1.0, total_updates=4, epochs=2),
        _step(1, 4.0, 1.5),
        _step(2, 2.0, 2.0),
        Evaluation(time=2.5, split="selection", epoch=1.0, update=2, metrics={"accuracy": 0.6}),
        _step(3, 1.0, 3.0),
        _step(4, None, 4.0),
        Evaluation(time=5.0, split="test", epoch=2.0, update=4, metrics={"accuracy": 0.9}),
    ]
    shown = [
        Evaluation(time=2.6, split="test", epoch=1.0, update=2, metrics={"accuracy": 0.7, "loss": 0.5}, display=True),
        Evaluation(time=4.5, split="test", epoch=2.0, update=4, metrics={"accuracy": 0.8}, display=True),
    ]
    points = curves([*events[:4], shown[0], *events[4:6], shown[1], *events[6:]], "test")
    by_key = {key: [p for p in points if p.key == key] for key in {p.key for p in points}}
    assert [(p.step, p.time) for p in by_key["train/loss"]] == [(1, 1500), (2, 2000), (3, 3000), (4, 4000)]
    assert math.isnan(by_key["train/loss"][-1].value)
    assert [(p.step, p.value) for p in by_key["selection/accuracy"]] == [(2, 0.6)]
    assert [(p.step, p.value) for p in by_key["epoch/selection_accuracy"]] == [(1, 0.6)]
    assert [p.step for p in by_key["epoch/train_loss"]] == [1, 2]
    assert by_key["epoch/train_loss"][0].value == 3.0
    assert [(p.step, p.value) for p in by_key["test/epoch_accuracy"]] == [(1, 0.7), (2, 0.8)]
    assert {key for key in by_key if key.startswith("test/")} == {"test/epoch_accuracy", "test/epoch_loss"}
    assert "train/grad_norm" not in by_key


def test_curves_drop_what_a_resumed_run_did_again() -> None:
    events = [_step(1, 1.0), _step(2, 9.0), _step(3, 9.0), Start(time=2.0, total_updates=4, epochs=2, resumed_at=1)]
    points = curves([*events, _step(2, 2.0), _step(3, 3.0)], "test")
    assert [(p.step, p.value) for p in points if p.key == "train/loss"] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_a_seed_run_says_where_it_comes_from(tmp_path: Path) -> None:
    _, _, outcome = filled(tmp_path)
    run = outcome.arms["pretrained"].runs[2]
    content = seed_content(run, outcome.study.name, "pretrained")
    assert content.name == "pretrained seed 2"
    expected = {
        "seedwise.run_id": run.run_id,
        "seedwise.image_digest": run.provenance.digest,
        "seedwise.git_commit": "0" * 40,
        "seedwise.git_dirty": "false",
        "seedwise.data_digest.train": run.spec.task.splits["train"].sha256,
        "seedwise.model_digest": "ef" * 32,
        "seedwise.host": "bench-1",
        "seedwise.seed": "2",
        "seedwise.declaration": outcome.study.declaration(),
        "seedwise.status": "completed",
        "seedwise.checkpoint": str(run.folder / "checkpoint"),
    }
    assert {key: content.tags[key] for key in expected} == expected
    assert content.params["recipe.optimizer.lr"] == "0.0001"
    assert content.params["env.torch"] == "2.13.0"
    assert content.params["parameters.trainable"] == "768"
    assert content.start == 1_750_002_000_000
    assert content.end == content.start + 22_000
    assert not any("checkpoint" in artifact.path.parts for artifact in content.artifacts)
    assert {artifact.path.name for artifact in content.artifacts} == {
        *("result.json", "spec.json", "provenance.json", "parameters.json", "environment.json"),
        *("events.jsonl", "backend.log", "test.jsonl"),
    }


def test_what_was_not_measured_is_no_metric(tmp_path: Path) -> None:
    _, _, outcome = filled(tmp_path)
    content = seed_content(outcome.arms["tfidf"].runs[0], outcome.study.name, "tfidf")
    keys = {point.key for point in content.points}
    assert "accuracy" in keys
    assert "cost/peak_device_bytes" not in keys
    assert not any(key.startswith("train/") for key in keys)
    assert "seedwise.model" not in content.tags


def test_a_diverged_run_is_flagged(tmp_path: Path) -> None:
    _, _, outcome = filled(tmp_path, diverged=["random[seed=1]"])
    content = seed_content(outcome.arms["random"].runs[1], outcome.study.name, "random")
    assert content.name == "random seed 1 (diverged)"
    assert content.tags["seedwise.status"] == "diverged"
    assert "not finite at update 12" in content.tags[NOTE]
    losses = [point.value for point in content.points if point.key == "train/loss"]
    assert not math.isnan(losses[11])
    assert math.isnan(losses[12])


def test_the_comparison_carries_each_verdict(tmp_path: Path) -> None:
    _, store, outcome = filled(tmp_path)
    tree = make_tree(outcome, store, None)
    assert tree is not None
    (claim,) = outcome.claims
    values = {point.key: point.value for point in tree.content.points}
    assert values["pretraining-helps/estimate"] == claim.verdict.estimate
    assert (
        values["pretraining-helps/interval_low"],
        values["pretraining-helps/interval_high"],
    ) == claim.verdict.interval
    assert values["pretraining-helps/p_exact"] == claim.verdict.p_exact
    assert values["pretraining-helps/floor"] == claim.verdict.floor
    assert tree.content.tags["seedwise.verdict"] == "supported (pretrained better)"
    assert tree.content.tags["seedwise.claim.pretraining-helps.status"] == "supported"
    assert "seedwise.claim.pretrained-vs-tfidf.status" not in tree.content.tags
    assert markdown(claim.sentence) in tree.content.tags[NOTE]
    assert [arm.name for arm in tree.arms] == ["pretrained", "random", "tfidf"]
    assert tree.seeds == 9


def test_an_arm_carries_what_it_costs(tmp_path: Path) -> None:
    _, store, outcome = filled(tmp_path)
    project = project_in(tmp_path)
    report = write_reports([outcome], project, store, print)[outcome.study.name]
    tree = make_tree(outcome, store, report)
    assert tree is not None
    costs = {arm.name: arm.cost for arm in build([outcome], store).studies[0].arms}
    for arm in tree.arms:
        values = {point.key: point.value for point in arm.content.points}
        expected = {name: value for name, value in costs[arm.name].model_dump().items() if value is not None}  # type: ignore[union-attr]
        assert {name: values[f"cost/{name}"] for name in expected} == expected
    assert "cost/trainable_head" in {point.key for point in tree.arms[0].content.points}


def test_an_arm_with_runs_missing_has_no_mean(tmp_path: Path) -> None:
    _, store, outcome = filled(tmp_path, leave_out=["random[seed=3]"])
    tree = make_tree(outcome, store, None)
    assert tree is not None
    arm = tree.arms[1]
    assert len(arm.seeds) == 3
    assert arm.content.end is None
    assert {point.key for point in arm.content.points} == {"seeds", "seeds_diverged"}
    assert "not decided yet" in tree.content.tags[NOTE]


def test_nothing_finished_is_no_tree(tmp_path: Path) -> None:
    labels = [run.label for run in plan_of(small_study(), project_in(tmp_path)).runs]
    _, store, outcome = filled(tmp_path, leave_out=labels)
    assert make_tree(outcome, store, None) is None


def test_another_image_or_seed_count_is_another_comparison(tmp_path: Path) -> None:
    _, store, outcome = filled(tmp_path)
    more = filled(tmp_path, small_study(seeds=range(5)))[2]
    rebuilt = plan_of(
        small_study(), project_in(tmp_path), {"hf": "sha256:" + "99" * 32, "sklearn": "sha256:" + "cd" * 32}
    )
    keys = {comparison_key(outcome), comparison_key(more)}
    assert len(keys) == 2
    assert len({tuple(run.run_id for run in plan.runs) for plan in (outcome.plan, rebuilt)}) == 2
    tree = make_tree(outcome, store, None)
    assert tree is not None
    assert tree.digest() == make_tree(outcome, store, None).digest()  # type: ignore[union-attr]


def test_a_report_changes_the_digest(tmp_path: Path) -> None:
    _, store, outcome = filled(tmp_path)
    report = tmp_path / "report"
    (report / "figures").mkdir(parents=True)
    (report / "index.html").write_text("one")
    (report / "figures" / "a.svg").write_text("<svg/>")
    before = make_tree(outcome, store, report)
    (report / "index.html").write_text("two")
    after = make_tree(outcome, store, report)
    assert before is not None
    assert after is not None
    assert before.digest() != after.digest()
    assert {(a.folder, a.path.name) for a in after.content.artifacts} == {
        ("report", "index.html"),
        ("report/figures", "a.svg"),
    }


def _database(path: Path, runs: dict[str, str]) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (run_uuid TEXT, lifecycle_stage TEXT)")
        connection.executemany("INSERT INTO runs VALUES (?, ?)", runs.items())
    connection.close()


def test_stamp_survives_only_its_own_database(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    _database(database, {"r1": "active"})
    imports = Imports({"k": Imported(digest="d", experiment="1", runs=["r1"])})
    write_stamp(tmp_path, database, imports)
    assert read_stamp(tmp_path, database) == imports
    assert imports.holds({"k": "d"})
    assert not imports.holds({"k": "other"})
    assert not imports.holds({"k": "d", "j": "e"})
    database.rename(tmp_path / "old.db")
    assert read_stamp(tmp_path, database) == Imports()
    _database(database, {"r1": "active"})
    assert read_stamp(tmp_path, database) == Imports()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}'])
def test_a_damaged_stamp_says_nothing(tmp_path: Path, content: str) -> None:
    _database(tmp_path / "mlflow.db", {})
    (tmp_path / "imported.json").write_text(content)
    assert read_stamp(tmp_path, tmp_path / "mlflow.db") == Imports()


def test_still_there_asks_the_database(tmp_path: Path) -> None:
    database = tmp_path / "a b.db"
    _database(database, {"r1": "active", "r2": "deleted"})
    assert still_there(database, ["r1"])
    assert not still_there(database, ["r1", "r2"])
    assert not still_there(database, ["r3"])
    assert not still_there(tmp_path / "none.db", ["r1"])
    (tmp_path / "text.db").write_text("not a database")
    assert not still_there(tmp_path / "text.db", ["r1"])


def test_the_default_is_the_projects_own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_in(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(project) == f"sqlite:///{tmp_path}/.seedwise/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    assert find_target(project) == Target("http://tracking.example:5000", None, None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////elsewhere/x.db")
    assert find_target(project).database is None
    assert find_target(project).artifacts == project.mlflow / "artifacts"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left"),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "no space left"),
        (RuntimeError("(sqlite3.OperationalError) database is locked"), "locked by another program"),
        (RuntimeError("Max retries exceeded with url"), "does not answer"),
        (RuntimeError("failed with error code 401"), "credentials"),
        (RuntimeError("attempt to write a readonly database"), "cannot be written"),
        (RuntimeError("something else\nand more"), "something else."),
    ],
)
def test_errors_say_what_to_do(error: Exception, says: str) -> None:
    message = explain(error, Target("http://me:secret@host:5000", None, None))
    assert says in message
    assert "http://***@host:5000" in message
    assert "secret" not in message
    assert "safe in the store" in message


def test_digest_of_changes_with_its_value() -> None:
    assert digest_of([1]) != digest_of([2])


def test_importing_the_tracker_does_not_import_mlflow() -> None:
    code = "import sys, seedwise.tracker; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_connections_of_an_import_wait_less_for_the_disk(tmp_path: Path) -> None:
    from sqlalchemy import create_engine

    def waits() -> int:
        engine = create_engine(f"sqlite:///{tmp_path / 'some.db'}")
        try:
            with engine.connect() as connection:
                return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
        finally:
            engine.dispose()

    full, normal = 2, 1
    with quicker_commits():
        assert waits() == normal
    assert waits() == full
