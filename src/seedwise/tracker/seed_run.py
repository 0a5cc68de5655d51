"""One arm × one seed, read from its run folder, as MLflow shall hold it."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from seedwise.regular import Irregular, open_regular, read_regular
from seedwise.store.store import DamagedRun, StoredRun
from seedwise.tracker.aliases import mean_key
from seedwise.tracker.checkpoint import checkpoint_content
from seedwise.tracker.content import ARM, KIND, NOTE, RUN_ID, Artifact, DataSet, Point, RunContent
from seedwise.tracker.curves import curves
from seedwise.tracker.flatten import MAX_TAG, clean_key, clip, flatten
from seedwise_contract import Environment, ParameterTable, RunStatus, read_events

REPORTED = "test"
CONTEXTS = {"train": "training", "selection": "selection", "test": "testing"}
NAMED_PACKAGES = ("torch", "transformers", "peft", "fairseq", "accelerate", "scikit-learn", "numpy")
RECORDS = ("result.json", "spec.json", "provenance.json", "parameters.json", "environment.json")
FILES = (*RECORDS, "answers.jsonl", "events.jsonl", "backend.log")
_LAST_SECOND = 1e11  # in the year 5138
_LAST_UPDATE = 1 << 53
TASK_PARAMS = ("name", "metric", "labels", "template", "loss_on")  # those that the task has


def started(run: StoredRun) -> int:
    """When the harness started it, in milliseconds."""
    return round(datetime.fromisoformat(run.provenance.started).timestamp() * 1000)


def ended(run: StoredRun) -> int:
    return started(run) + round(run.result.timings.total * 1000)


def _moment(seconds: float) -> int:
    """Milliseconds since the epoch; `ValueError` for a time that no clock shows."""
    if not 0 <= seconds < _LAST_SECOND:
        raise ValueError(f"the time {seconds:g} is none")
    return round(seconds * 1000)


def spec_params(run: StoredRun, *, seeds: bool) -> dict[str, str]:
    """The spec, flat.  What only says where files lie or what they hold is in tags and data sets."""
    spec = run.spec.model_dump(mode="json", exclude={"task", "contract"} if seeds else {"task", "contract", "seeds"})
    task = run.spec.task.model_dump(mode="json")
    splits = {f"{name}_rows": split["rows"] for name, split in task["splits"].items()}
    return flatten({**spec, "task": {**{name: task[name] for name in TASK_PARAMS if name in task}, **splits}})


def seed_content(run: StoredRun, study: str, arm: str) -> RunContent:
    """A finished run; its checkpoint is a model that is only named.  `DamagedRun` where a file is not what the contract says."""
    try:
        _refuse_irregular(run)
        events = read_events(run.files.events)
        environment = _read(run, "environment.json", Environment)
        table = _read(run, "parameters.json", ParameterTable)
    except ValidationError as error:
        raise DamagedRun(f"{run.folder}: {error.title}: {error.error_count()} fault(s)") from None
    except (OSError, ValueError) as error:
        raise DamagedRun(f"{run.folder}: {error}") from None
    try:
        for event in events:
            _moment(event.time)
            if not 0 <= getattr(event, "update", 0) < _LAST_UPDATE:
                raise ValueError(f"the update {event.update} is none")
        start = _moment(events[0].time) if events else started(run)
        end = max(start, _moment(events[-1].time) if events else ended(run))
    except (ValueError, OverflowError) as error:
        raise DamagedRun(f"{run.files.events}: {error}; move the run's folder away to run it again") from None
    diverged = run.result.status is RunStatus.DIVERGED
    params = spec_params(run, seeds=True)
    if environment is not None:
        params |= _environment_params(environment)
    if table is not None:
        counts = {"total": table.total, "trainable": table.trainable, "trainable_head": table.trainable_head}
        params |= flatten({"parameters": counts})
    return RunContent(
        name=f"{arm} seed {run.spec.seeds.seed}" + (" (diverged)" if diverged else ""),
        tags=_tags(run, study, arm, table, diverged),
        params=params,
        points=(*curves(events, REPORTED), *_final(run, end)),
        start=start,
        end=end,
        data_sets=tuple(
            DataSet(
                split=name,
                name=f"{run.spec.task.name} {name}",
                digest=split.sha256[:36],
                source=split.file,
                context=CONTEXTS[name],
                rows=split.rows,
            )
            for name, split in run.spec.task.splits.items()
        ),
        artifacts=_artifacts(run),
        model=checkpoint_content(run, study, arm, params),
    )


def _read(run: StoredRun, name: str, model: Any) -> Any:
    path = run.folder / name
    return model.model_validate_json(read_regular(run.folder, name)) if path.exists() else None


def _refuse_irregular(run: StoredRun) -> None:
    """`OSError` where a file that is to be read or attached is a link, or no file: what it leads to is not the run's."""
    if run.folder.is_symlink():
        raise Irregular(f"{run.folder}: is a link, and is not followed")
    for name in FILES:
        with suppress(FileNotFoundError), open_regular(run.folder, name):
            pass


