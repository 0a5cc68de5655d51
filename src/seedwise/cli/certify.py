"""`seedwise certify`: proof that the backends of a study's claims do the same work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedwise.cli.common import DeviceOption, RuntimeOption, find_studies, options_of, say
from seedwise.execution.workbench import open_workbench
from seedwise.verdicts.certificates.certificate import Certificate
from seedwise.verdicts.certificates.need import Shelf, needs_of

_FAILED = 1


def certify(
    studies: Annotated[list[Path], typer.Argument(help="Study files, or folders of them.")],
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    again: Annotated[bool, typer.Option("--again", help="Also where a certificate is there already.")] = False,
) -> None:
    """Probe both backends of every claim across backends, and print what agrees and what cannot.  Exit code 1 where a check fails."""
    from seedwise.verdicts.certificates.make import Certifier

    project, files = find_studies(studies)
    bench = open_workbench(project, options_of(runtime, device), [file.study for file in files])
    say(f"runtime: {bench.runtime.name} ({bench.why})")
    try:
        plans, refused = bench.prepare([file.study for file in files], say)
        for error in refused.values():
            raise error
        shelf = Shelf.beside(bench.store.root)
        passed = True
        for plan in plans.values():
            needs = needs_of(plan)
            if not needs:
                typer.echo(f"{plan.study.name}: no claim across backends; nothing to certify")
            certifier = Certifier(project, bench.runtime, bench.pool, plan.study.memory_gib, say)
            for need in needs:
                certificate = None if again else shelf.find(need)
                if certificate is None:
                    certificate = certifier.make(need)
                    shelf.put(need, certificate)
                _show(certificate, shelf.path(need))
                passed = passed and certificate.passed
    finally:
        bench.runtime.close()
    if not passed:
        raise typer.Exit(_FAILED)


def _show(certificate: Certificate, path: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=False)
    table = Table(title=certificate.title, title_justify="left")
    for column in ("check", "measured", "tolerance", ""):
        table.add_column(column)
    for check in certificate.checks:
        table.add_row(check.name, check.measured, check.tolerance, "PASS" if check.passed else "FAIL")
    console.print(table)
    for unequal in certificate.unequal:
        typer.echo(f"not equal: {unequal.name}: {unequal.effect}")
    for side in certificate.sides:
        typer.echo(f"{side.backend}: {side.digest}")
    typer.echo(f"{'PASS' if certificate.passed else 'FAIL'}: {path}")
