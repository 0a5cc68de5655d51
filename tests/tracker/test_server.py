"""The team's server for real: `mlflow server` over PostgreSQL, with artifacts through the server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedwise.tracker import quiet_environment, track
from seedwise.tracker.connection import connected, find_target
from tests.tracker.conftest import read_history
from tests.tracker.stores import filled, quiet

pytestmark = pytest.mark.minutes

USER = "nobody"


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("no PostgreSQL server on this machine (initdb not found)")
    return found[-1].parent if found else Path(str(on_path)).parent


def _unprivileged() -> list[str]:
    """How to start what refuses to run as root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL does not run as root, and setpriv is not there to change the user")
    return ["setpriv", "--reuid", USER, "--regid", "nogroup", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URI of an empty database in a cluster of its own, on loopback."""
    binaries, prefix = _binaries(), _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="seedwise-pg-"))
    if prefix:
        shutil.chown(folder, USER)
    port = _free_port()
    cluster = folder / "cluster"
    subprocess.run(
        [*prefix, str(binaries / "initdb"), "-D", str(cluster), "-U", "mlflow", "-A", "trust", "-N"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    arguments = ["-D", str(cluster), "-k", str(folder), "-h", "127.0.0.1", "-p", str(port), "-c", "fsync=off"]
    server = subprocess.Popen([*prefix, str(binaries / "postgres"), *arguments], cwd=folder, stderr=subprocess.DEVNULL)
    try:
        create = [str(binaries / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"]
        for _ in range(100):
            if subprocess.run(create, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/mlflow"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PostgreSQL driver that the server's image has, from the same lock file."""
    lock = (Path(__file__).parents[2] / "mlflow" / "requirements.lock").read_text()
    (pinned,) = [entry for entry in re.split(r"\n(?=\S)", lock) if entry.startswith("psycopg2-binary==")]
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.lock").write_text(pinned + "\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--target",
        str(folder),
    ]
    ended = subprocess.run([*command, "-r", str(folder / "driver.lock")], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        pytest.skip(f"the PostgreSQL driver cannot be installed: {ended.stderr.strip()[-300:]}")
    return folder


@pytest.fixture(scope="module")
def server(postgresql: str, driver: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of an MLflow server over it, and the folder where that keeps artifacts."""
    folder, port = tmp_path_factory.mktemp("server"), _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", postgresql, "--artifacts-destination", (folder / "artifacts").as_uri()),
    ]
    environment = {**quiet_environment(), "PYTHONPATH": str(driver)}
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(300):
            if process.poll() is not None or _healthy(address):
                break
            time.sleep(0.3)
        assert _healthy(address), (folder / "server.log").read_text()
        yield address, folder / "artifacts"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_a_team_server(server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address, artifacts = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    project, store, outcome = filled(tmp_path, diverged=["random[seed=1]"])
    summary = track([outcome], project, store, quiet)
    assert (summary.added, summary.unchanged, summary.replaced) == (13, 0, 0)
    assert f"{address}/#/experiments/" in str(summary)
    with connected(find_target(project)) as client:
        found = read_history(client)
        assert len(found.of("seed")) == 9
        seed = found.one("seed", "pretrained seed 0")
        assert seed.info.artifact_uri.startswith("mlflow-artifacts:")
        downloaded = client.download_artifacts(seed.info.run_id, "predictions/test.jsonl", str(tmp_path))
        stored = outcome.arms["pretrained"].runs[0].folder / "predictions" / "test.jsonl"
        assert Path(downloaded).read_bytes() == stored.read_bytes()
        diverged = found.one("seed", "random seed 1 (diverged)")
        losses = client.get_metric_history(diverged.info.run_id, "train/loss")
        assert sum(point.value != point.value for point in losses) == 8
    assert any(artifacts.rglob("result.json"))
    assert not (project.mlflow / "mlflow.db").exists()
    assert not (project.mlflow / "artifacts").exists()

    again = track([outcome], project, store, quiet)
    assert (again.added, again.unchanged, again.replaced) == (0, 13, 0)
    with connected(find_target(project)) as client:
        assert read_history(client).ids == found.ids
        client.delete_experiment(found.experiments["pretrained-vs-random"])
    track([outcome], project, store, quiet)
    with connected(find_target(project)) as client:
        assert read_history(client).shape == found.shape
