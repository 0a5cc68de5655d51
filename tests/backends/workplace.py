"""Small data, a small model, specs of them, and the backend's process: what the tests of backends work with."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwise_contract import Prediction, RunResult, read_events, read_predictions
from seedwise_contract.events import Evaluation, Step
from seedwise_contract.files import sha256_file, tree_digest

ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).parent / "inside"
ROWS = {"train": 42, "selection": 24, "test": 30}


def backend_environment(*backends: str) -> dict[str, str]:
    paths = [ROOT / "backends" / name / "src" for name in ("contract", *backends)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"}


def sentences(count: int, seed: int, pairs: bool = False) -> list[dict[str, Any]]:
    """Labelled sentences of 3 to 12 words; one word in each tells its label."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        label = generator.choice(["good", "bad"])
        telling = generator.choice(["fine", "lovely", "bright"] if label == "good" else ["dull", "awful", "grey"])
        words = [f"w{generator.randrange(40)}" for _ in range(generator.randrange(2, 12))]
        words.insert(generator.randrange(len(words)), telling)
        row = {"id": f"{seed}-{number}", "text": " ".join(words), "label": label}
        rows.append({**row, "pair": f"so w{number % 40}"} if pairs else row)
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"file": path.name, "sha256": sha256_file(path), "rows": len(rows)}


@dataclass(frozen=True)
class Outcome:
    """A run folder, read as the harness reads it."""

    folder: Path

    @property
    def result(self) -> RunResult:
        return RunResult.model_validate_json((self.folder / "result.json").read_bytes())

    @property
    def steps(self) -> list[Step]:
        return [event for event in read_events(self.folder / "events.jsonl") if isinstance(event, Step)]

    @property
    def losses(self) -> list[float | None]:
        return [step.loss for step in self.steps]

    @property
    def evaluations(self) -> list[Evaluation]:
        return [event for event in read_events(self.folder / "events.jsonl") if isinstance(event, Evaluation)]

    @property
    def parameters(self) -> dict[str, Any]:
        return json.loads((self.folder / "parameters.json").read_text())

    @property
    def initial(self) -> str:
        return self.parameters["initial_trainable_sha256"]

    def predictions(self, split: str) -> list[Prediction]:
        return list(read_predictions(self.folder / "predictions" / f"{split}.jsonl"))


class Workplace:
    """A folder with data and models below it, and specs that name them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.models = folder / "models"
        splits = {
            name: write_rows(self.data / f"{name}.jsonl", sentences(n, i)) for i, (name, n) in enumerate(ROWS.items())
        }
        self._base: dict[str, Any] = {
            "contract": 1,
            "backend": "hf",
            "task": {
                "kind": "classification",
                "name": "toy",
                "columns": {"id": "id", "text": "text", "text_pair": None, "label": "label"},
                "labels": ["bad", "good"],
                "splits": splits,
                "metric": "accuracy",
            },
            "model": None,
            "initialisation": "pretrained",
            "method": {"name": "full", "parameters": {}},
            "recipe": {
                "optimizer": {
                    "name": "adamw",
                    "lr": 0.003,
                    "betas": [0.9, 0.98],
                    "eps": 1e-6,
                    "weight_decay": 0.05,
                    "decay_on": "matrices",
                },
                "schedule": {"name": "linear", "warmup_updates": 3, "power": 1.0, "end_lr": 0.0},
                "clip_norm": 1.0,
                "epochs": 3,
                "batch_size": 8,
                "accumulation": 1,
                "batching": "shuffled",
                "precision": "fp32",
                "max_length": 24,
                "truncation": "longest_first",
                "dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.2},
            },
            "seeds": {"seed": 0, "initialisation": 11, "order": 12, "dropout": 13},
            "selection": {"rule": "best", "split": "selection", "metric": "loss"},
            "evaluation": {"every": "epoch", "batch_size": 16, "curve": False},
            "device": {"kind": "cpu", "threads": 1},
        }

    def spec(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The base spec with `changes` (dotted field → value); a field's parents must be there."""
        spec = copy.deepcopy(self._base)
        if (self.models / "bert").is_dir():
            spec["model"] = self.model("bert")
        for field, value in (changes or {}).items():
            *parents, last = field.split(".")
            place = spec
            for parent in parents:
                place = place[parent]
            assert last in place or parents[-1] == "parameters", field
            place[last] = value
        return spec

    def model(self, name: str) -> dict[str, Any]:
        """The model folder `name` as a spec names it."""
        return {"name": "tiny", "path": name, "sha256": tree_digest(self.models / name)}

    def write(self, name: str, spec: Mapping[str, Any]) -> Path:
        path = self.folder / "specs" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(spec))
        return path

    def out(self, name: str) -> Path:
        return self.folder / "out" / name

    def command(self, python: str, module: str, verb: str, name: str, spec: Mapping[str, Any]) -> list[str]:
        roots = ["--data", str(self.data), "--models", str(self.models)]
        out = ["--out", str(self.out(name))] if verb == "run" else []
        return [python, "-m", module, verb, str(self.write(name, spec)), *roots, *out]


def call(command: list[str], *backends: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=backend_environment(*backends), capture_output=True, text=True, input=text, timeout=900
    )


def with_models(folder: Path, python: str) -> Workplace:
    """A workplace with a tiny model of every family, made by `python`, which has transformers."""
    place = Workplace(folder)
    made = call([python, str(INSIDE / "make_models.py"), str(place.models)])
    assert made.returncode == 0, made.stderr
    return place
