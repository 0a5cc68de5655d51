"""A small store as real runs leave it: folders written with the contract's own models, scores drawn at random."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from seedwise.assets.prepare import PreparedData
from seedwise.planning.plan import Plan, PlannedRun, make_plan
from seedwise.project import Project
from seedwise.store.store import Provenance, Store
from seedwise.study.model import Study
from seedwise.verdicts.comparison import StudyOutcome, compare
from seedwise_contract import Environment, Parameter, ParameterTable, Prediction, RunResult, RunStatus
from seedwise_contract.events import End, Evaluation, Start, Step
from seedwise_contract.files import sha256_file, write_json, write_lines
from seedwise_contract.results import Cost, Selected, Timings
from seedwise_contract.spec import Columns, Model, Split

DIGESTS = {"hf": "sha256:" + "ab" * 32, "sklearn": "sha256:" + "cd" * 32}
ACCURACY = {"pretrained": 0.78, "random": 0.55, "tfidf": 0.67}
BEGIN = 1_750_000_000.0
RECIPE = {
    "optimizer": {
        "name": "adamw",
        "lr": 1e-4,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.01,
        "decay_on": "matrices",
    },
    "schedule": {"name": "linear", "warmup_ratio": 0.06},
    "clip_norm": 1.0,
    "epochs": 2,
    "batch_size": 16,
    "accumulation": 1,
    "precision": "fp32",
    "max_length": 64,
    "truncation": "longest_first",
    "dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.1},
}


def quiet(_: str) -> None:
    """A `say` that says nothing."""


def project_in(folder: Path) -> Project:
    return Project(root=folder, home=folder / ".seedwise", cache=folder / "cache", data_root=None)


def small_study(name: str = "pretrained-vs-random", seeds: Sequence[int] = (0, 1, 2, 3), **changes: Any) -> Study:
    arm = {"backend": "hf", "model": "minilm-l6", "method": {"name": "full", "parameters": {}}, "recipe": RECIPE}
    baseline = {
        "backend": "sklearn",
        "model": None,
        "initialisation": "none",
        "method": {"name": "tfidf-logistic-regression", "parameters": {"c": 10.0, "min_df": 2}},
        "recipe": None,
        "baseline": True,
        "deterministic": True,
    }
    value = {
        "version": 1,
        "name": name,
        "title": "Does pretraining help a small encoder on short film reviews?",
        "task": {"data": "rotten-tomatoes", "rows": {"train": 160, "selection": 40, "test": 100}},
        "seeds": list(seeds),
        "selection": {"rule": "best", "split": "selection", "metric": "accuracy"},
        "evaluation": {"every": "epoch", "batch_size": 64},
        "arms": {
            "pretrained": {**arm, "initialisation": "pretrained"},
            "random": {**arm, "initialisation": "random"},
            "tfidf": baseline,
        },
        "claims": [{"name": "pretraining-helps", "a": "pretrained", "b": "random"}],
        **changes,
    }
    return Study.model_validate(value)


def plan_of(study: Study, project: Project, digests: Mapping[str, str] = DIGESTS) -> Plan:
    """The study's plan over a data set and a model of which only the digests exist."""
    rows = study.task.rows
    assert rows is not None
    data = PreparedData(
        name=study.task.data,
        labels=["rotten", "fresh"],
        columns=Columns(id="id", text="text", text_pair=None, label="label"),
        splits={
            name: Split(file=f"rt/{name}.jsonl", sha256=hashlib.sha256(name.encode()).hexdigest(), rows=count)
            for name, count in rows.model_dump().items()
        },
        facts={},
        title="",
        citation="",
        licence="",
    )
    model = Model(name="minilm-l6", path="minilm", sha256="ef" * 32)
    with (
        patch("seedwise.planning.plan.prepare_data", return_value=data),
        patch("seedwise.planning.plan.prepare_model", return_value=model),
    ):
        return make_plan(study, project, digests, "cpu", quiet)


