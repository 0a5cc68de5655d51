"""Logs and results of training: Hugging Face's trainer, PEFT's method comparison, Weights & Biases, TensorBoard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedwise.scores.frame import Frame, ListColumn, frame_of_lists, frame_of_records
from seedwise.scores.readers.content import Content

_TENSORBOARD = {"wall time", "step", "value"}
_TAG = re.compile(r"^(?:run-)?(?P<run>.+?)-tag-(?P<tag>.+)$")
_LINE = re.compile(r"^(?P<run>.+) - (?P<metric>[^-].*?)$")
_RANGES = ("__MIN", "__MAX")


def refine(frame: Frame, content: Content) -> Frame:
    """What a table with a header is known to be, by its columns."""
    lower = {name.casefold() for name in frame.columns}
    if lower == _TENSORBOARD:
        return _tensorboard(frame, content.path)
    if any(name.endswith(_RANGES) for name in frame.columns):
        return _wandb_lines(frame)
    return frame


def _tensorboard(frame: Frame, path: Path | None) -> Frame:
    """A scalar's CSV: run and tag are in the file's name (`run-NAME-tag-TAG.csv`)."""
    by_name = {name.casefold(): column for name, column in frame.columns.items()}
    stem = (path.name if path else "").removesuffix(".gz").removesuffix(".csv")
    found = _TAG.match(stem)
    tag = found["tag"] if found else "Value"
    columns = {
        "step": by_name["step"],
        tag: by_name["value"],
        "run": ListColumn([found["run"] if found else stem] * frame.n),
    }
    return replace(
        frame,
        columns=columns,
        kind="TensorBoard export",
        roles={"run": "run", "score": tag, "choice": "step", "at": "last"},
    )


def _wandb_lines(frame: Frame) -> Frame:
    """A chart of Weights & Biases: a column a run and metric, beside its minimum and maximum."""
    steps = [name for name in frame.columns if not _LINE.match(name)]
    step = next((name for name in steps if name.casefold().replace("_", "") in ("step", "epoch", "globalstep")), None)
    positions = frame.columns[step].values() if step else list(range(frame.n))
    runs: list[Any] = []
    at: list[Any] = []
    values: list[Any] = []
    lines: list[int] = []
    metrics: dict[str, None] = {}
    numbers = list(frame.lines())
    for name, column in frame.columns.items():
        found = _LINE.match(name)
        if found is None or name.endswith(_RANGES) or found["metric"] in ("_step", "_runtime", "_timestamp"):
            continue
        metrics[found["metric"]] = None
        for place, value in enumerate(column.values()):
            if value not in (None, ""):
                runs.append(found["run"])
                at.append(positions[place])
                values.append(value)
                lines.append(numbers[place])
    metric = next(iter(metrics), "value")
    made = frame_of_lists(
        frame.source,
        {"run": runs, "step": at, metric: values},
        kind="chart export of Weights & Biases",
        roles={"run": "run", "score": metric, "choice": "step", "at": "last"},
    )
    return replace(made, lines=lambda: lines)


def read_peft_method(content: Content, document: Any) -> Frame | None:
    """A result of PEFT's method comparison: one experiment with its seed, and metrics of its training."""
    if not (isinstance(document, dict) and isinstance(document.get("run_info"), dict) and "train_info" in document):
        return None
    run = document["run_info"]
    config = run.get("train_config") or {}
    metrics = (document["train_info"].get("metrics") or [{}])[-1]
    record: dict[str, Any] = {
        "arm": run.get("experiment_name") or run.get("peft_config", {}).get("peft_type"),
        "seed": config.get("seed", 0),
    }
    record.update({str(key).replace("test ", "test_"): value for key, value in metrics.items() if _plain(value)})
    roles = {"arm": "arm", "seed": "seed"}
    name = next((key for key in record if key in ("test_accuracy", "test_score")), None)
    if name is not None:
        roles["score"] = name
    return frame_of_records(
        content.name,
        [record],
        kind="result of PEFT's method comparison",
        roles=roles,
        lacks="it holds one seed and no scores of examples",
    )


def read_trainer_state(content: Content, document: Any) -> Frame | None:
    """trainer_state.json: a log of steps; those that evaluated hold eval_ metrics."""
    if not (isinstance(document, dict) and isinstance(document.get("log_history"), list)):
        return None
    records = [
        record
        for record in document["log_history"]
        if isinstance(record, dict) and any(str(key).startswith(("eval_", "test_")) for key in record)
    ]
    speed = ("_runtime", "_per_second", "_model_preparation_time")
    kept = [{key: value for key, value in record.items() if not str(key).endswith(speed)} for record in records]
    return frame_of_records(
        content.name,
        kept,
        kind="log of the Hugging Face trainer",
        roles={"choice": "epoch" if all("epoch" in record for record in kept) else "step"},
        lacks="the trainer evaluated nothing (no eval_ metric in log_history)",
    )


def read_metrics(content: Content, document: Any) -> Frame | None:
    """all_results.json and its kind: one object of names and numbers is one run."""
    if not isinstance(document, Mapping) or not document:
        return None
    flat = {str(key): value for key, value in document.items() if _plain(value)}
    if len(flat) < len(document) or not any(
        isinstance(v, int | float) and not isinstance(v, bool) for v in flat.values()
    ):
        return None
    return frame_of_records(content.name, [flat], kind="results of one run")


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
