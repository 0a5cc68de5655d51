"""`seedwise ui`: MLflow's own pages over the local history."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from seedwise.errors import InputError
from seedwise.project import find_project


def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Browse the local run history; end with Ctrl-C."""
    project = find_project(Path.cwd())
    database = project.mlflow / "mlflow.db"
    if not database.is_file():
        raise InputError(f"{database}: no history yet; run `nox -s bench`, or `seedwise track` after runs")
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{database}",
        "--artifacts-destination",
        str(project.mlflow / "artifacts"),
    ]
    typer.echo(f"run history: http://127.0.0.1:{port}")
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    try:
        raise typer.Exit(subprocess.run(command, env=environment).returncode)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
