"""Runs that every backend which trains by gradient is judged by: what is changed in each, and what must come of it."""

from __future__ import annotations

import json
import math
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from seedwise_contract import read_events
from seedwise_contract.conformance import breaches
from seedwise_contract.events import Start
from seedwise_contract.order import epoch_batches
from tests.backends.workplace import INSIDE, ROWS, Outcome, Workplace, sentences, write_rows

EPOCHS, PER_EPOCH = 3, 6
NO_DROPOUT = {"recipe.dropout": {"hidden": 0.0, "attention": 0.0, "classifier": 0.0}}
# Each update multiplies the weights by 1 - lr · weight_decay = -49; with two updates an epoch they overflow after the first.
DIVERGING = {
    **NO_DROPOUT,
    "recipe.batch_size": 21,
    "recipe.optimizer.lr": 1000.0,
    "recipe.schedule": {"name": "constant", "warmup_updates": 0, "power": 1.0, "end_lr": 0.0},
}
SCHEDULES = {
    "base": ("linear", 3, 1.0, 0.0),
    "polynomial": ("polynomial", 0, 2.0, 0.0001),
    "cosine": ("cosine", 4, 1.0, 0.0002),
    "constant": ("constant", 5, 1.0, 0.0),
}
VARIANTS: dict[str, dict[str, Any]] = {
    **{
        name: {"recipe.schedule": dict(zip(("name", "warmup_updates", "power", "end_lr"), schedule, strict=True))}
        for name, schedule in SCHEDULES.items()
    },
    "again": {},
    "initialisation": {"seeds.initialisation": 99},
    "order": {"seeds.order": 99},
    "dropout": {"seeds.dropout": 99},
    "curve": {"evaluation.curve": True},
    "evaluation": {"evaluation.batch_size": 5, "selection.rule": "last"},
    "random": {"initialisation": "random"},
    "still": NO_DROPOUT,
    "still dropout": {**NO_DROPOUT, "seeds.dropout": 99},
    "still accumulated": {**NO_DROPOUT, "recipe.batch_size": 4, "recipe.accumulation": 2},
    "still grouped": {**NO_DROPOUT, "recipe.batching": "by_length"},
    "no decay": {**NO_DROPOUT, "recipe.optimizer.weight_decay": 0.0},
    "all decay": {**NO_DROPOUT, "recipe.optimizer.decay_on": "all"},
    "diverging": DIVERGING,
}
STOPS = {
    "stopped in an epoch": {"event": "step", "nth": 8},
    "stopped at an epoch's end": {"event": "step", "nth": PER_EPOCH},
    "stopped before the last scoring": {"event": "evaluation", "nth": EPOCHS},
}
STOPPED_AT = {
    "stopped in an epoch": 8,
    "stopped at an epoch's end": PER_EPOCH,
    "stopped before the last scoring": EPOCHS * PER_EPOCH,
}


class Job(NamedTuple):
    """One run; `stop` asks it to stop after the nth event of a name, as SIGTERM would."""

    name: str
    spec: Mapping[str, Any]
    stop: Mapping[str, Any] | None = None


def many(
    python: Callable[..., subprocess.CompletedProcess[str]], place: Workplace, jobs: Sequence[Job], backend: str
) -> list[int]:
    """Exit codes of the jobs, all run by one process, one after the other."""
    listed = []
    for number, job in enumerate(jobs):
        path = place.write(f"{number}-{job.name}", job.spec)
        place.out(job.name).mkdir(parents=True, exist_ok=True)
        listed.append({"spec": str(path), "out": str(place.out(job.name)), "stop": job.stop})
    ran = python(str(INSIDE / "many_runs.py"), str(place.data), str(place.models), json.dumps(listed), backend)
    assert ran.returncode == 0, ran.stderr
    return list(json.loads(ran.stdout.splitlines()[-1]))


def pairs(place: Workplace) -> dict[str, Any]:
    """Changes that make the task one of pairs."""
    splits = {
        name: write_rows(place.data / f"pairs-{name}.jsonl", sentences(n, 50 + i, pairs=True))
        for i, (name, n) in enumerate(ROWS.items())
    }
    return {"task.splits": splits, "task.columns.text_pair": "pair"}


def lr(update: int, name: str, warmup: int, power: float, end: float, peak: float = 0.003, total: int = 18) -> float:
    done = update - 1
    if done < warmup:
        return peak * done / warmup
    gone = (done - warmup) / (total - warmup)
    share = {
        "linear": 1 - gone,
        "polynomial": (1 - gone) ** power,
        "cosine": 0.5 + 0.5 * math.cos(math.pi * gone),
        "constant": 1.0,
    }[name]
    return peak * share + end * (1 - share)


def assert_rates(run: Outcome, schedule: str) -> None:
    assert len(run.steps) == EPOCHS * PER_EPOCH
    wanted = [lr(step.update, *SCHEDULES[schedule]) for step in run.steps]
    assert [step.lr for step in run.steps] == pytest.approx(wanted, rel=1e-9)


def assert_same_run(other: Outcome, base: Outcome, weights: str) -> None:
    """Bit for bit; `weights` is the file in the checkpoint that holds them."""
    assert [(s.update, s.epoch, s.loss, s.lr, s.grad_norm) for s in other.steps] == [
        (s.update, s.epoch, s.loss, s.lr, s.grad_norm) for s in base.steps
    ]
    assert [(e.split, e.update, e.metrics) for e in other.evaluations] == [
        (e.split, e.update, e.metrics) for e in base.evaluations
    ]
    assert other.initial == base.initial
    assert other.result.metrics == base.result.metrics
    assert other.result.selected == base.result.selected
    for file in ("predictions/test.jsonl", "predictions/selection.jsonl", f"checkpoint/{weights}"):
        assert other.result.files[file] == base.result.files[file]
    assert not (other.folder / "state").exists()


