"""What scorers said of each example in evaluations that MLflow keeps (`mlflow.genai.evaluate`): assessments on traces.

A run is one evaluation; its traces are its examples. MLflow is imported only when it is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from seedwise.errors import InputError
from seedwise.scores.frame import Frame, frame_of_records
from seedwise.scores.mlflow_runs import MlflowRuns, find_runs, named, opened, refuse_unnamed
from seedwise.scores.rows import some

_PAGE = 200
_REQUEST = "mlflow.eval.requestId"  # the same for equal inputs, in every evaluation of them


def read_evaluations(asked: MlflowRuns) -> Frame:
    """A frame of a row a trace: arm (the tag or parameter asked for, else the run's name), seed, example, a column a scorer.

    Raises InputError for runs without traces or scores; TrackerError where MLflow does not answer.
    """
    records: list[dict[str, Any]] = []
    with opened(asked) as (client, uri):
        runs = find_runs(client, asked, uri)
        refuse_unnamed(runs, asked)
        for run in runs:
            traces = _traces(client, run)
            if traces:
                records += _records(run, traces, asked)
    scorers = list(dict.fromkeys(key for record in records for key in record if key not in ("arm", "seed", "example")))
    if not scorers:
        raise InputError(
            f"mlflow: none of the {len(runs)} runs has traces with scores, as mlflow.genai.evaluate makes them; narrow --filter to such "
            "runs, or leave --evaluations out, and --metric compares a metric of the runs"
        )
    known = {"score": scorers[0]} if len(scorers) == 1 else {"choose": ", ".join(scorers)}
    return frame_of_records(
        "MLflow",
        records,
        kind="evaluations in MLflow",
        roles={"arm": "arm", "seed": "seed", "example": "example", **known},
    )


def _traces(client: Any, run: Any) -> list[Any]:
    found: list[Any] = []
    token: str | None = None
    while True:
        page = client.search_traces(
            locations=[run.info.experiment_id], run_id=run.info.run_id, max_results=_PAGE, page_token=token
        )
        found.extend(page)
        token = page.token
        if not token:
            return found


def _records(run: Any, traces: Sequence[Any], asked: MlflowRuns) -> list[dict[str, Any]]:
    arm = named(run, asked.arm_tag, asked.arm_param) or run.info.run_name or run.info.run_id
    seed = named(run, asked.seed_tag, asked.seed_param) or run.info.run_id
    ids = [trace.info.tags.get(_REQUEST) for trace in traces]
    if None in ids or len(set(ids)) < len(ids):
        ids = [_of_inputs(trace) for trace in traces]
    twice = [name for name, times in Counter(ids).items() if times > 1]
    if twice:
        raise InputError(
            f"mlflow: run {run.info.run_id}: {len(twice)} inputs were asked several times, and which of them is which in another run is "
            f"not known: {some(trace.info.trace_id for trace, name in zip(traces, ids, strict=True) if name == twice[0])}"
        )
    return [
        {"arm": arm, "seed": seed, "example": name, **_scores(trace, run.info.run_id)}
        for trace, name in zip(traces, ids, strict=True)
    ]


def _of_inputs(trace: Any) -> str:
    """A name for what was asked: the same for equal inputs."""
    roots = [span for span in trace.data.spans if span.parent_id is None]
    asked = roots[0].inputs if roots else trace.info.request_preview
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _scores(trace: Any, run_id: str) -> dict[str, Any]:
    """What each scorer of this run said; None where it failed. What people said besides, or other runs, is left aside."""
    found: dict[str, Any] = {}
    for each in trace.info.assessments:
        feedback = getattr(each, "feedback", None)
        if feedback is None or each.valid is False or each.run_id not in (None, run_id):
            continue
        failed = getattr(each, "error", None) is not None
        found[each.name] = None if failed else feedback.value
    return found
