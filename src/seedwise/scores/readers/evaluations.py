"""Logs of evaluation harnesses: lm-evaluation-harness, inspect_ai, HELM, lighteval, OpenAI evals."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seedwise.bounded import reason
from seedwise.errors import InputError
from seedwise.scores.frame import Frame, ListColumn, frame_of_records, reach
from seedwise.scores.readers.content import MOST_BYTES, Content, load_json

# Metrics of lm-evaluation-harness that a sample log holds as [gold, prediction].
_PAIRS = {"mcc": "matthews", "f1": "f1", "matthews_correlation": "matthews", "macro_f1": "macro-f1"}

_OF_CLASSES = ("scores", "logits", "probs", "probabilities")  # a number a class
_SAMPLES = re.compile(r"(?:^|[/\\])samples_(?P<task>.+?)_\d{4}-\d\d-\d\dT[^/\\]*$")


def refine(frame: Frame) -> Frame:
    """What a table of rows is known to be, by its columns; as it is where they say nothing."""
    names = set(frame.columns)
    if "doc_id" in names and names & {"resps", "filtered_resps", "filter", "metrics", "target"}:
        return _lm_eval(frame)
    if {"run_id", "event_id", "type", "data"} <= names:
        return _openai(frame)
    if {"sample_id", "data"} <= names and "type" in names:
        return _openai(frame)
    if {"doc", "metric"} <= names or {"full_prompt", "metrics"} <= names:
        return _lighteval(frame)
    if "label" in names and "prediction" not in names:
        return next((_with_best(frame, name) for name in _OF_CLASSES if name in names), frame)
    return frame


def _with_best(frame: Frame, name: str) -> Frame:
    """Scores of classes: the class of the highest is the prediction, the first of equal ones."""
    said = [
        value.index(max(value)) if isinstance(value, list) and value else None for value in frame.columns[name].values()
    ]
    if None in said:
        return frame
    return replace(frame, columns={**frame.columns, "prediction": ListColumn(said)})


def _lm_eval(frame: Frame) -> Frame:
    columns = dict(frame.columns)
    pairs: dict[str, str] = {}
    for name, metric in _PAIRS.items():
        if name not in columns:
            continue
        values = columns[name].values()
        if values and all(isinstance(value, list | tuple) and len(value) == 2 for value in values):
            columns["label"] = ListColumn([value[0] for value in values])
            columns["prediction"] = ListColumn([value[1] for value in values])
            del columns[name]
            pairs[name] = metric
    listed = {str(name) for value in _values(frame, "metrics") if isinstance(value, list) for name in value}
    measured = sorted(name for name in listed if name in columns)
    roles = {"example": "doc_id"}
    if len(measured) == 1 and not pairs:
        roles["score"] = measured[0]
    if pairs:
        roles["metric"] = next(iter(pairs.values()))
    found = sorted({*measured, *pairs})
    if len(found) > 1:
        roles["choose"] = ", ".join(found)
        roles.pop("metric", None)
    aliases = {f"pair:{name}": metric for name, metric in pairs.items()}
    file = _SAMPLES.search(frame.source)
    return replace(
        frame,
        columns=columns,
        kind="sample log of lm-evaluation-harness",
        roles={**roles, **aliases},
        task=file["task"] if file else None,
        of_folder=file is not None,
    )


def _values(frame: Frame, name: str) -> Sequence[Any]:
    return frame.columns[name].values() if name in frame.columns else ()


def read_lm_eval_results(content: Content, document: Any) -> Frame | None:
    """The results of a whole run: a value a task and metric, with a standard error but no examples."""
    if not (isinstance(document, dict) and isinstance(document.get("results"), dict) and "configs" in document):
        return None
    records = []
    for task, found in document["results"].items():
        row: dict[str, Any] = {"task": found.get("alias", task).strip() if isinstance(found, dict) else task}
        for key, value in (found if isinstance(found, dict) else {}).items():
            if isinstance(value, int | float) and "stderr" not in key:
                name, _, choice = key.partition(",")
                row[name if choice in ("none", "") else key] = value
        records.append(row)
    return frame_of_records(
        content.name,
        records,
        kind="results of lm-evaluation-harness",
        roles={"task": "task"},
        lacks="it holds no scores of examples; run with --log_samples and give the sample logs",
    )


def read_inspect(content: Content, document: Any) -> Frame | None:
    """A log of inspect_ai: samples with scores; an epoch asks the same model again."""
    if not (isinstance(document, dict) and isinstance(document.get("samples"), list)):
        return None
    samples = document["samples"]
    if not samples or not all(isinstance(sample, dict) and "id" in sample for sample in samples):
        return None
    if "eval" not in document and not any("scores" in sample for sample in samples):
        return None
    return _inspect(content.name, document.get("eval") or {}, samples)


def read_eval_archive(content: Content) -> Frame:
    """inspect_ai's `.eval`: a zip of a header and a file a sample."""
    try:
        with zipfile.ZipFile(io.BytesIO(content.data)) as archive:
            names = archive.namelist()
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise ValueError(f"unpacks to more than {MOST_BYTES >> 30} GiB")

            def read(name: str) -> Any:
                return load_json(archive.read(name).decode(), f"{content.name}: {name}")

            head = read("header.json") if "header.json" in names else {}
            if not head and "_journal/start.json" in names:
                head = read("_journal/start.json")
            kept = [name for name in sorted(names) if name.startswith("samples/") and name.endswith(".json")]
            samples = [read(name) for name in kept]
    except NotImplementedError:
        raise InputError(
            f"{content.name}: is packed in a way that is not read here; `inspect log convert --to json` writes it as JSON, which is"
        ) from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        ValueError,
        RuntimeError,
        OSError,
        struct.error,
    ) as error:
        raise InputError(f"{content.name}: cannot be read as a log of inspect_ai ({reason(error)})") from None
    if not isinstance(head, dict) or not all(isinstance(sample, dict) for sample in samples):
        raise InputError(f"{content.name}: is no log of inspect_ai: its header and samples are no JSON objects")
    if "manifest.json" in names and not samples:
        raise InputError(f"{content.name}: is a bundle; `seedwise verify {content.name}` recomputes what is in it")
    if not samples:
        raise InputError(
            f"{content.name}: this log of inspect_ai holds no samples; it was written before any was scored"
        )
    return _inspect(content.name, head.get("eval") or {}, samples)


