"""A valid spec to start from; tests change one thing at a time."""

from __future__ import annotations

import copy
from typing import Any

DIGEST = "0" * 64
SPEC: dict[str, Any] = {
    "contract": 1,
    "backend": "hf",
    "task": {
        "kind": "classification",
        "name": "toy",
        "columns": {"id": "id", "text": "text", "text_pair": None, "label": "label"},
        "labels": ["bad", "good"],
        "splits": {
            "train": {"file": "toy/train.jsonl", "sha256": DIGEST, "rows": 50},
            "selection": {"file": "toy/selection.jsonl", "sha256": DIGEST, "rows": 10},
            "test": {"file": "toy/test.jsonl", "sha256": DIGEST, "rows": 20},
        },
        "metric": "accuracy",
    },
    "model": {"name": "tiny", "path": "tiny", "sha256": DIGEST},
    "initialisation": "pretrained",
    "method": {"name": "full", "parameters": {}},
    "recipe": {
        "optimizer": {
            "name": "adamw",
            "lr": 1e-4,
            "betas": [0.9, 0.999],
            "eps": 1e-8,
            "weight_decay": 0.01,
            "decay_on": "matrices",
        },
        "schedule": {"name": "linear", "warmup_updates": 3, "power": 1.0, "end_lr": 0.0},
        "clip_norm": 1.0,
        "epochs": 2,
        "batch_size": 16,
        "accumulation": 1,
        "precision": "fp32",
        "max_length": 64,
        "truncation": "longest_first",
        "dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.1},
    },
    "seeds": {"seed": 0, "initialisation": 1, "order": 2, "dropout": 3},
    "selection": {"rule": "best", "split": "selection", "metric": "accuracy"},
    "evaluation": {"every": "epoch", "batch_size": 32, "curve": False},
    "device": {"kind": "cpu", "threads": 1},
}


def spec_with(**changes: Any) -> dict[str, Any]:
    """`SPEC` with dotted fields replaced: `spec_with(**{"recipe.epochs": 3})`."""
    value = copy.deepcopy(SPEC)
    for field, new in changes.items():
        place = value
        *parents, last = field.split(".")
        for part in parents:
            place = place[part]
        place[last] = new
    return value
