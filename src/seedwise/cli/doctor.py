"""`seedwise doctor`: what works here, and what to do about the rest."""

from __future__ import annotations

from pathlib import Path

import typer

from seedwise.cli.common import DeviceOption, EngineOption, RuntimeOption, options_of, say
from seedwise.execution.doctor import Health, examine
from seedwise.execution.engines.choose import LOCAL, engine_name, open_cluster
from seedwise.execution.engines.packing import gib
from seedwise.execution.engines.probe import check
from seedwise.execution.workbench import Options
from seedwise.images.definition import load_definition
from seedwise.project import Project, find_project, find_root, project_at
from seedwise.runtimes.choose import choose

_COLOURS = {Health.OK: typer.colors.GREEN, Health.WARNING: typer.colors.YELLOW, Health.PROBLEM: typer.colors.RED}


def doctor(
    engine: EngineOption = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
) -> None:
    """Check container engine, GPU, disk, registries and MLflow; say what to do.  Exit code 1 where the main job cannot be done.

    With --engine, every host of that cluster: what it has, whether it sees the same folder, backends and clock.
    """
    asked = engine_name(engine)
    if asked != LOCAL:
        _hosts(find_project(Path.cwd()), asked, options_of(runtime, device, engine=asked))
        return
    root = find_root(Path.cwd())
    if root is None:
        say("no project here yet ('seedwise init' makes one): this is what one in this folder would have")
    project = project_at(root or Path.cwd())
    worst = Health.OK
    for finding in examine(project):
        typer.echo(
            f"{typer.style(f'{finding.health.value:<8}', fg=_COLOURS[finding.health])} {finding.name:<18} {finding.found}"
        )
        if finding.advice:
            typer.echo(f"{'':<27} → {finding.advice}")
        if finding.health is Health.PROBLEM:
            worst = Health.PROBLEM
    if worst is Health.PROBLEM:
        raise typer.Exit(1)


def _hosts(project: Project, asked: str, options: Options) -> None:
    """A line for each host of the cluster, and below it what is wrong there."""
    cluster = open_cluster(asked, project)
    try:
        gpus = options.device != "cpu" and any(node.gpus for node in cluster.capacity())
        flavour = options.flavour or ("cuda" if gpus else "cpu")
        runtime, why = choose(project, options.runtime, flavour)
        digests = {name: runtime.digest(name) for name in load_definition(project).backends}
        built = {name: digest for name, digest in digests.items() if digest is not None}
        say(f"runtime: {runtime.name} ({why}); backends built here: {', '.join(built) or 'none'}")
        typer.echo(
            f"{'host':<24} {'':<8} {'cores':>5} {'memory':>10} {'GPUs':>4} {'python':<8} {'free':>10}  file seen after"
        )
        faults = 0
        for checked in check(cluster, project, runtime, built):
            health = Health.PROBLEM if checked.faults else Health.OK
            line = f"{checked.host:<24} {typer.style(f'{health.value:<8}', fg=_COLOURS[health])}"
            if (found := checked.answer) is not None:
                seen = "never" if found.seen_after is None else f"{found.seen_after:.1f} s"
                line += f" {found.cores:>5} {gib(found.memory_bytes):>10} {found.gpus:>4} {found.python:<8}"
                line += f" {gib(found.free_bytes):>10}  {seen}"
            typer.echo(line)
            for fault in checked.faults:
                typer.echo(f"{'':<24} → {fault}")
            faults += len(checked.faults)
    finally:
        cluster.close()
    if faults:
        raise typer.Exit(1)
