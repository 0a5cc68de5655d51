"""After the runs: the MLflow import and the report, each told on its own line."""

from __future__ import annotations

from collections.abc import Sequence

from seedwise.comparison import StudyOutcome
from seedwise.errors import SeedwiseError
from seedwise.project import Project
from seedwise.say import Say
from seedwise.store import Store


def record(outcomes: Sequence[StudyOutcome], project: Project, store: Store, say: Say) -> list[SeedwiseError]:
    """Write the report and import into MLflow, the report with it.

    What failed is returned, so that one never keeps the other from being done.
    """
    from seedwise.report import write_report
    from seedwise.tracker import track

    failed = []
    reports = {}
    try:
        page = write_report(outcomes, project, store, say)
        say(f"report: {page}")
        reports = {outcome.study.name: page for outcome in outcomes}
    except SeedwiseError as error:
        failed.append(error)
    try:
        say(f"MLflow: {track(outcomes, project, store, say, reports=reports)}")
    except SeedwiseError as error:
        failed.append(error)
    return failed
