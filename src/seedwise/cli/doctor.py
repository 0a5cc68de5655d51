"""`seedwise doctor`: what works here, and what to do about the rest."""

from __future__ import annotations

from pathlib import Path

import typer

from seedwise.execution.doctor import Health, examine
from seedwise.project import find_project

_COLOURS = {Health.OK: typer.colors.GREEN, Health.WARNING: typer.colors.YELLOW, Health.PROBLEM: typer.colors.RED}


def doctor() -> None:
    """Check engine, GPU, disk, registries and MLflow; say what to do.  Exit code 1 where the main job cannot be done."""
    worst = Health.OK
    for finding in examine(find_project(Path.cwd())):
        typer.echo(
            f"{typer.style(f'{finding.health.value:<8}', fg=_COLOURS[finding.health])} {finding.name:<18} {finding.found}"
        )
        if finding.advice:
            typer.echo(f"{'':<27} → {finding.advice}")
        if finding.health is Health.PROBLEM:
            worst = Health.PROBLEM
    if worst is Health.PROBLEM:
        raise typer.Exit(1)
