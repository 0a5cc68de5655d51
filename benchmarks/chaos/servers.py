"""A PostgreSQL and an MLflow server over it, for imports that are not local; None where this machine has no PostgreSQL."""

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
import urllib.request
from pathlib import Path

from seedwise.tracker import quiet_environment

ROOT = Path(__file__).parents[2]


class Servers:
    """`address` is MLflow's; it can be killed and started again, and keeps what it has."""

    def __init__(self) -> None:
        binaries = _postgresql()
        if binaries is None:
            raise FileNotFoundError("no PostgreSQL on this machine")
        prefix = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        self._folder = Path(tempfile.mkdtemp(prefix="chaos-servers-"))
        database = self._folder / "database"
        database.mkdir()
        self._folder.chmod(0o755)
        if prefix:
            shutil.chown(database, "nobody")
        place, port = str(database / "cluster"), _free_port()
        self._port = _free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        subprocess.run(
            [*prefix, str(binaries / "initdb"), "-D", place, "-U", "mlflow", "-A", "trust", "-N"],
            check=True, capture_output=True, cwd=database,
        )  # fmt: skip
        self._postgres = subprocess.Popen(
            [*prefix, str(binaries / "postgres"), "-D", place, "-k", str(database), "-h", "127.0.0.1", "-p", str(port), "-c", "fsync=off"],
            cwd=database, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        create = [str(binaries / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"]
        for _ in range(100):
            if subprocess.run(create, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.2)
        self._uri = f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/mlflow"
        self._driver = self._install_driver()
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def processes(self) -> frozenset[int]:
        """PostgreSQL and MLflow, children of this process."""
        return frozenset({self._postgres.pid} | ({self._server.pid} if self._server else set()))

    def start(self) -> None:
        command = [
            *(
                sys.executable,
                "-m",
                "mlflow",
                "server",
                "--host",
                "127.0.0.1",
                "--port",
                str(self._port),
                "--workers",
                "1",
            ),
            *("--backend-store-uri", self._uri, "--artifacts-destination", (self._folder / "artifacts").as_uri()),
        ]
        environment = {**quiet_environment(), "PYTHONPATH": str(self._driver)}
        with open(self._folder / "server.log", "ab") as log:
            self._server = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(600):
            if self._answers():
                return
            time.sleep(0.2)
        raise RuntimeError(f"{self._folder / 'server.log'}: the MLflow server does not come up")

    def kill(self) -> None:
        assert self._server is not None
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def seed_runs(self, experiment: str) -> int:
        from mlflow import MlflowClient

        client = MlflowClient(self.address)
        found = client.get_experiment_by_name(experiment)
        return 0 if found is None else len(client.search_runs([found.experiment_id], "tags.`seedwise.kind` = 'seed'"))

    def close(self) -> None:
        self.kill()
        self._postgres.send_signal(signal.SIGINT)
        self._postgres.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _install_driver(self) -> Path:
        lock = (ROOT / "mlflow" / "requirements.lock").read_text()
        (pinned,) = [entry for entry in re.split(r"\n(?=\S)", lock) if entry.startswith("psycopg2-binary==")]
        folder = self._folder / "driver"
        folder.mkdir()
        (folder / "driver.lock").write_text(pinned + "\n")
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(folder)),
                *("-r", str(folder / "driver.lock")),
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        return folder


def has_postgresql() -> bool:
    return _postgresql() is not None


def _postgresql() -> Path | None:
    """The folder of its programs; Debian keeps them off the path."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    return max([*found, *([Path(on_path).resolve().parent] if on_path else [])], default=None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
