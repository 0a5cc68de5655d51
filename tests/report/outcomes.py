"""A finished study without training: run folders that obey the contract, then the real comparison."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seedwise.assets.groups import groups_of
from seedwise.assets.prepare import PreparedData
from seedwise.planning.plan import Plan, PlannedRun, derive_seeds
from seedwise.project import Project
from seedwise.store.store import Provenance, Store
from seedwise.study.model import Study
from seedwise.verdicts.comparison import StudyOutcome, compare
from seedwise_contract import Environment, Parameter, ParameterTable, RunResult, RunSpec, RunStatus, run_id
from seedwise_contract.events import EventLog
from seedwise_contract.files import sha256_file, write_json, write_lines
from seedwise_contract.predictions import Prediction
from seedwise_contract.results import Cost, Selected, Timings
from seedwise_contract.spec import Columns, Split

EPOCHS = 3
UPDATES = 150
IMAGE = "sha256:" + "ab" * 32
RECIPE: dict[str, Any] = {
    "optimizer": {
        "name": "adamw", "lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "decay_on": "matrices",
    },
    "schedule": {"name": "linear", "warmup_updates": 9, "power": 1.0, "end_lr": 0.0},
    "clip_norm": 1.0, "epochs": EPOCHS, "batch_size": 16, "accumulation": 1, "precision": "fp32", "max_length": 64,
    "truncation": "longest_first", "dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.1},
}  # fmt: skip


class Left(NamedTuple):
    """What a run's result says of its scores."""

    metrics: dict[str, dict[str, float]]
    selected: Selected | None


@dataclass(frozen=True)
class Lab:
    """Accuracy of each arm's runs by arm; what is left out, diverges, or was started under another declaration."""

    root: Path
    seeds: int = 5
    examples: int = 400
    title: str = "Does pretraining help?"
    name: str = "pretrained-vs-random"
    reported: tuple[dict[str, Any], ...] = ()
    accuracy: dict[str, float] = field(default_factory=lambda: {"pretrained": 0.79, "random": 0.66})
    baseline: bool = True
    curve: bool = False
    claims: tuple[dict[str, Any], ...] = (
        {"name": "pretraining-helps", "a": "pretrained", "b": "random", "statement": "Pretraining helps"},
    )
    missing: tuple[tuple[str, int], ...] = ()
    diverged: tuple[tuple[str, int], ...] = ()
    other_declaration: tuple[tuple[str, int], ...] = ()
    films: int = 1  # examples of one film each
    rules: dict[str, Any] = field(default_factory=dict)  # further fields of the study

    @property
    def project(self) -> Project:
        return Project(root=self.root, home=self.root / ".seedwise", cache=self.root / "cache", data_root=None)

    @property
    def store(self) -> Store:
        return Store(self.project.runs)

    def study(self) -> Study:
        arms = {
            name: {
                "backend": "hf", "model": "minilm-l6", "initialisation": "random" if name == "random" else "pretrained",
                "method": {"name": "full", "parameters": {"rank": rank} if rank > 1 else {}}, "recipe": RECIPE,
            }
            for rank, name in enumerate(self.accuracy)
        }  # fmt: skip
        if self.baseline:
            arms["tfidf"] = {
                "backend": "sklearn", "model": None, "initialisation": "none", "baseline": True, "deterministic": True,
                "method": {"name": "tfidf-logistic-regression", "parameters": {"c": 10.0}}, "recipe": None,
            }  # fmt: skip
        value = {
            "version": 1, "name": self.name, "title": self.title, "reported": list(self.reported),
            "description": "A small encoder from pretrained and from random weights.",
            "task": {"data": "reviews"}, "seeds": list(range(self.seeds)),
            "selection": {"rule": "best", "split": "selection", "metric": "accuracy"},
            "evaluation": {"every": "epoch", "batch_size": 64, "curve": self.curve}, "arms": arms, "claims": list(self.claims),
            **self.rules,
        }  # fmt: skip
        return Study.model_validate_json(json.dumps(value))

    def plan(self) -> Plan:
        study = self.study()
        runs = []
        for seed in study.seeds:
            for name in study.arms:
                if seed in study.seeds_of(name):
                    spec = self._spec(study, name, seed)
                    runs.append(PlannedRun(name, seed, spec, IMAGE, run_id(spec, IMAGE)))
        return Plan(study, self._data(), tuple(runs))

    def run(self) -> StudyOutcome:
        """Fill the store with what is not left out, and compare."""
        plan = self.plan()
        for run in plan.runs:
            if (run.arm, run.seed) not in self.missing:
                self._write(plan.study, run)
        return compare(plan, self.store)

    def _data(self) -> PreparedData:
        rows = {"train": 800, "selection": 300, "test": self.examples}
        return PreparedData(
            name="reviews",
            labels=["rotten", "fresh"],
            columns=Columns(id="id", text="text", text_pair=None, label="label"),
            splits={
                name: Split(file=f"reviews/{name}.jsonl", sha256=f"{number}" * 64, rows=count)
                for number, (name, count) in enumerate(rows.items(), start=1)
            },
            facts={"test_rows_also_in_train": 3, "duplicate_test_rows": 1},
            title="Sentences from film reviews",
            citation="Pang and Lee 2005.",
            licence="none stated",
            groups=groups_of("film", {f"e{n}": f"film {n // self.films}" for n in range(self.examples)}),
        )

    def _spec(self, study: Study, name: str, seed: int) -> RunSpec:
        arm, data = study.arms[name], self._data()
        value = {
            "contract": 1, "backend": arm.backend, "initialisation": arm.initialisation,
            "task": {
                "kind": "classification", "name": data.name, "columns": data.columns.model_dump(), "labels": data.labels,
                "splits": {key: split.model_dump() for key, split in data.splits.items()}, "metric": "accuracy",
            },
            "model": {"name": "minilm-l6", "path": "minilm-l6", "sha256": "5" * 64} if arm.model else None,
            "method": arm.method.model_dump(), "recipe": RECIPE if arm.recipe else None,
            "seeds": derive_seeds(seed).model_dump(),
            "selection": study.selection.model_dump() if arm.recipe else None,
            "evaluation": study.evaluation.model_dump(), "device": {"kind": "cpu", "threads": 1},
        }  # fmt: skip
        return RunSpec.model_validate_json(json.dumps(value))

    def _write(self, study: Study, run: PlannedRun) -> None:
        assert run.run_id is not None
        diverged = (run.arm, run.seed) in self.diverged
        folder = self.store.folder(run.run_id)
        write_json(folder / "spec.json", run.spec)
        declaration = "f" * 64 if (run.arm, run.seed) in self.other_declaration else study.declaration()
        provenance = Provenance(
            run_id=run.run_id, backend=run.spec.backend, digest=IMAGE, runtime="docker", declaration=declaration,
            study=study.name, arm=run.arm, host="bench", git_commit="c0ffee" * 6 + "c0de", git_dirty=run.seed == 0,
            started=f"2026-01-02T03:{run.seed:02}:00+00:00",
        )  # fmt: skip
        write_json(folder / "provenance.json", provenance)
        write_json(folder / "environment.json", _environment())
        if run.spec.recipe is not None:
            write_json(folder / "parameters.json", _parameters())
        left = self._outcome(run, folder, diverged)
        files = {
            path.relative_to(folder).as_posix(): sha256_file(path)
            for path in folder.rglob("*")
            if path.is_file() and path.name not in ("provenance.json", "result.json")
        }
        result = RunResult(
            contract=1, status=RunStatus.DIVERGED if diverged else RunStatus.COMPLETED, reason=None,
            message="loss was not finite at update 60" if diverged else None,
            metrics=left.metrics, selected=left.selected,
            updates=UPDATES if run.spec.recipe else 0,
            timings=Timings(setup=1.5, training=30.25 + run.seed, evaluation=4.0, total=36.5 + run.seed),
            cost=Cost(
                train_examples_per_second=79.0, peak_host_bytes=900 << 20, peak_device_bytes=None, energy_joules=None,
                checkpoint_bytes=90 << 20,
            ),
            files=files,
        )  # fmt: skip
        write_json(folder / "result.json", result)

    def _outcome(self, run: PlannedRun, folder: Path, diverged: bool) -> Left:
        """Write what the run found into `folder`."""
        random = np.random.default_rng([run.seed, *run.arm.encode()])
        accuracy = 0.5 if diverged else self.accuracy.get(run.arm, 0.7) + random.normal(0, 0.008)
        correct = _correct(self.examples, accuracy, random)
        write_lines(folder / "predictions" / "test.jsonl", _predictions(correct))
        metrics = {"test": {"accuracy": float(correct.mean())}}
        if run.spec.recipe is None:
            return Left(metrics, None)
        _events(folder / "events.jsonl", accuracy, random, diverged, self.curve)
        return Left(metrics, Selected(epoch=3.0, update=UPDATES, metric="accuracy", value=accuracy))


