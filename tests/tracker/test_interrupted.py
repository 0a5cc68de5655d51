"""Imports that are killed, that race, that lose their database, their server or their disk."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedwise.project import Project
from seedwise.store.store import Store
from seedwise.tracker import TrackerError, quiet_environment, track, tracking_uri
from seedwise.verdicts.comparison import StudyOutcome
from tests.tracker.conftest import History, models_of
from tests.tracker.stores import TREE, filled, quiet, small_study

pytestmark = pytest.mark.minutes

Place = Callable[[Project], Project]
Read = Callable[[Project], History]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it on the way out."""


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("create_experiment", 1),
        ("create_run", 1),
        ("create_run", 3),
        ("log_batch", 3),
        ("log_batch", 6),
        ("log_inputs", 2),
        ("log_artifacts", 7),
        ("set_terminated", 4),
        ("set_tag", 1),
        ("set_tag", 3),
        ("create_logged_model", 2),
        ("log_outputs", 2),
        ("finalize_logged_model", 3),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_leaves_no_doubles_and_no_halves(
    tmp_path: Path,
    with_database: Place,
    history: Read,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    call: int,
    after: bool,
) -> None:
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    from mlflow import MlflowClient

    project, store, outcome = filled(tmp_path)
    with_database(project)
    owner: Any = LocalArtifactRepository if method == "log_artifacts" else MlflowClient
    original, calls = getattr(owner, method), 0

    def dying(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise Killed
        answer = original(self, *args, **kwargs)
        if calls == call:
            raise Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, dying)
        with pytest.raises(Killed):
            track([outcome], project, store, quiet)
    track([outcome], project, store, quiet)
    found = history(project)
    assert found.shape == TREE
    assert all("seedwise.imported" in run.data.tags for run in found.runs)
    assert all(run.info.status == "FINISHED" for run in found.runs)
    assert all(len(found.client.get_metric_history(run.info.run_id, "accuracy")) == 1 for run in found.of("seed"))
    assert models_of(found) == {run.info.run_id for run in found.of("seed")}
    assert track([outcome], project, store, quiet, rebuild=True).unchanged == 13


def test_sigkill_in_the_middle(tmp_path: Path, with_database: Place, history: Read) -> None:
    project, store, outcome = filled(tmp_path)
    with_database(project)
    code = (
        "import os, sys, pathlib\n"
        "from mlflow import MlflowClient\n"
        "old, calls = MlflowClient.log_inputs, []\n"
        "def log_inputs(*a, **k):\n"
        "    calls.append(1)\n"
        "    os.kill(os.getpid(), 9) if len(calls) == 5 else old(*a, **k)\n"
        "MlflowClient.log_inputs = log_inputs\n"
        "from seedwise.tracker import track\n"
        "from tests.tracker.stores import filled, quiet\n"
        "project, store, outcome = filled(pathlib.Path(sys.argv[1]))\n"
        "track([outcome], project, store, quiet)\n"
    )
    environment = {**quiet_environment(), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert ended.returncode == -9
    assert len(history(project).of("seed")) == 5
    summary = track([outcome], project, store, quiet)
    assert (summary.added, summary.unchanged, summary.replaced) == (6, 7, 0)
    assert history(project).shape == TREE


def test_a_lost_database_is_rebuilt(imported: tuple[Project, Store, StudyOutcome], history: Read) -> None:
    project, store, outcome = imported
    (project.mlflow / "mlflow.db").unlink()
    _as_a_new_process(project)
    assert track([outcome], project, store, quiet).added == 13
    assert history(project).shape == TREE


@pytest.mark.parametrize("what", ["run", "experiment"])
def test_what_was_deleted_in_the_interface_comes_back(
    imported: tuple[Project, Store, StudyOutcome], history: Read, what: str
) -> None:
    project, store, outcome = imported
    found = history(project)
    if what == "run":
        found.client.delete_run(found.one("arm", "random").info.run_id)
    else:
        found.client.delete_experiment(found.experiments["pretrained-vs-random"])
    track([outcome], project, store, quiet)
    assert history(project).shape == TREE


def test_doubles_of_a_lost_race_are_cleared(imported: tuple[Project, Store, StudyOutcome], history: Read) -> None:
    project, store, outcome = imported
    found = history(project)
    for run in found.runs:
        found.client.create_run(run.info.experiment_id, run.info.start_time + 1, run.data.tags, run.info.run_name)
    track([outcome], project, store, quiet, rebuild=True)
    assert history(project).ids == found.ids


def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, store, outcome = filled(tmp_path)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    began = time.monotonic()
    with pytest.raises(TrackerError, match="does not answer") as caught:
        track([outcome], project, store, quiet)
    assert time.monotonic() - began < 15
    assert address in str(caught.value)
    assert "safe in the store" in str(caught.value)


def test_a_server_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, store, outcome = filled(tmp_path)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(TrackerError, match="does not answer"):
            track([outcome], project, store, quiet)
        assert time.monotonic() - began < 20


def test_no_space_left(imported: tuple[Project, Store, StudyOutcome], tmp_path: Path, history: Read) -> None:
    """SQLite's own error: the database may not grow by a page.  With room again, the next import completes it."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy import event

    project, store, outcome = imported
    more = filled(tmp_path, small_study("more", claims=[]))[2]
    with sqlite3.connect(project.mlflow / "mlflow.db") as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    engine = SqlAlchemyStore._engine_map[tracking_uri(project)]
    engine.dispose()

    def limit(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "connect", limit)
    with pytest.raises(TrackerError, match="no space left"):
        track([more], project, store, quiet)
    event.remove(engine, "connect", limit)
    engine.dispose()
    track([outcome, more], project, store, quiet)
    assert len(history(project).of("seed", "more")) == 9


def _as_a_new_process(project: Project) -> None:
    """MLflow keeps an open engine for each database that a process has used."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._tracking_service.registry import TrackingStoreRegistry

    SqlAlchemyStore._engine_map.pop(tracking_uri(project)).dispose()
    TrackingStoreRegistry._get_store_with_resolved_uri.cache_clear()


def test_a_second_import_waits_for_the_first(tmp_path: Path, with_database: Place, history: Read) -> None:
    project, store, outcome = filled(tmp_path)
    with_database(project)
    heard: list[str] = []
    imports = [threading.Thread(target=track, args=([outcome], project, store, heard.append)) for _ in range(2)]
    for thread in imports:
        thread.start()
    for thread in imports:
        thread.join()
    assert any("another import is at work" in line for line in heard)
    assert history(project).shape == TREE
