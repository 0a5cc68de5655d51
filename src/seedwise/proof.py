"""The proof of a conversion: a model in its framework and what was made of it in the other, on the same real texts.

Both are asked by the verb `probe` for the hidden states of every token and for logits, in float32 and without dropout.
Logits come from a classification head that both frameworks draw from one seed, in the same order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seedwise.assets.prepare import data_root, prepare_data
from seedwise.errors import InputError, SeedwiseError
from seedwise.project import Project
from seedwise.runtimes.base import Runtime
from seedwise.say import Say
from seedwise.study import Rows
from seedwise.tools import ask
from seedwise_contract import RunSpec
from seedwise_contract.files import sha256_file, tree_digest, write_lines

TOLERANCE = 1e-4
TEXTS = "rotten-tomatoes"
_LONGEST = 256  # tokens of a text that are compared at most


class NotEqual(SeedwiseError):
    """The converted model does not give the numbers of its source."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Place:
    """A model folder `name` below `root`, which is mounted as models root, and the backend that reads it."""

    backend: str
    root: Path
    name: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Largest absolute differences; `hidden` over every token's last hidden state, `logits` over every text's."""

    texts: str
    rows: int
    tokens: int
    max_length: int
    hidden: float
    logits: float

    @property
    def passed(self) -> bool:
        return max(self.hidden, self.logits) < TOLERANCE


def real_texts(source: Path | None, rows: int, project: Project, say: Say) -> tuple[str, list[str]]:
    """What the texts are and the first `rows` of them: lines of the file `source`, else of the embedded data set."""
    if source is None:
        prepared = prepare_data(TEXTS, Rows(train=1, selection=rows, test=2), project, say)
        path = data_root(project) / prepared.splits["selection"].file
        return f"{TEXTS} (selection)", [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    try:
        texts = [line.strip() for line in source.read_text("utf-8").split("\n") if line.strip()][:rows]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--texts {source}: cannot be read: {error}") from None
    if not texts:
        raise InputError(f"--texts {source}: found no text; give a text on each line")
    return str(source), texts


def prove(
    runtime: Runtime,
    project: Project,
    pair: tuple[Place, Place],
    positions: int,
    texts: tuple[str, list[str]],
    work: Path,
) -> Proof:
    """Ask both for their states on `texts`; `work` is a folder of ours.  `NotEqual` where even the tokens differ."""
    told, lines = texts
    max_length = min(_LONGEST, positions)
    data = work / "data"
    data.mkdir(parents=True, exist_ok=True)
    rows = [{"id": str(n), "text": text, "label": str(n % 2)} for n, text in enumerate(lines)]
    write_lines(data / "texts.jsonl", rows)
    data.chmod(0o755)  # a container reads it as another user
    (data / "texts.jsonl").chmod(0o644)
    found = []
    for number, place in enumerate(pair):
        spec = _spec(place, data / "texts.jsonl", len(rows), max_length)
        out = work / f"probe-{number}"
        ask(runtime, project, place.backend, "probe", spec, out, place.root, data=data)
        found.append({name: np.load(out / f"{name}.npy") for name in ("hidden", "logits")})
    first, second = found
    for name in ("hidden", "logits"):
        if first[name].shape != second[name].shape:
            raise NotEqual(
                f"{pair[0].backend} gives {name} of shape {first[name].shape}, {pair[1].backend} of {second[name].shape}: "
                "the texts are not coded to the same tokens"
            )
    return Proof(
        texts=told,
        rows=len(first["logits"]),
        tokens=len(first["hidden"]),
        max_length=max_length,
        hidden=float(np.abs(first["hidden"] - second["hidden"]).max()),
        logits=float(np.abs(first["logits"] - second["logits"]).max()),
    )


def _spec(place: Place, texts: Path, rows: int, max_length: int) -> RunSpec:
    """A spec whose every split is the texts.  Its recipe is never trained; what matters is its length and its seed."""
    split = {"file": texts.name, "sha256": sha256_file(texts), "rows": rows}
    value: dict[str, Any] = {
        "contract": 1,
        "backend": place.backend,
        "task": {
            "kind": "classification",
            "name": "texts",
            "columns": {"id": "id", "text": "text", "text_pair": None, "label": "label"},
            "labels": ["0", "1"],
            "splits": dict.fromkeys(("train", "selection", "test"), split),
            "metric": "accuracy",
        },
        "model": {"name": "converted", "path": place.name, "sha256": tree_digest(place.root / place.name)},
        "initialisation": "pretrained",
        "method": {"name": "full", "parameters": {}},
        "recipe": {
            "optimizer": {
                "name": "adamw",
                "lr": 1e-5,
                "betas": (0.9, 0.999),
                "eps": 1e-8,
                "weight_decay": 0.0,
                "decay_on": "all",
            },
            "schedule": {"name": "constant", "warmup_updates": 0, "power": 1.0, "end_lr": 0.0},
            "clip_norm": None,
            "epochs": 1,
            "batch_size": 8,
            "accumulation": 1,
            "precision": "fp32",
            "max_length": max_length,
            "truncation": "longest_first",
            "dropout": {"hidden": 0.0, "attention": 0.0, "classifier": 0.0},
        },
        "seeds": {"seed": 0, "initialisation": 0, "order": 1, "dropout": 2},
        "selection": {"rule": "last", "split": "selection", "metric": "accuracy"},
        "evaluation": {"every": "epoch", "batch_size": 8, "curve": False},
        "device": {"kind": "cpu", "threads": 1},
    }
    return RunSpec.model_validate_json(json.dumps(value))
