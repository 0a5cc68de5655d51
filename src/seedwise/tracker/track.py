"""`track`: the one way into MLflow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.store.store import Store
from seedwise.temporary import sweep
from seedwise.tracker.connection import DamagedHistory, Target, TrackerError, connected, find_target
from seedwise.tracker.database import holds_studies, set_aside
from seedwise.tracker.stamp import Imported, Imports, read_stamp, still_there, write_stamp
from seedwise.tracker.tree import Tree, make_trees
from seedwise.tracker.ui import PORT, page
from seedwise.verdicts.comparison import StudyOutcome

if TYPE_CHECKING:
    from seedwise.tracker.importer import Counts

WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What an import did, counted in MLflow runs (comparisons and arms too), and how to see it.

    `pages` holds each study's run table, below the address of the server or of the local history.
    """

    added: int
    unchanged: int
    replaced: int
    uri: str
    how: str
    pages: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.added} added, {self.unchanged} unchanged, {self.replaced} replaced; {self.how}"


def track(
    outcomes: Sequence[StudyOutcome],
    project: Project,
    store: Store,
    say: Notify,
    *,
    rebuild: bool = False,
    reports: Mapping[str, Path] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> TrackSummary:
    """Make MLflow hold the outcomes and all their finished runs; twice changes nothing.

    `rebuild` looks at every run in MLflow even where the stamp of the last import says that nothing changed.  `reports`
    (study → file or folder) are attached to the comparisons.  `TrackerError` where MLflow cannot be reached or written, and
    where `stopped` comes to say so: the next import goes on.
    """
    sweep()  # what a killed import left, also where there is nothing to add now
    target = find_target(project)
    trees = make_trees(outcomes, store, reports or {})
    if not trees:
        return _summary(target, 0, 0, 0, {})
    digests = {tree.key: tree.digest() for tree in trees}
    if not rebuild and (known := _known(project, target, digests)) is not None:
        pages = {tree.study: known.comparisons[tree.key].experiment for tree in trees}
        return _summary(target, 0, sum(len(known.comparisons[key].runs) for key in digests), 0, pages)
    with _alone(project, say):
        try:
            done, counts = _imported(project, target, trees, digests, say, stopped)
        except DamagedHistory as error:
            if target.database is None or not os.path.lexists(target.database):
                raise
            others = holds_studies(target.database)
            aside = set_aside(target.database)
            say(f"{error}")
            say(
                f"MLflow: the database lies now at {aside}, and a new one is made"
                + ("; `seedwise track FILE` brings studies back that are not imported here" if others else "")
            )
            done, counts = _imported(project, target, trees, digests, say, stopped)
    pages = {tree.study: done[tree.key].experiment for tree in trees}
    return _summary(target, counts.added, counts.unchanged, counts.replaced, pages)


def _imported(
    project: Project,
    target: Target,
    trees: Sequence[Tree],
    digests: Mapping[str, str],
    say: Notify,
    stopped: Callable[[], bool],
) -> tuple[dict[str, Imported], Counts]:
    """All of `trees`, and the stamp of the project's own database; `TrackerError` names what kept it."""
    with connected(target) as client:
        from seedwise.tracker.importer import Importer

        importer = Importer(client, target, say, stopped)
        done = {}
        for tree in trees:
            experiment, runs = importer.write(tree)
            done[tree.key] = Imported(digest=digests[tree.key], experiment=experiment, runs=runs)
        if target.database is not None:
            earlier = read_stamp(project.mlflow, target.database)
            write_stamp(project.mlflow, target.database, Imports({**earlier.comparisons, **done}))
    return done, importer.counts


def _known(project: Project, target: Target, digests: Mapping[str, str]) -> Imports | None:
    """The stamp, where all of `digests` are in the project's own database already."""
    if target.database is None:
        return None
    imports = read_stamp(project.mlflow, target.database)
    if not imports.holds(dict(digests)):
        return None
    runs = [run for key in digests for run in imports.comparisons[key].runs]
    return imports if still_there(target.database, runs) else None


@contextmanager
def _alone(project: Project, say: Notify) -> Iterator[None]:
    """Holds the lock of the one writer; whoever comes second waits."""
    try:
        project.mlflow.mkdir(parents=True, exist_ok=True)
        lock = FileLock(project.mlflow / ".import.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say("MLflow: another import is at work; waiting for it")
            lock.acquire(timeout=WAIT_SECONDS)
    except Timeout:
        raise TrackerError(
            f"{project.mlflow}: another import has been at work for {WAIT_SECONDS / 60:.0f} minutes; "
            "end it, then import again"
        ) from None
    except OSError as error:
        raise TrackerError(f"{project.mlflow}: {error.strerror or error}; the runs are safe in the store") from None
    try:
        yield
    finally:
        lock.release()


def _summary(target: Target, added: int, unchanged: int, replaced: int, experiments: Mapping[str, str]) -> TrackSummary:
    pages = {study: page(experiment) for study, experiment in experiments.items()}
    if target.is_server:
        address = target.shown.rstrip("/")
        links = [f"{address}/{fragment}" for fragment in pages.values()]
        how = f"see {', '.join(links)}" if links else f"server {address}"
    elif target.database is not None:
        links = [f"http://127.0.0.1:{PORT}/{fragment}" for fragment in pages.values()]
        how = "open with `seedwise ui`" + (f": {', '.join(links)}" if links else "")
    else:
        how = f"open with `mlflow server --backend-store-uri {target.shown}`"
    return TrackSummary(added, unchanged, replaced, target.uri, how, pages)
