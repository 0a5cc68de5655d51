"""A migrated MLflow database, made once and copied for each test, and the tree of runs read back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seedwise.project import Project
from seedwise.store.store import Store
from seedwise.tracker import track
from seedwise.tracker.connection import connected, find_target
from seedwise.verdicts.comparison import StudyOutcome
from tests.tracker.stores import filled, quiet

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow import MlflowClient


@dataclass(frozen=True, slots=True)
class History:
    """All active runs of an MLflow, with its experiments by name."""

    client: MlflowClient
    runs: list[Run]
    experiments: dict[str, str]

    def of(self, kind: str, study: str | None = None) -> list[Run]:
        found = [run for run in self.runs if run.data.tags.get("seedwise.kind") == kind]
        return [run for run in found if study in (None, run.data.tags["seedwise.study"])]

    def one(self, kind: str, name: str) -> Run:
        (run,) = [run for run in self.of(kind) if run.info.run_name == name]
        return run

    @property
    def ids(self) -> set[str]:
        return {run.info.run_id for run in self.runs}

    @property
    def shape(self) -> set[tuple[str, str]]:
        """Each run's name with its parent's; a double shows as a missing element of `runs`."""
        names = {run.info.run_id: run.info.run_name for run in self.runs}
        found = {(names.get(run.data.tags.get("mlflow.parentRunId", ""), ""), run.info.run_name) for run in self.runs}
        assert len(found) == len(self.runs)
        return found


def models_of(found: History) -> set[str]:
    """The runs whose checkpoints are models, each once and ready."""
    models = found.client.search_logged_models(list(found.experiments.values()), max_results=1000)
    assert all(model.status.name == "READY" for model in models)
    sources = [str(model.source_run_id) for model in models]
    assert len(set(sources)) == len(sources)
    return set(sources)


def read_history(client: MlflowClient) -> History:
    experiments = {e.name: e.experiment_id for e in client.search_experiments() if e.name != "Default"}
    runs = list(client.search_runs(list(experiments.values()), max_results=5000)) if experiments else []
    return History(client, runs, experiments)


@pytest.fixture(autouse=True)
def _local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose schema is made: seconds once, instead of in each test."""
    from seedwise.tracker.connection import Target

    database = tmp_path_factory.mktemp("migrated") / "mlflow.db"
    with connected(Target(f"sqlite:///{database}", database, None)) as client:
        client.search_experiments()
    return database


@pytest.fixture
def with_database(migrated: Path) -> Callable[[Project], Project]:
    def place(project: Project) -> Project:
        project.mlflow.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(migrated, project.mlflow / "mlflow.db")
        return project

    return place


@pytest.fixture
def history() -> Callable[[Project], History]:
    def read(project: Project) -> History:
        with connected(find_target(project)) as client:
            return read_history(client)

    return read


@pytest.fixture
def imported(tmp_path: Path, with_database: Callable[[Project], Project]) -> tuple[Project, Store, StudyOutcome]:
    project, store, outcome = filled(tmp_path)
    track([outcome], with_database(project), store, quiet)
    return project, store, outcome
