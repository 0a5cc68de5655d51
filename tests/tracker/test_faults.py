"""What goes wrong beside the runs: half-made and damaged databases, files that are not the run's, passwords in addresses."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seedwise.errors import SeedwiseError
from seedwise.project import Project
from seedwise.store.store import DamagedRun, Store
from seedwise.tracker import TrackerError, track
from seedwise.tracker.connection import Target, connected, find_target
from seedwise.tracker.database import make_database
from seedwise.tracker.recording import record
from tests.tracker.conftest import History
from tests.tracker.stores import filled, quiet

pytestmark = pytest.mark.minutes

Place = Callable[[Project], Project]
Read = Callable[[Project], History]


@pytest.mark.parametrize("after", [0.0, 0.1, 0.3, 0.6])
def test_a_kill_while_the_schema_is_made_leaves_none(tmp_path: Path, after: float) -> None:
    database = tmp_path / "mlflow.db"
    program = (
        "import sys, pathlib; from seedwise.tracker.database import make_database\n"
        "make_database(pathlib.Path(sys.argv[1]), None)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(database)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.tmp")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if not database.exists():
        make_database(database, None)
    with connected(Target(f"sqlite:///{database}", database, None)) as client:
        assert [experiment.name for experiment in client.search_experiments()] == ["Default"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db"]


def half_made(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE _alembic_tmp_tags (key TEXT)")
        connection.execute("DROP TABLE metrics")
        connection.execute("UPDATE alembic_version SET version_num = '7ac759974ad8'")
        connection.execute("DROP TABLE runs")
    connection.close()


def cut(database: Path) -> None:
    with open(database, "r+b") as handle:
        handle.truncate(database.stat().st_size // 2)


def random_bytes(database: Path) -> None:
    database.write_bytes(os.urandom(8192))


def a_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


@pytest.mark.parametrize("damage", [half_made, cut, random_bytes, a_folder])
def test_a_database_that_cannot_be_used_is_put_aside(
    damage: Callable[[Path], None], tmp_path: Path, with_database: Place, history: Read
) -> None:
    project, store, outcome = filled(tmp_path)
    with_database(project)
    damage(project.mlflow / "mlflow.db")
    said: list[str] = []
    assert track([outcome], project, store, said.append).added
    assert any("lies now at" in line for line in said)
    assert any(f"rm -r {project.mlflow} && seedwise track" in line for line in said)
    assert (project.mlflow / "mlflow.db.damaged-1").exists()
    assert len(history(project).of("seed")) == 9
    again = track([outcome], project, store, quiet)
    assert (again.added, again.replaced) == (0, 0)


@pytest.mark.parametrize("way", ["link", "linked folder", "name", "events", "changed"])
def test_no_file_but_the_runs_own_is_uploaded(way: str, tmp_path: Path, with_database: Place) -> None:
    project, store, outcome = filled(tmp_path)
    with_database(project)
    secret = tmp_path / "credentials"
    secret.write_text("aws_secret_access_key = NEEDLE\n")
    folder = outcome.arms["pretrained"].runs[0].folder
    if way == "link":
        (folder / "predictions" / "test.jsonl").unlink()
        (folder / "predictions" / "test.jsonl").symlink_to(secret)
    elif way == "linked folder":
        shutil.move(folder / "predictions", tmp_path / "elsewhere")
        (folder / "predictions").symlink_to(tmp_path / "elsewhere")
    elif way == "name":
        text = (folder / "result.json").read_text()
        inside = "predictions/../../../../credentials"
        (folder / "result.json").write_text(text.replace("predictions/test.jsonl", inside))
    elif way == "events":
        (folder / "events.jsonl").unlink()
        (folder / "events.jsonl").symlink_to(secret)
    else:
        (folder / "predictions" / "test.jsonl").write_text("NEEDLE")
    if way == "name":
        with pytest.raises(DamagedRun, match="must be a relative path"):
            store.read(folder.name)
    else:
        with pytest.raises(DamagedRun):
            track([outcome], project, store, quiet)
    kept = [path for path in (project.mlflow / "artifacts").rglob("*") if path.is_file()]
    assert not any(b"NEEDLE" in path.read_bytes() for path in kept)


def test_a_report_that_cannot_be_written_does_not_keep_the_import_from_being_done(
    tmp_path: Path, with_database: Place, history: Read
) -> None:
    project, store, outcome = filled(tmp_path)
    with_database(project)
    project.reports.write_text("a file, where a folder has to be")
    (error,) = record([outcome], project, store, quiet)
    assert isinstance(error, SeedwiseError)
    assert "the report was not written" in str(error)
    assert len(history(project).of("seed")) == 9


@pytest.mark.parametrize(
    "uri",
    [
        "http://u:NEEDLE@[",
        "http://u:NEEDLE@h:port",
        "mssql://u:NEEDLE@h/x",
        "sqlite://",
        "sqlite:///:memory:",
        "nothing://u:NEEDLE@h",
        "sqlite:////etc?token=NEEDLE",
        "sqlite:////proc/nothing/x.db",
    ],
)
def test_addresses_that_are_none_are_typed_and_masked(
    uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project, store, outcome = filled(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackerError, match=r"MLFLOW_TRACKING_URI|safe in the store") as caught:
        track([outcome], project, store, quiet)
    assert "NEEDLE" not in str(caught.value)


def test_mlflow_prints_no_address_for_every_run(
    tmp_path: Path, with_database: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    project, store, outcome = filled(tmp_path)
    with_database(project)
    track([outcome], project, store, quiet)
    target = find_target(project)
    with connected(target):
        from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT

        assert MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.get()
    assert "View run" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("events.jsonl", '"time":', '"time":1e300,"was":'),
        ("events.jsonl", '"update":', '"update":99999999999999999999999,"was":'),
        ("events.jsonl", '"time":', '"time":-1,"was":'),
        ("provenance.json", '"started": "2', '"started": "0001-01-01T00:00:00", "was": "2'),
        ("result.json", '"total":', '"total": 1e400, "was":'),
    ],
)
def test_moments_that_no_clock_shows_are_damage(
    name: str, old: str, new: str, tmp_path: Path, with_database: Place
) -> None:
    project, _, outcome = filled(tmp_path)
    with_database(project)
    path = outcome.arms["pretrained"].runs[0].folder / name
    text = path.read_text()
    assert old in text
    path.write_text(re.sub(r',"was":[^,}]*|, "was": ("[^"]*"|[^,}]*)', "", text.replace(old, new, 1)))

    def read() -> None:
        track([outcome], project, Store(project.runs), quiet)
        Store(project.runs).read(path.parent.name)

    with pytest.raises(SeedwiseError):
        read()


@pytest.mark.parametrize("kind", ["fifo", "dangling link", "unreadable"])
def test_a_database_that_is_no_file_is_told_at_once(kind: str, tmp_path: Path) -> None:
    project, _, outcome = filled(tmp_path)
    project.mlflow.mkdir(parents=True)
    database = project.mlflow / "mlflow.db"
    if kind == "fifo":
        os.mkfifo(database)
    elif kind == "dangling link":
        database.symlink_to(tmp_path / "nowhere")
    elif os.geteuid() == 0:
        pytest.skip("root reads everything")
    else:
        database.write_bytes(b"x")
        database.chmod(0)
    begun = time.monotonic()
    if kind == "unreadable":
        with pytest.raises(TrackerError, match="cannot be written"):
            track([outcome], project, Store(project.runs), quiet)
    else:
        assert track([outcome], project, Store(project.runs), quiet).added
    assert time.monotonic() - begun < 60


def test_a_home_of_letters_that_mean_something_in_an_address(tmp_path: Path) -> None:
    place = tmp_path / "100%25 a?b=c#d"
    place.mkdir()
    project, store, outcome = filled(place)
    said = track([outcome], project, store, quiet)
    assert "added" in str(said)
    assert (project.mlflow / "mlflow.db").is_file()
    assert "0 added" in str(track([outcome], project, store, quiet, rebuild=True))
