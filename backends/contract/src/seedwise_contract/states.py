"""What a run knows beside its framework's own checkpoint, and the resumable state that an interrupted run leaves."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from seedwise_contract.exits import Interrupted
from seedwise_contract.files import RunFiles, write_json
from seedwise_contract.identity import canonical_json
from seedwise_contract.results import Selected
from seedwise_contract.spec import RunSpec

_PROGRESS = "progress.json"
_PLAIN = ("evaluated_epochs", "training_seconds", "evaluation_seconds", "events_bytes")


@dataclass
class Best:
    """The checkpoint that the selection rule holds so far: weights that train, and scores of the selection split, both as
    the framework has them.
    """

    selected: Selected
    metrics: dict[str, float]
    weights: Any
    logits: Any


@dataclass
class Progress:
    evaluated_epochs: int = 0
    training_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    events_bytes: int = 0
    best: Best | None = field(default=None, repr=False)


class States:
    """The resumable states of one run: folders `state/update-<n>`, each of which gets its name when it is complete.

    A backend says which `packages` decide its bits, and how the tensors of `Best` are kept.
    """

    packages: Sequence[str] = ()

    def __init__(self, files: RunFiles, spec: RunSpec) -> None:
        self._files = files
        self._spec = spec
        # A state is only read by the spec and the packages that wrote it: others would not give the same bits.
        packages = [f"{name}=={metadata.version(name)}" for name in self.packages]
        self._fingerprint = hashlib.sha256("\0".join([canonical_json(spec), *packages]).encode()).hexdigest()

    def write_best(self, best: Best, folder: Path) -> None:
        """Keep the weights and logits of `best` in `folder`."""
        raise NotImplementedError

    def read_best(self, folder: Path) -> tuple[Any, Any]:
        """Weights and logits, as `write_best` kept them."""
        raise NotImplementedError

    @property
    def partial(self) -> Path:
        """Where a state is put together before it gets its name."""
        return self._files.state / ".partial"

    def leave(self, progress: Progress, folder: Path, update: int) -> NoReturn:
        """Complete `folder`, which holds the framework's own checkpoint, and give it its name in one step; earlier states
        go after that.  Raises `Interrupted`.
        """
        progress.events_bytes = self._files.events.stat().st_size
        plain: dict[str, Any] = {name: getattr(progress, name) for name in _PLAIN}
        plain["fingerprint"] = self._fingerprint
        if progress.best is not None:
            plain["selected"] = progress.best.selected.model_dump(mode="json")
            plain["metrics"] = progress.best.metrics
            self.write_best(progress.best, folder)
        write_json(folder / _PROGRESS, plain)
        named = self._files.state / f"update-{update:08d}"
        shutil.rmtree(named, ignore_errors=True)
        folder.rename(named)
        for other in self._files.state.iterdir():
            if other != named:
                shutil.rmtree(other, ignore_errors=True)
        total = self._spec.total_updates
        raise Interrupted(f"stopped after update {update} of {total}; run again to go on from there")

    def find(self) -> Path | None:
        """The newest complete state of the same spec, or None."""
        for folder in sorted(self._files.state.glob("update-*"), reverse=True):
            try:
                plain = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if plain["fingerprint"] == self._fingerprint:
                return folder
        return None

    def load(self, folder: Path) -> Progress:
        plain = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
        del plain["fingerprint"]
        selected, metrics = plain.pop("selected", None), plain.pop("metrics", None)
        progress = Progress(**plain)
        if selected is not None:
            weights, logits = self.read_best(folder)
            progress.best = Best(Selected.model_validate(selected), metrics, weights, logits)
        return progress


def update_of(folder: Path) -> int:
    """The update that the state in `folder` goes on from."""
    return int(folder.name.split("-", 1)[1])