def _environment_params(environment: Environment) -> dict[str, str]:
    packages = {name: environment.packages[name] for name in NAMED_PACKAGES if name in environment.packages}
    said = environment.model_dump(mode="json", exclude={"packages", "image_digest", "determinism"})
    return flatten({"env": {**{key: value for key, value in said.items() if value is not None}, **packages}})


def _tags(run: StoredRun, study: str, arm: str, table: ParameterTable | None, diverged: bool) -> dict[str, str]:
    origin, spec = run.provenance, run.spec
    tags: dict[str, str | None] = {
        KIND: "seed",
        ARM: arm,
        RUN_ID: run.run_id,
        "seedwise.study": study,
        "seedwise.seed": str(spec.seeds.seed),
        "seedwise.status": run.result.status.value,
        "seedwise.backend": origin.backend,
        "seedwise.image_digest": origin.digest,
        "seedwise.runtime": origin.runtime,
        "seedwise.declaration": origin.declaration,
        "seedwise.host": origin.host,
        "seedwise.engine": origin.engine,
        "seedwise.git_commit": origin.git_commit,
        "seedwise.git_dirty": None if origin.git_dirty is None else str(origin.git_dirty).lower(),
        "seedwise.data": spec.task.name,
        **{f"seedwise.data_digest.{name}": split.sha256 for name, split in spec.task.splits.items()},
        "seedwise.model": spec.model.name if spec.model else None,
        "seedwise.model_digest": spec.model.sha256 if spec.model else None,
        "seedwise.initial_weights": table.initial_trainable_sha256 if table else None,
        "seedwise.folder": str(run.folder),
        "seedwise.checkpoint": str(run.files.checkpoint) if run.files.checkpoint.exists() else None,
        "mlflow.source.name": "seedwise",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": origin.git_commit,
        NOTE: f"**Diverged**: {run.result.message or 'loss or scores not finite'}" if diverged else None,
    }
    return {key: clip(value, MAX_TAG) for key, value in tags.items() if value is not None}


def _final(run: StoredRun, end: int) -> list[Point]:
    """The figures of the selected checkpoint, and what the run cost; none for what was not measured."""
    result, metric = run.result, run.spec.task.metric
    step = result.selected.update if result.selected else result.updates
    scores: list[tuple[str, float, str]] = []
    for split, metrics in result.metrics.items():
        for name, value in metrics.items():
            if split != REPORTED:
                scores.append((f"selected/{split}_{name}", value, split))
            elif name != metric:
                scores.append((f"test/{name}", value, split))
            else:
                scores += [(name, value, split), (mean_key(name), value, split)]
    figures: dict[str, float | None] = {}
    if result.selected is not None:
        figures |= {"selected/epoch": result.selected.epoch, "selected/update": float(result.selected.update)}
    figures["cost/updates"] = float(result.updates)
    figures |= {f"time/{name}_s": value for name, value in result.timings.model_dump().items()}
    figures |= {f"cost/{name}": value for name, value in result.cost.model_dump().items()}
    return [
        *(Point(clean_key(key), float(value), step, end, split) for key, value, split in scores),
        *(Point(clean_key(key), float(value), step, end) for key, value in figures.items() if value is not None),
    ]


def _artifacts(run: StoredRun) -> tuple[Artifact, ...]:
    predictions = sorted(name for name in run.result.files if name.startswith("predictions/"))
    held = run.result.files
    found = [Artifact(run.folder, name, sha256=held.get(name)) for name in FILES if os.path.lexists(run.folder / name)]
    return (*found, *(Artifact(run.folder, name, "predictions", sha256=held[name]) for name in predictions))
