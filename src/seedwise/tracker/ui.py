"""How the history is opened, and what its table shows first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from seedwise.project import Project
from seedwise.runtimes.launch import launched
from seedwise.tracker.connection import QUIET
from seedwise.tracker.content import ORDER
from seedwise.tracker.database import sqlite_uri

PORT = 5000
_PATIENCE = 10.0  # seconds
VIEW = "seedwise"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"


def page(experiment: str) -> str:
    """The run table of an experiment below a server's address, with the columns chosen here."""
    return f"#/experiments/{experiment}/runs?viewStateShareKey={VIEW}"


def place(began: int, comparison: str, arm: int = 0, seed: int = -1) -> str:
    """Where a run stands in the table: newest comparison first, in it arm by arm, an arm before its seeds."""
    return f"{10**13 - began:014d}.{comparison[:6]}.{arm:03d}.{seed + 1:010d}"


def view_state(metric: str) -> str:
    """The table as a reader wants it first, since MLflow cannot be told to open a tree: every run in the order of
    `place`, with score, spread, interval, seeds and verdict as columns.  Sorting by time shows the tree."""
    figures = (metric, f"{metric}_sd", f"{metric}_low", f"{metric}_high", "seeds")
    columns = [
        *(f"metrics.`{key}`" for key in figures),
        *(f"tags.`seedwise.{key}`" for key in ("verdict", "host")),
    ]
    state = {"selectedColumns": columns, "orderByKey": f"tags.`{ORDER}`", "orderByAsc": True}
    return json.dumps(state, sort_keys=True)


def quiet_environment() -> dict[str, str]:
    """This process's environment with MLflow's telemetry switched off."""
    return {**os.environ, **QUIET}


def ui_command(project: Project, port: int = PORT) -> list[str]:
    """The command that serves the local history on this machine only; run it with `quiet_environment`."""
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", sqlite_uri(project.mlflow / "mlflow.db")),
        *("--default-artifact-root", (project.mlflow / "artifacts").as_uri()),
    ]


def serve(command: list[str], environment: dict[str, str]) -> int:
    """Run the server and its helpers until it ends, or until this process is told to; its exit code, 0 where it was told.

    They have a process group of their own.  Where this process is killed, the system kills the server, and its helpers
    end when it is gone.
    """
    told: list[int] = []
    server = subprocess.Popen([*launched(), *command], env=environment, start_new_session=True)

    def tell(number: int, frame: object) -> None:
        told.append(number)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    code, since = None, None
    try:
        while code is None:
            try:
                code = server.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                since = since or (time.monotonic() if told else None)
                if since is not None and time.monotonic() - since > _PATIENCE:
                    with suppress(ProcessLookupError):
                        os.killpg(server.pid, signal.SIGKILL)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # helpers that it left
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if told else code
