"""`seedwise images`: build backends ahead of time, show the lock, and commit what was built to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedwise.cli.common import DeviceName, DeviceOption, RuntimeOption, options_of, say
from seedwise.images.definition import CommandBackend, load_definition
from seedwise.images.lock import commit_lock, committed_path, latest
from seedwise.project import find_project
from seedwise.runtimes.choose import choose

app = typer.Typer(help="Images and environments of backends.", no_args_is_help=True)


@app.command()
def build(
    backends: Annotated[list[str] | None, typer.Argument(help="Default: every backend.", show_default=False)] = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
) -> None:
    """Build what is missing: images where an engine answers, else environments."""
    project = find_project(Path.cwd())
    definition = load_definition(project)
    names = backends or [name for name, kind in definition.backends.items() if not isinstance(kind, CommandBackend)]
    flavour = "cuda" if device is DeviceName.cuda else "cpu"
    chosen, why = choose(project, options_of(runtime, device).runtime, flavour)
    say(f"runtime: {chosen.name} ({why})")
    for name, digest in chosen.prepare(names, say).items():
        typer.echo(f"{name}\t{digest}")


@app.command("list")
def list_images() -> None:
    """Show the locked images, the last one built of each."""
    for name, image in latest(find_project(Path.cwd())).items():
        typer.echo(
            f"{name:<14} {image.digest}  {image.size_bytes / 1e6:.0f} MB  on {image.base.reference}  {image.built_at}"
        )


@app.command()
def lock() -> None:
    """Copy what was built here into the images.lock that is committed (docker/ of a checkout, else backends/)."""
    project = find_project(Path.cwd())
    changed = commit_lock(project)
    typer.echo(
        f"{committed_path(project).relative_to(project.root)}: {', '.join(changed) + ' changed' if changed else 'up to date'}"
    )
