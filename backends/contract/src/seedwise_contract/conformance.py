"""The conformance kit: what a finished run folder must hold, checked file against file.

`python -m seedwise_contract.conformance RUN_FOLDER --data DATA_ROOT` prints every breach and ends with 1 where there is any.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seedwise_contract.data import Dialogue, Text, read_dialogues, read_measured, read_split, read_texts
from seedwise_contract.environment import Environment
from seedwise_contract.events import read_events
from seedwise_contract.exits import BackendError
from seedwise_contract.files import RunFiles, sha256_file
from seedwise_contract.metrics import metric_of, of_numbers, positive_class
from seedwise_contract.parameters import ParameterTable
from seedwise_contract.predictions import read_answers, read_estimates, read_predictions, read_token_losses
from seedwise_contract.results import RunResult, RunStatus
from seedwise_contract.spec import CausalLmTask, MaskedLmTask, RegressionTask, RunSpec, Task, load_spec


def breaches(folder: Path, data: Path) -> list[str]:
    """Every way in which the run in `folder` breaks the contract; empty where it conforms."""
    files = RunFiles(folder)
    try:
        spec = load_spec(files.spec)
        result = RunResult.model_validate_json(files.result.read_bytes())
    except (BackendError, OSError, ValidationError) as error:
        return [str(error)]
    found = list(_digests(files, result))
    for check in (_events, _parameters, _environment):
        found += check(files, spec, result)
    if result.status is RunStatus.COMPLETED:
        found += _predictions(files, spec, result, data)
        if spec.recipe is not None and not any(files.checkpoint.glob("*")):
            found.append("checkpoint/: empty; what was trained is kept")
    return found


def _digests(files: RunFiles, result: RunResult) -> Iterator[str]:
    for name, digest in result.files.items():
        path = files.folder / name
        if not path.is_file():
            yield f"{name}: listed in result.json, but not there"
        elif sha256_file(path) != digest:
            yield f"{name}: sha256 differs from result.json"
    for needed in ("spec.json", "events.jsonl", "parameters.json", "environment.json"):
        if needed not in result.files:
            yield f"{needed}: not among result.json's files"


def _events(files: RunFiles, spec: RunSpec, result: RunResult) -> Iterator[str]:
    try:
        events = read_events(files.events)
    except ValueError as error:
        yield str(error)
        return
    if not events or events[0].event != "start" or events[-1].event != "end":
        yield "events.jsonl: does not begin with start and finish with end"
    updates = [event.update for event in events if event.event == "step"]
    if updates != list(range(1, len(updates) + 1)):
        yield "events.jsonl: steps are not numbered 1, 2, 3, … once each"
    if len(updates) != result.updates:
        yield f"events.jsonl: {len(updates)} steps, but result.json counts {result.updates} updates"
    if result.status is RunStatus.COMPLETED and result.updates != spec.total_updates:
        yield f"result.json: {result.updates} updates, but the recipe makes {spec.total_updates}"
    yield from _evaluations(events, spec, result)
    last_step = max((place for place, event in enumerate(events) if event.event == "step"), default=0)
    reported = [
        place
        for place, event in enumerate(events)
        if event.event == "evaluation" and event.split == "test" and not event.display
    ]
    if len(reported) > 1 or any(place < last_step for place in reported):
        yield "events.jsonl: the reported split is scored once, after training has ended"


def _evaluations(events: Sequence[Any], spec: RunSpec, result: RunResult) -> Iterator[str]:
    """After every epoch one of the selection split, and one of the reported split for display where the spec has `curve`;
    such a curve of a causal language model begins before the first update.
    """
    if any(event.event == "evaluation" and event.display and event.split != "test" for event in events):
        yield "events.jsonl: display marks a split that is not the reported one; selection's scores are never for display"
    if spec.recipe is None:
        return
    epochs = [update * spec.updates_per_epoch for update in range(1, spec.recipe.epochs + 1)]
    before = [0] if spec.task.kind == "causal_lm" else []
    for split, display, wanted in (
        ("selection", False, epochs),
        ("test", True, before + epochs if spec.evaluation.curve else []),
    ):
        found = [
            event.update
            for event in events
            if event.event == "evaluation" and (event.split, event.display) == (split, display)
        ]
        if found != wanted and (result.status is RunStatus.COMPLETED or found != wanted[: len(found)]):
            shown = " for display" if display else ""
            yield f"events.jsonl: split {split} was scored{shown} after updates {found}; after {wanted} it should be"


def _parameters(files: RunFiles, spec: RunSpec, result: RunResult) -> Iterator[str]:
    try:
        table = ParameterTable.model_validate_json(files.parameters.read_bytes())
    except (OSError, ValidationError) as error:
        yield f"parameters.json: {error}"
        return
    if table != ParameterTable.of(table.parameters, table.initial_trainable_sha256):
        yield "parameters.json: its totals are not the sums of its rows"
    if spec.recipe is not None and (table.trainable == 0 or table.initial_trainable_sha256 is None):
        yield "parameters.json: nothing trains, or the digest of the initial trainable weights is missing"


def _environment(files: RunFiles, spec: RunSpec, result: RunResult) -> Iterator[str]:
    try:
        environment = Environment.model_validate_json(files.environment.read_bytes())
    except (OSError, ValidationError) as error:
        yield f"environment.json: {error}"
        return
    if environment.cpu_threads != spec.device.threads:
        yield f"environment.json: {environment.cpu_threads} threads, but the spec says {spec.device.threads}"


def _predictions(files: RunFiles, spec: RunSpec, result: RunResult, data: Path) -> Iterator[str]:
    for split in ("selection", "test"):
        path = files.predictions(split)
        try:
            if spec.task.kind == "classification":
                yield from _classified(path, spec.task, split, result, data)
            elif spec.task.kind == "regression":
                yield from _estimated(path, spec.task, split, result, data)
            else:
                yield from _language(path, spec.task, split, result, data)
                if split == "test" and spec.task.kind == "causal_lm":
                    yield from _answers(files, spec.task, data)
        except (OSError, ValueError, BackendError) as error:
            yield f"predictions/{split}.jsonl: {error}"


def _classified(path: Path, task: Task, split: str, result: RunResult, data: Path) -> Iterator[str]:
    predictions, examples = list(read_predictions(path)), read_split(task, split, data)
    if [(p.id, p.label) for p in predictions] != [(e.id, e.label) for e in examples]:
        yield f"predictions/{split}.jsonl: ids or labels are not those of the split, in its order"
    if any(len(p.scores) != len(task.labels) for p in predictions):
        yield f"predictions/{split}.jsonl: not one score a class"
        return
    rows, labels = [p.scores for p in predictions], [p.label for p in predictions]
    for name in dict.fromkeys(("accuracy", task.metric)):
        value = metric_of(name, rows, labels, positive_class(task)) if predictions else 0.0
        said = result.metrics.get(split, {}).get(name)
        if said is None or abs(said - value) > 1e-9:
            yield f"result.json: {split} {name} is {said}, but its predictions give {value}"


def _estimated(path: Path, task: RegressionTask, split: str, result: RunResult, data: Path) -> Iterator[str]:
    estimates, examples = list(read_estimates(path)), read_measured(task, split, data)
    if [(one.id, one.label) for one in estimates] != [(example.id, example.label) for example in examples]:
        yield f"predictions/{split}.jsonl: ids or labels are not those of the split, in its order"
        return
    values, labels = [one.value for one in estimates], [one.label for one in estimates]
    for name in dict.fromkeys(("mse", task.metric)):
        value = of_numbers(name, values, labels)
        said = result.metrics.get(split, {}).get(name)
        if said is None or not math.isclose(said, value, rel_tol=1e-9, abs_tol=1e-9):
            yield f"result.json: {split} {name} is {said}, but its predictions give {value}"


def _language(
    path: Path, task: MaskedLmTask | CausalLmTask, split: str, result: RunResult, data: Path
) -> Iterator[str]:
    losses = list(read_token_losses(path))
    rows: Sequence[Text | Dialogue] = (
        read_texts(task, split, data) if task.kind == "masked_lm" else read_dialogues(task, split, data)
    )
    if [one.id for one in losses] != [row.id for row in rows]:
        yield f"predictions/{split}.jsonl: ids are not those of the split, in its order"
    perplexity = math.exp(sum(one.loss for one in losses) / sum(one.tokens for one in losses))
    said = result.metrics.get(split, {}).get("perplexity")
    if said is None or abs(said / perplexity - 1) > 1e-6:
        yield f"result.json: {split} perplexity is {said}, but its predictions give {perplexity}"


def _answers(files: RunFiles, task: CausalLmTask, data: Path) -> Iterator[str]:
    """Beside the predictions, wherever the task has prompts; an unreadable file is a `ValueError` that names it."""
    if task.columns.prompt is None:
        return
    if not files.answers.is_file():
        yield "answers.jsonl: not there; the first prompts of the reported split are answered"
        return
    said = [(one.id, one.prompt, one.answer) for one in read_answers(files.answers)]
    rows = read_dialogues(task, "test", data)
    if not said or said != [(row.id, row.prompt, row.answer) for row in rows[: len(said)]]:
        yield "answers.jsonl: its prompts are not the first ones of the reported split, in its order"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check a finished run folder against the run contract.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path("/data"), help="root of data files (default /data)")
    arguments = parser.parse_args(argv)
    found = breaches(arguments.folder, arguments.data)
    print("\n".join(found) if found else f"{arguments.folder}: conforms")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