def _inspect(name: str, head: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> Frame:
    records = []
    scorers: dict[str, None] = {}
    for sample in samples:
        record: dict[str, Any] = {
            "id": sample.get("id"),
            "epoch": sample.get("epoch", 1),
            "target": sample.get("target"),
        }
        asked = sample.get("input")
        record["input"] = asked if isinstance(asked, str) else json.dumps(asked, sort_keys=True)
        metadata = sample.get("metadata")
        if isinstance(metadata, dict):
            record["metadata"] = metadata
        for scorer, score in (sample.get("scores") or {}).items():
            value = score.get("value") if isinstance(score, dict) else score
            if isinstance(value, dict):
                for key, part in value.items():
                    record[f"{scorer}.{key}"] = part
                    scorers[f"{scorer}.{key}"] = None
            else:
                record[str(scorer)] = value
                scorers[str(scorer)] = None
        records.append(record)
    model, task = head.get("model"), head.get("task")
    roles = {"example": "id", "repeat": "epoch"}
    if len(scorers) == 1:
        roles["score"] = next(iter(scorers))
    elif scorers:
        roles["choose"] = ", ".join(scorers)
    return frame_of_records(
        name,
        records,
        kind="log of inspect_ai",
        roles=roles,
        arm=str(model) if model else None,
        task=str(task) if task else None,
    )


def read_helm(content: Content, document: Any) -> Frame | None:
    """HELM's per_instance_stats.json or display_predictions.json: statistics by instance and training trial."""
    if not (
        isinstance(document, list)
        and document
        and all(isinstance(each, dict) and "instance_id" in each for each in document)
    ):
        return None
    records = []
    names: dict[str, None] = {}
    for each in document:
        record: dict[str, Any] = {
            "instance_id": each["instance_id"],
            "train_trial_index": each.get("train_trial_index", 0),
        }
        perturbation = each.get("perturbation")
        record["perturbation"] = perturbation.get("name") if isinstance(perturbation, dict) else "none"
        for name, value in _stats(each.get("stats")):
            record[name] = value
            names[name] = None
        records.append(record)
    roles = {"example": "instance_id", "seed": "train_trial_index"}
    if len(names) == 1:
        roles["score"] = next(iter(names))
    else:
        roles["choose"] = ", ".join(names)
    return frame_of_records(content.name, records, kind="per-instance statistics of HELM", roles=roles, of_folder=True)


def _stats(stats: Any) -> Iterator[tuple[str, Any]]:
    """Of per_instance_stats.json a list of statistics, of display_predictions.json an object of means."""
    if isinstance(stats, dict):
        yield from ((str(name), value) for name, value in stats.items())
    for stat in stats if isinstance(stats, list) else ():
        name = reach(stat, ["name", "name"])
        if name is not None and isinstance(stat, dict) and "mean" in stat:
            yield str(name), stat["mean"]


def _openai(frame: Frame) -> Frame:
    """OpenAI evals: events; those of type match or metrics hold what was scored."""
    records, lines = [], []
    for data, kind, sample, number in zip(
        frame.columns["data"].values(),
        frame.columns["type"].values(),
        _values(frame, "sample_id") or [None] * frame.n,
        frame.lines(),
        strict=True,
    ):
        if kind in ("match", "metrics") and isinstance(data, dict) and sample is not None:
            records.append({"sample_id": sample, **{key: value for key, value in data.items() if key != "sample_id"}})
            lines.append(number)
    if not records:
        return replace(frame, kind="OpenAI evals log", lacks="it has no event of type match or metrics, so no scores")
    found = frame_of_records(frame.source, records, lines, kind="log of OpenAI evals")
    roles = {"example": "sample_id"}
    if "correct" in found.columns:
        roles["score"] = "correct"
    spec = next((each for each in _values(frame, "spec") if isinstance(each, dict)), {})
    models = spec.get("completion_fns") or [spec.get("model")]
    model = models[0] if isinstance(models, list) and models else None
    return replace(found, roles=roles, arm=str(model) if model else None)


def _lighteval(frame: Frame) -> Frame:
    """Details of lighteval: nested documents and metrics."""
    name = "metric" if "metric" in frame.columns else "metrics"
    values = frame.columns[name].values()
    columns = {key: column for key, column in frame.columns.items() if key != name}
    keys = list(dict.fromkeys(key for value in values if isinstance(value, dict) for key in value))
    for key in keys:
        columns[key] = ListColumn([value.get(key) if isinstance(value, dict) else None for value in values])
    docs = _values(frame, "doc")
    ids = [reach(doc, ["id"]) for doc in docs] if len(docs) else []
    if not ids or any(each is None for each in ids):
        ids = list(range(frame.n))
    columns["example"] = ListColumn(ids)
    if len(docs):
        columns["question"] = ListColumn([reach(doc, ["query"]) for doc in docs])
    roles = {"example": "example"}
    if len(keys) == 1:
        roles["score"] = keys[0]
    else:
        roles["choose"] = ", ".join(keys)
    return replace(frame, columns=columns, kind="details of lighteval", roles=roles)
