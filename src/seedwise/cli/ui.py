"""`seedwise ui`: MLflow's own pages over the local history."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from seedwise.errors import InputError
from seedwise.project import find_project
from seedwise.tracker.ui import PORT, quiet_environment, serve, ui_command


def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = PORT,
) -> None:
    """Browse the local run history; end with Ctrl-C."""
    project = find_project(Path.cwd())
    database = project.mlflow / "mlflow.db"
    if not database.is_file():
        raise InputError(f"{database}: no history yet; run `seedwise bench`, or `seedwise track` after runs")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                f"port {port} of 127.0.0.1 cannot be taken: {error.strerror}; name another one with --port"
            ) from None
    typer.echo(f"run history: http://127.0.0.1:{port}")
    raise typer.Exit(serve(ui_command(project, port), quiet_environment()))