def write_run(
    store: Store, plan: Plan, planned: PlannedRun, *, accuracy: float | None = None, diverged: bool = False
) -> None:
    """The folder of one finished run."""
    assert planned.run_id is not None
    assert planned.digest is not None
    folder = store.folder(planned.run_id)
    rng = np.random.default_rng(planned.spec.seeds.initialisation)
    begin = BEGIN + 1000 * planned.seed + 100 * list(plan.study.arms).index(planned.arm)
    mean = ACCURACY.get(planned.arm, 0.7) if accuracy is None else accuracy
    test = planned.spec.task.splits["test"].rows
    right = rng.random(test) < mean + rng.normal(0, 0.01)
    write_json(folder / "spec.json", planned.spec)
    write_json(folder / "provenance.json", _provenance(plan, planned, begin))
    events = _events(planned, begin, mean, diverged, rng)
    write_lines(folder / "events.jsonl", events)
    predictions = [Prediction(id=f"e{n}", label=n % 2, scores=_scores(n % 2, right[n])) for n in range(test)]
    write_lines(folder / "predictions" / "test.jsonl", predictions)
    write_json(folder / "environment.json", _environment(planned))
    write_json(folder / "parameters.json", _parameters(planned))
    (folder / "backend.log").write_text("training\n")
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "model.safetensors").write_bytes(b"weights")
    names = [
        "events.jsonl",
        "environment.json",
        "parameters.json",
        "predictions/test.jsonl",
        "checkpoint/model.safetensors",
    ]
    trained = planned.spec.recipe is not None
    value = float(np.mean(right))
    result = RunResult(
        contract=1,
        status=RunStatus.DIVERGED if diverged else RunStatus.COMPLETED,
        reason=None,
        message="loss was not finite at update 12" if diverged else None,
        metrics={"test": {"accuracy": value, "loss": 1 - value}, "selection": {"accuracy": mean}},
        selected=Selected(epoch=2.0, update=20, metric="accuracy", value=mean) if trained else None,
        updates=planned.spec.total_updates,
        timings=Timings(setup=1.5, training=20.0, evaluation=2.5, total=24.0),
        cost=Cost(
            train_examples_per_second=16.0,
            peak_host_bytes=700_000_000,
            peak_device_bytes=None,
            energy_joules=None,
            checkpoint_bytes=7,
        ),
        files={name: sha256_file(folder / name) for name in names},
    )
    write_json(folder / "result.json", result)


def filled(
    folder: Path, study: Study | None = None, leave_out: Sequence[str] = (), diverged: Sequence[str] = ()
) -> tuple[Project, Store, StudyOutcome]:
    """A project whose store holds every run of `study` but those labelled in `leave_out`, and what came of it."""
    project = project_in(folder)
    plan = plan_of(study or small_study(), project)
    store = Store(project.runs)
    for planned in plan.runs:
        if planned.label not in leave_out and not store.is_done(planned.run_id):
            write_run(store, plan, planned, diverged=planned.label in diverged)
    return project, store, compare(plan, store)


def _scores(label: int, right: bool) -> list[float]:
    wins = label if right else 1 - label
    return [1.0, -1.0] if wins == 0 else [-1.0, 1.0]


def _provenance(plan: Plan, planned: PlannedRun, begin: float) -> Provenance:
    assert planned.run_id is not None
    assert planned.digest is not None
    return Provenance(
        run_id=planned.run_id,
        backend=planned.spec.backend,
        digest=planned.digest,
        runtime="docker",
        declaration=plan.study.declaration(),
        study=plan.study.name,
        arm=planned.arm,
        host="bench-1",
        git_commit="0" * 40,
        git_dirty=False,
        started=datetime.fromtimestamp(begin, UTC).isoformat(timespec="seconds"),
    )


def _events(
    planned: PlannedRun, begin: float, mean: float, diverged: bool, rng: np.random.Generator
) -> list[dict[str, Any]]:
    total, each = planned.spec.total_updates, planned.spec.updates_per_epoch
    epochs = planned.spec.recipe.epochs if planned.spec.recipe else 0
    events: list[Any] = [Start(time=begin, total_updates=total, epochs=epochs)]
    for update in range(1, total + 1):
        loss = None if diverged and update > 12 else 0.7 * math.exp(-2 * mean * update / total) + rng.normal(0, 0.02)
        lr = 1e-4 * (1 - update / total)
        time = begin + update
        events.append(
            Step(time=time, update=update, epoch=update / each, loss=loss, lr=lr, grad_norm=1.0, seconds=float(update))
        )
        if update % each == 0:
            scores = {"accuracy": mean * update / total, "loss": 0.6}
            events.append(
                Evaluation(time=time + 0.5, split="selection", epoch=update / each, update=update, metrics=scores)
            )
    events.append(End(time=begin + total + 2, status="diverged" if diverged else "completed"))
    return [json.loads(event.model_dump_json()) for event in events]


def _environment(planned: PlannedRun) -> Environment:
    return Environment(
        image_digest=planned.digest,
        python="3.11.9",
        platform="Linux",
        cpu="a processor",
        cpu_threads=1,
        device="cpu",
        driver=None,
        packages={"torch": "2.13.0", "transformers": "5.23.0"} if planned.spec.recipe else {"scikit-learn": "1.9.0"},
        determinism={"torch.use_deterministic_algorithms": "true"},
    )


def _parameters(planned: PlannedRun) -> ParameterTable:
    weight = Parameter(name="head", shape=[2, 384], count=768, trainable=True, head=True, weight_decay=0.01)
    return ParameterTable.of([weight], "12" * 32)


# Each run's parent and name, after an import of what `filled` makes.
TREE = {
    ("", "pretrained-vs-random"),
    ("pretrained-vs-random", "pretrained"),
    ("pretrained-vs-random", "random"),
    ("pretrained-vs-random", "tfidf (baseline)"),
    *(("pretrained", f"pretrained seed {seed}") for seed in range(4)),
    *(("random", f"random seed {seed}") for seed in range(4)),
    ("tfidf (baseline)", "tfidf seed 0"),
}
