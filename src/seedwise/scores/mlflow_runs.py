"""Scores from MLflow runs of any system: a run a seed, chosen by filter.  MLflow is imported only when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwise.errors import InputError
from seedwise.scores.frame import Frame, frame_of_lists
from seedwise.scores.rows import as_text, some

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PAGE = 1000
_ALLOW = "MLFLOW_ALLOW_FILE_STORE"


@dataclass(frozen=True, slots=True)
class MlflowRuns:
    """Which runs: `filter` in MLflow's own language; the arm by a tag or a parameter, the seed likewise (neither: a run
    is a seed)."""

    uri: str | None = None
    experiments: Sequence[str] = ()
    filter: str = ""
    arm_tag: str | None = None
    arm_param: str | None = None
    seed_tag: str | None = None
    seed_param: str | None = None


def read_runs(asked: MlflowRuns, metric: str | None) -> Frame:
    """A frame of a row a run: its arm, its seed and the last value of `metric`.

    Raises InputError for runs that lack one of them, by their ids, and for a filter or an experiment that MLflow does not
    know; TrackerError where MLflow does not answer.
    """
    if (asked.arm_tag is None) == (asked.arm_param is None):
        raise InputError("mlflow: say what names a run's arm, with either --arm-tag or --arm-param")
    if metric is None:
        raise InputError(
            "mlflow: say which metric of the runs to compare, with --metric; or --evaluations, for what scorers said of each example"
        )
    with opened(asked) as (client, uri):
        return _frame(find_runs(client, asked, uri), asked, metric)


@contextmanager
def opened(asked: MlflowRuns) -> Iterator[tuple[MlflowClient, str]]:
    """A client of the store asked for, and where that is."""
    from seedwise.tracker.connection import Target, connected, variables
    from seedwise.tracker.database import sqlite_file

    if asked.seed_tag is not None and asked.seed_param is not None:
        raise InputError("mlflow: say what names a run's seed, with --seed-tag or --seed-param, not both")
    uri = asked.uri or _default_uri()
    if uri.startswith("sqlite:///") and not sqlite_file(uri).is_file():
        raise InputError(f"mlflow: {uri}: no such database")  # MLflow would make an empty one
    if "://" in uri and not uri.startswith("file:"):
        with connected(Target(uri, None, None)) as client:
            yield client, uri
        return
    folder = Path(uri.removeprefix("file://"))
    if not folder.is_dir():
        raise InputError(f"mlflow: {uri}: no such folder")
    with variables({_ALLOW: "true"}):  # a store of files (mlruns/) is read only when that is asked for
        from mlflow import MlflowClient

        yield MlflowClient(folder.resolve().as_uri()), uri


def find_runs(client: MlflowClient, asked: MlflowRuns, uri: str) -> list[Any]:
    """The runs asked for, in the order of their start. Raises InputError where there is none."""
    runs = _search(client, asked)
    if not runs:
        raise InputError(f"mlflow: no run at {uri} matches --filter {asked.filter!r}")
    return runs


def _frame(runs: Sequence[Any], asked: MlflowRuns, metric: str) -> Frame:
    _refuse_incomplete(runs, asked, metric)
    return frame_of_lists(
        "MLflow",
        {
            "arm": [as_text(named(run, asked.arm_tag, asked.arm_param)) for run in runs],
            "seed": [as_text(named(run, asked.seed_tag, asked.seed_param) or run.info.run_id) for run in runs],
            metric: [float(run.data.metrics[metric]) for run in runs],
        },
        kind="MLflow runs",
        roles={"arm": "arm", "seed": "seed", "score": metric},
    )


def _search(client: MlflowClient, asked: MlflowRuns) -> list[Any]:
    from mlflow.exceptions import MlflowException

    known = {experiment.name: experiment.experiment_id for experiment in client.search_experiments(max_results=_PAGE)}
    unknown = [name for name in asked.experiments if name not in known]
    if unknown:
        raise InputError(f"mlflow: no experiment {some(map(repr, unknown))}; there are: {some(known) or 'none'}")
    ids = [known[name] for name in asked.experiments or known]
    found: list[Any] = []
    token: str | None = None
    while True:
        try:
            page = client.search_runs(
                ids, asked.filter, max_results=_PAGE, page_token=token, order_by=["attributes.start_time ASC"]
            )
        except MlflowException as error:
            raise InputError(f"mlflow: --filter {asked.filter!r}: {str(error).splitlines()[0]}") from None
        found.extend(page)
        token = page.token
        if not token:
            return found


def _refuse_incomplete(runs: Sequence[Any], asked: MlflowRuns, metric: str) -> None:
    refuse_unnamed(runs, asked)
    lacking = [run for run in runs if metric not in run.data.metrics]
    if lacking:
        _refuse(runs, lacking, f"no metric {metric}")


def refuse_unnamed(runs: Sequence[Any], asked: MlflowRuns) -> None:
    """Runs that lack what names their arm or seed, where something does."""
    for what, tag, param in (("arm", asked.arm_tag, asked.arm_param), ("seed", asked.seed_tag, asked.seed_param)):
        lacking = [run for run in runs if (tag or param) and named(run, tag, param) is None]
        if lacking:
            _refuse(runs, lacking, f"no {f'tag {tag}' if tag else f'parameter {param}'}, which names the {what}")


def _refuse(runs: Sequence[Any], lacking: Sequence[Any], what: str) -> None:
    raise InputError(
        f"mlflow: {len(lacking)} of the {len(runs)} runs have {what}: {some((r.info.run_id for r in lacking), 4)}; "
        "narrow --filter (to finished runs: attributes.status = 'FINISHED')"
    )


def named(run: Any, tag: str | None, param: str | None) -> str | None:
    if tag is not None:
        value = run.data.tags.get(tag)
    elif param is not None:
        value = run.data.params.get(param)
    else:
        return None
    return None if value is None else str(value)


def _default_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the database of the project around this folder."""
    from seedwise.project import find_project
    from seedwise.tracker.connection import URI_VARIABLE, tracking_uri

    try:
        return tracking_uri(find_project(Path.cwd()))
    except InputError as error:
        raise InputError(f"mlflow: give --tracking-uri, or set {URI_VARIABLE} ({error})") from None
