"""`seedwise track` and `seedwise report`: what the store holds, into MLflow and into a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from seedwise.cli.common import DeviceOption, RuntimeOption, StudiesArgument, find_studies, options_of, say
from seedwise.workbench import Workbench, open_workbench

if TYPE_CHECKING:
    from seedwise.comparison import StudyOutcome


def _outcomes(
    studies: StudiesArgument, runtime: RuntimeOption, device: DeviceOption
) -> tuple[Workbench, list[StudyOutcome]]:
    from seedwise.comparison import compare  # brings scipy.stats, slow to import; only these commands need it

    project, files = find_studies(studies)
    bench = open_workbench(project, options_of(runtime, device), [file.study for file in files])
    return bench, [compare(bench.plan(file.study, say), bench.store) for file in files]


def track_command(
    studies: StudiesArgument = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    rebuild: bool = typer.Option(
        False, "--rebuild", help="Compare with the server run by run, whatever was imported before."
    ),
) -> None:
    """Import finished runs into MLflow (MLFLOW_TRACKING_URI, or the local history).  Twice changes nothing."""
    from seedwise.tracker import track

    bench, outcomes = _outcomes(studies, runtime, device)
    typer.echo(str(track(outcomes, bench.project, bench.store, say, rebuild=rebuild)))


def report_command(studies: StudiesArgument = None, runtime: RuntimeOption = None, device: DeviceOption = None) -> None:
    """Write the report (HTML, Markdown, JSON) of what is done so far, and print the verdicts."""
    from seedwise.report import write_report

    bench, outcomes = _outcomes(studies, runtime, device)
    for outcome in outcomes:
        for claim in (*outcome.claims, *outcome.explored):
            typer.echo(f"{claim.name}{'' if claim.declared else ' (exploratory)'}: {claim.sentence}")
        for refused in outcome.refused:
            typer.echo(f"{refused.claim.name}: {refused.reason}")
        for undecided in outcome.open_claims:
            typer.echo(f"{undecided.name}: open; {len(outcome.missing)} of {len(outcome.plan.runs)} runs are missing")
    typer.echo(write_report(outcomes, bench.project, bench.store, say))
