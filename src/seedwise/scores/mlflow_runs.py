"""Scores from MLflow runs of any system: a run a seed, chosen by filter.  MLflow is imported only when it is asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
    if asked.seed_tag is not None and asked.seed_param is not None:
        raise InputError("mlflow: say what names a run's seed, with --seed-tag or --seed-param, not both")
    if metric is None:
        raise InputError("mlflow: say which metric to compare, with --metric")
    from seedwise.tracker.connection import Target, connected

    uri = asked.uri or _default_uri()
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise InputError(f"mlflow: {uri}: no such database")  # MLflow would make an empty one
    if "://" not in uri or uri.startswith("file:"):
        return read_file_store(uri, asked, metric)
    with connected(Target(uri, None, None)) as client:
        runs = _search(client, asked)
    return _frame(runs, asked, metric, uri)


def read_file_store(uri: str, asked: MlflowRuns, metric: str) -> Frame:
    """Runs of a store of files (mlruns/), which MLflow itself reads only when told to; its databases have taken their place."""
    from mlflow import MlflowClient

    folder = Path(uri.removeprefix("file://"))
    if not folder.is_dir():
        raise InputError(f"mlflow: {uri}: no such folder")
    before = os.environ.get(_ALLOW)
    os.environ[_ALLOW] = "true"
    try:
        runs = _search(MlflowClient(folder.resolve().as_uri()), asked)
    finally:
        if before is None:
            del os.environ[_ALLOW]
        else:
            os.environ[_ALLOW] = before
    return _frame(runs, asked, metric, uri)


def _frame(runs: Sequence[Any], asked: MlflowRuns, metric: str, uri: str) -> Frame:
    if not runs:
        raise InputError(f"mlflow: no run at {uri} matches --filter {asked.filter!r}")
    _refuse_incomplete(runs, asked, metric)
    return frame_of_lists(
        "MLflow",
        {
            "arm": [as_text(_named(run, asked.arm_tag, asked.arm_param)) for run in runs],
            "seed": [as_text(_named(run, asked.seed_tag, asked.seed_param) or run.info.run_id) for run in runs],
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
    arm = f"tag {asked.arm_tag}" if asked.arm_tag else f"parameter {asked.arm_param}"
    checks = [(f"no {arm}", [run for run in runs if _named(run, asked.arm_tag, asked.arm_param) is None])]
    if asked.seed_tag or asked.seed_param:
        seed = f"tag {asked.seed_tag}" if asked.seed_tag else f"parameter {asked.seed_param}"
        checks.append((f"no {seed}", [run for run in runs if _named(run, asked.seed_tag, asked.seed_param) is None]))
    checks.append((f"no metric {metric}", [run for run in runs if metric not in run.data.metrics]))
    for what, lacking in checks:
        if lacking:
            raise InputError(
                f"mlflow: {len(lacking)} of the {len(runs)} runs have {what}: {some((r.info.run_id for r in lacking), 4)}; "
                "narrow --filter (to finished runs: attributes.status = 'FINISHED')"
            )


def _named(run: Any, tag: str | None, param: str | None) -> str | None:
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
