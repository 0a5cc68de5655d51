"""`seedwise track` and `seedwise report`: what the store holds, into MLflow and into a page."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from seedwise.cli.common import (
    DeviceOption,
    RuntimeOption,
    StudiesArgument,
    find_studies,
    options_of,
    say,
    show,
    suites_of,
)
from seedwise.execution.workbench import Workbench, open_workbench
from seedwise.signals import Signals
from seedwise.store.tuning import Untuned

if TYPE_CHECKING:
    from seedwise.report.render import Kind
    from seedwise.verdicts.comparison import StudyOutcome
    from seedwise.verdicts.over_tasks import SuiteOutcome


class Format(StrEnum):
    html = "html"
    md = "md"
    latex = "latex"
    csv = "csv"
    json = "json"
    scores = "scores"
    all = "all"


_KINDS: dict[Format, Kind] = {form: form.value for form in Format if form is not Format.all}  # type: ignore[misc]


RequireExactOption = Annotated[
    bool,
    typer.Option("--require-exact", help="An exact test has to confirm a difference, as with `exact: required`."),
]


def _outcomes(
    studies: StudiesArgument, runtime: RuntimeOption, device: DeviceOption, require_exact: bool
) -> tuple[Workbench, list[StudyOutcome], list[SuiteOutcome]]:
    from seedwise.verdicts.over_tasks import compare_all  # brings scipy, slow to import; only these commands need it

    project, files = find_studies(studies)
    bench = open_workbench(project, options_of(runtime, device), [file.study for file in files])
    plans = []
    for file in files:
        try:
            plans.append(replace(bench.plan(file.study, say), source=file.path))
        except Untuned as error:
            say(str(error))
    return bench, *compare_all(plans, suites_of(files), bench.store, require_exact=require_exact)


def track_command(
    studies: StudiesArgument = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    require_exact: RequireExactOption = False,
    rebuild: bool = typer.Option(
        False, "--rebuild", help="Compare with the server run by run, whatever was imported before."
    ),
) -> None:
    """Import finished runs into MLflow (MLFLOW_TRACKING_URI, or the local history).  Twice changes nothing."""
    from seedwise.tracker import track

    bench, outcomes, _ = _outcomes(studies, runtime, device, require_exact)
    with Signals() as told:
        summary = track(outcomes, bench.project, bench.store, say, rebuild=rebuild, stopped=lambda: bool(told))
    typer.echo(str(summary))


def report_command(
    studies: StudiesArgument = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    require_exact: RequireExactOption = False,
    form: Annotated[
        Format,
        typer.Option(
            "--format", help="Print this format of these studies; all: write every format, print the verdicts."
        ),
    ] = Format.all,
) -> None:
    """Report what is done so far: write HTML, Markdown, LaTeX, CSV and JSON, or print one of them."""
    from seedwise.report import build, render, write_reports
    from seedwise.report.beside import lines_beside
    from seedwise.report.suite import suite_lines

    bench, outcomes, suites = _outcomes(studies, runtime, device, require_exact)
    if form is not Format.all:
        typer.echo(render(build(outcomes, bench.store), _KINDS[form]), nl=False)
        return
    for outcome in outcomes:
        for claim in (*outcome.claims, *outcome.explored):
            show(f"{claim.name}{'' if claim.declared else ' (exploratory)'}: {claim.sentence}")
        for line in lines_beside(outcome, bench.store):
            show(line)
        for refused in outcome.refused:
            show(f"{refused.claim.name}: {refused.reason}")
        for undecided in outcome.open_claims:
            show(f"{undecided.name}: open; {len(outcome.missing)} of {len(outcome.plan.runs)} runs are missing")
    for over in suites:
        show("\n".join(suite_lines(over)))
    for page in write_reports(outcomes, bench.project, bench.store, say, suites).values():
        typer.echo(page)
