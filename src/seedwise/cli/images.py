"""`seedwise images`: build, pull and push backends ahead of time, show the lock, and commit what was built to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedwise.cli.common import DeviceName, DeviceOption, RuntimeName, RuntimeOption, options_of, say
from seedwise.errors import InputError
from seedwise.images.definition import CommandBackend, load_definition
from seedwise.images.lock import commit_lock, committed_path, latest
from seedwise.images.registry import VARIABLE, prefix
from seedwise.project import find_project
from seedwise.runtimes.choose import choose

if TYPE_CHECKING:
    from seedwise.runtimes.docker import DockerRuntime

BackendsArgument = Annotated[list[str] | None, typer.Argument(help="Default: every backend.", show_default=False)]
RegistryOption = Annotated[
    str | None, typer.Option("--registry", help=f"HOST[:PORT][/PATH]; default: {VARIABLE}, or what the lock names.")
]

app = typer.Typer(help="Images and environments of backends.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def build(
    backends: BackendsArgument = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
) -> None:
    """Make what is missing: images, pulled where a lock pins an upload and built otherwise; environments where no engine answers."""
    project = find_project(Path.cwd())
    definition = load_definition(project)
    names = backends or [name for name, kind in definition.backends.items() if not isinstance(kind, CommandBackend)]
    flavour = "cuda" if device is DeviceName.cuda else "cpu"
    chosen, why = choose(project, options_of(runtime, device).runtime, flavour)
    say(f"runtime: {chosen.name} ({why})")
    for name, digest in chosen.prepare(names, say).items():
        typer.echo(f"{name}\t{digest}")


@app.command()
def pull(
    backends: BackendsArgument = None,
    registry: RegistryOption = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
) -> None:
    """Pull, by digest, the images that a lock pins for the present sources; the harness does so by itself before it builds."""
    names, engine = _images(backends, runtime, device)
    where = prefix(registry)
    for name in names:
        image = engine.pull(name, where, say)
        typer.echo(f"{name}\t{image.digest}\t{image.repo_digest or 'built here'}")


@app.command()
def push(
    backends: BackendsArgument = None,
    registry: RegistryOption = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
) -> None:
    """Upload built images; 'seedwise images lock' then pins them by the registry's digests, for everybody to pull."""
    names, engine = _images(backends, runtime, device)
    where = prefix(registry)
    if where is None:
        raise InputError(f"no registry: name it by --registry HOST[:PORT][/PATH], or by {VARIABLE}")
    for name in names:
        image = engine.push(name, where)
        typer.echo(f"{name}\t{image.digest}\t{image.repo_digest}")


def _images(
    backends: list[str] | None, runtime: RuntimeName | None, device: DeviceName | None
) -> tuple[list[str], DockerRuntime]:
    """The backends that are images, and the engine that holds them."""
    from seedwise.runtimes.docker import DockerRuntime

    project = find_project(Path.cwd())
    definition = load_definition(project)
    flavour = "cuda" if device is DeviceName.cuda else "cpu"
    wanted = runtime if runtime not in (None, RuntimeName.auto) else RuntimeName.docker
    chosen, why = choose(project, wanted, flavour)
    if not isinstance(chosen, DockerRuntime):
        raise InputError(f"--runtime {wanted}: has no images; name docker or podman")
    say(f"runtime: {chosen.name} ({why})")
    return backends or [
        name for name, kind in definition.backends.items() if not isinstance(kind, CommandBackend)
    ], chosen


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
