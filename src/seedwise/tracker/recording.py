"""The MLflow import and the report of decided studies: after the runs, each told on its own line, or early and quietly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from seedwise.errors import FAILURES, SeedwiseError, failure
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.store.store import Store
from seedwise.verdicts.comparison import StudyOutcome
from seedwise.verdicts.over_tasks import SuiteOutcome


def record(
    outcomes: Sequence[StudyOutcome],
    project: Project,
    store: Store,
    say: Notify,
    suites: Sequence[SuiteOutcome] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> list[SeedwiseError]:
    """Write the reports and import into MLflow, the reports with it; a CI job's summary is given the Markdown.

    What failed is returned, so that one never keeps the other from being done.  `stopped`: whether to go no further.
    """
    from seedwise.report import append_summary, write_reports
    from seedwise.tracker import track

    failed: list[SeedwiseError] = []
    reports: dict[str, Path] = {}
    try:
        reports = write_reports(outcomes, project, store, say, suites)
        pages = list(reports.values())
        say(f"report: {pages[0] if len(pages) == 1 else project.reports / 'index.html'}")
        append_summary(project.reports)
    except FAILURES as error:
        failed.append(failure(error, "the report was not written", project.reports))
    try:
        say(f"MLflow: {track(outcomes, project, store, say, reports=reports, stopped=stopped)}")
    except FAILURES as error:
        failed.append(failure(error, "nothing more was imported into MLflow", project.mlflow))
    return failed


def record_early(outcome: StudyOutcome, project: Project, store: Store) -> None:
    """What `record` would do for one study, without a word: a failure is left for `record`, which tries again and tells."""
    from seedwise.report import write_reports
    from seedwise.tracker import track

    def quiet(_: str) -> None: ...

    with suppress(*FAILURES):
        track([outcome], project, store, quiet, reports=write_reports([outcome], project, store, quiet))