def assert_curve(shown: Outcome, base: Outcome, weights: str) -> None:
    """`shown` is `base` bit for bit, but for one event an epoch that displays the reported split."""
    everything = shown.evaluations
    displayed = [event for event in everything if event.display]
    assert [(e.split, e.update) for e in displayed] == [("test", PER_EPOCH * n) for n in (1, 2, 3)]
    assert [e.split for e in everything] == ["selection", "test"] * EPOCHS + ["test"]
    assert [(e.split, e.update, e.metrics) for e in everything if not e.display] == [
        (e.split, e.update, e.metrics) for e in base.evaluations
    ]
    selected = shown.result.selected
    assert selected == base.result.selected
    assert selected is not None
    (at_selected,) = [e.metrics for e in displayed if e.update == selected.update]
    assert at_selected == shown.result.metrics["test"] == base.result.metrics["test"]
    assert (shown.losses, shown.initial) == (base.losses, base.initial)
    for file in ("predictions/test.jsonl", "predictions/selection.jsonl", f"checkpoint/{weights}"):
        assert shown.result.files[file] == base.result.files[file]


def resumed_at(run: Outcome) -> list[int | None]:
    """Where each process of a run went on from."""
    return [e.resumed_at for e in read_events(run.folder / "events.jsonl") if isinstance(e, Start)]


def classes(place: Workplace, count: int) -> dict[str, Any]:
    """Changes that make the task one of `count` classes, measured and selected by macro-F1."""
    rows = {
        name: [
            {"id": f"{name}-{i}", "text": f"w{i % 7} topic{i % count} w{i % 5}", "label": f"c{i % count}"}
            for i in range(2 * count)
        ]
        for name in ROWS
    }
    splits = {name: write_rows(place.data / f"{count}-{name}.jsonl", found) for name, found in rows.items()}
    return {
        "task.splits": splits,
        "task.labels": [f"c{i}" for i in range(count)],
        "task.metric": "macro-f1",
    }


def assert_classes(run: Outcome, place: Workplace, count: int) -> None:
    """A score a class, and the metric that the predictions give."""
    assert not [line for line in breaches(run.folder, place.data) if "spec.json" not in line]
    assert run.result.metrics["test"].keys() >= {"accuracy", "macro-f1", "loss"}
    assert {len(prediction.scores) for prediction in run.predictions("test")} == {count}


LONG = {"recipe.epochs": 12, "recipe.optimizer.lr": 0.01, "selection.metric": "spearman"}
"""Beside `numbers`: long enough for the tiny model to learn them."""


def numbers(place: Workplace, metric: str = "spearman", with_pairs: bool = False) -> dict[str, Any]:
    """Changes that make the task one of numbers, which a word of each text tells but for a little noise."""
    generator = random.Random(7)
    worth = {"awful": 0.0, "dull": 1.0, "fine": 2.0, "lovely": 3.0}

    def row(name: str, i: int) -> dict[str, Any]:
        word = generator.choice(list(worth))
        label = round(worth[word] + generator.uniform(-0.25, 0.25), 2)
        told = {"id": f"{name}-{i}", "text": f"w{i % 7} {word} w{i % 5}", "label": label}
        return {**told, "pair": f"so w{i % 40}"} if with_pairs else told

    splits = {
        name: write_rows(place.data / f"numbers{with_pairs}-{name}.jsonl", [row(name, i) for i in range(n)])
        for name, n in ROWS.items()
    }
    columns = {"id": "id", "text": "text", "text_pair": "pair" if with_pairs else None, "label": "label"}
    task = {"kind": "regression", "name": "toy", "columns": columns, "splits": splits, "metric": metric}
    return {"task": task}


def labels_of(place: Workplace, spec: Mapping[str, Any], split: str) -> list[float]:
    path = place.data / spec["task"]["splits"][split]["file"]
    return [json.loads(line)["label"] for line in path.read_text().splitlines()]


def assert_numbers(run: Outcome, place: Workplace) -> None:
    """A number an example, the metrics that these give, and a loss that is the squared error of labels as they are."""
    assert not [line for line in breaches(run.folder, place.data) if "spec.json" not in line]
    metrics = run.result.metrics["test"]
    assert metrics.keys() >= {"spearman", "mse", "loss"}
    assert metrics["loss"] == metrics["mse"]
    spec = json.loads((run.folder / "spec.json").read_text())
    labels = labels_of(place, spec, "test")
    mean = sum(labels) / len(labels)
    assert metrics["mse"] < sum((label - mean) ** 2 for label in labels) / len(labels), "no better than the mean label"
    assert metrics["spearman"] > 0.3
    train = labels_of(place, spec, "train")
    size = spec["recipe"]["batch_size"]
    first = epoch_batches(spec["seeds"]["order"], 0, [1] * len(train), size, "shuffled")[0]
    # The head begins near 0, so that the first loss is near the mean square of the batch's labels.
    assert run.losses[0] == pytest.approx(sum(train[row] ** 2 for row in first) / len(first), rel=0.5)
