"""After the runs: the MLflow import and the report, each told on its own line."""

from __future__ import annotations

from collections.abc import Sequence

from seedwise.comparison import StudyOutcome
from seedwise.errors import SeedwiseError
from seedwise.project import Project
from seedwise.runtimes.base import Say
from seedwise.store import Store


def record(outcomes: Sequence[StudyOutcome], project: Project, store: Store, say: Say) -> list[SeedwiseError]:
    """Import into MLflow and write the report; what failed is returned, so that one never keeps the other from being done."""
    from seedwise.report import write_report
    from seedwise.tracker import track

    failed = []
    try:
        summary = track(outcomes, project, store, say)
        say(f"MLflow: {summary}")
    except SeedwiseError as error:
        failed.append(error)
    try:
        say(f"report: {write_report(outcomes, project, store, say)}")
    except SeedwiseError as error:
        failed.append(error)
    return failed
