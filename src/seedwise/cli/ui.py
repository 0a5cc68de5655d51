"""`seedwise ui`: MLflow's own pages over the local history."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from seedwise.errors import InputError
from seedwise.project import find_project
from seedwise.tracker.ui import PORT, quiet_environment, ui_command


def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = PORT,
) -> None:
    """Browse the local run history; end with Ctrl-C."""
    project = find_project(Path.cwd())
    database = project.mlflow / "mlflow.db"
    if not database.is_file():
        raise InputError(f"{database}: no history yet; run `nox -s bench`, or `seedwise track` after runs")
    typer.echo(f"run history: http://127.0.0.1:{port}")
    try:
        raise typer.Exit(subprocess.run(ui_command(project, port), env=quiet_environment()).returncode)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