def _correct(examples: int, accuracy: float, random: np.random.Generator) -> np.ndarray:
    """Hard examples are hard for every run, as they are in life."""
    difficulty = np.random.default_rng(7).normal(size=examples)
    ease = difficulty + random.normal(scale=0.6, size=examples)
    return ease > np.quantile(ease, 1.0 - accuracy)


def _predictions(correct: np.ndarray) -> list[Prediction]:
    return [
        Prediction(
            id=f"e{index}", label=index % 2, scores=[1.0, 0.0] if (index % 2 == 0) == bool(right) else [0.0, 1.0]
        )
        for index, right in enumerate(correct)
    ]


def _events(path: Path, accuracy: float, random: np.random.Generator, diverged: bool, curve: bool) -> None:
    log = EventLog(path)
    log.start(total_updates=UPDATES, epochs=EPOCHS)
    for update in range(1, UPDATES + 1):
        loss = 0.7 - (accuracy - 0.5) * update / UPDATES + random.normal(0, 0.05)
        value = None if diverged and update >= 60 else float(loss)
        log.step(update=update, epoch=update * EPOCHS / UPDATES, loss=value, lr=1e-4, seconds=update * 0.2)
        if update % (UPDATES // EPOCHS) == 0:
            epoch = update * EPOCHS / UPDATES
            score = accuracy - 0.12 / epoch**2 + random.normal(0, 0.01)
            log.evaluation(split="selection", epoch=epoch, update=update, metrics={"accuracy": float(score)})
            if curve and not (diverged and epoch > 1):
                displayed = {"accuracy": float(score) - 0.02}
                log.evaluation(split="test", epoch=epoch, update=update, metrics=displayed, display=True)
    log.end("diverged" if diverged else "completed")
    log.close()


def _environment() -> Environment:
    return Environment(
        image_digest=IMAGE, python="3.11.9", platform="Linux", cpu="A processor", cpu_threads=1, device="cpu", driver=None,
        packages={"torch": "2.9.0", "transformers": "4.57.1", "tqdm": "4.67"}, determinism={"deterministic_algorithms": "on"},
    )  # fmt: skip


def _parameters() -> ParameterTable:
    return ParameterTable.of(
        [
            Parameter(
                name="encoder.weight", shape=[384, 384], count=147456, trainable=True, head=False, weight_decay=0.01
            ),
            Parameter(name="classifier.bias", shape=[2], count=2, trainable=True, head=True, weight_decay=None),
        ],
        "9" * 64,
    )
