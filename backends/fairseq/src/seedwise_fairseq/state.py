"""What a run knows beside fairseq's own checkpoint, and the resumable state that an interrupted run leaves."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Optional

import torch

from seedwise_contract import RunFiles, RunSpec, canonical_json
from seedwise_contract.files import write_json
from seedwise_contract.results import Selected

_PROGRESS, _BEST, TRAINER = "progress.json", "best.pt", "trainer.pt"
_PLAIN = ("evaluated_epochs", "training_seconds", "evaluation_seconds", "events_bytes")


@dataclass
class Best:
    """The checkpoint that the selection rule holds so far: weights that train, and scores of the selection split."""

    selected: Selected
    metrics: Dict[str, float]
    weights: Dict[str, torch.Tensor]
    logits: torch.Tensor


@dataclass
class Progress:
    evaluated_epochs: int = 0
    training_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    events_bytes: int = 0
    best: Optional[Best] = field(default=None, repr=False)


def fingerprint(spec: RunSpec) -> str:
    """A state is only read by the spec and the packages that wrote it: others would not give the same bits."""
    packages = [f"{name}=={metadata.version(name)}" for name in ("torch", "fairseq")]
    return hashlib.sha256("\0".join([canonical_json(spec), *packages]).encode()).hexdigest()


def partial_folder(files: RunFiles) -> Path:
    """Where a state is put together before it gets its name."""
    return files.state / ".partial"


def save(files: RunFiles, spec: RunSpec, progress: Progress, update: int) -> None:
    """Complete the folder that holds the Trainer's checkpoint, and give it its name in one step."""
    partial = partial_folder(files)
    plain: Dict[str, Any] = {name: getattr(progress, name) for name in _PLAIN}
    plain["fingerprint"] = fingerprint(spec)
    if progress.best is not None:
        plain["selected"] = progress.best.selected.model_dump(mode="json")
        plain["metrics"] = progress.best.metrics
        torch.save({"weights": progress.best.weights, "logits": progress.best.logits}, str(partial / _BEST))
    write_json(partial / _PROGRESS, plain)
    named = files.state / f"update-{update:08d}"
    shutil.rmtree(named, ignore_errors=True)
    partial.rename(named)
    for other in files.state.iterdir():
        if other != named:
            shutil.rmtree(other, ignore_errors=True)


def find(files: RunFiles, spec: RunSpec) -> Optional[Path]:
    """The newest complete state of the same spec, or None."""
    wanted = fingerprint(spec)
    for folder in sorted(files.state.glob("update-*"), reverse=True):
        try:
            plain = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if plain["fingerprint"] == wanted:
            return folder
    return None


def load(folder: Path) -> Progress:
    plain = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
    del plain["fingerprint"]
    selected, metrics = plain.pop("selected", None), plain.pop("metrics", None)
    progress = Progress(**plain)
    if selected is not None:
        best = torch.load(str(folder / _BEST))
        progress.best = Best(Selected.model_validate(selected), metrics, best["weights"], best["logits"])
    return progress


def update_of(folder: Path) -> int:
    return int(folder.name.split("-", 1)[1])
