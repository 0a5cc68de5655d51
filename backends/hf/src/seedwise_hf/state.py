"""The tensors of a resumable state, beside the checkpoint of transformers' Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from seedwise_contract import states
from seedwise_contract.states import Best

_WEIGHTS, _LOGITS = "best.safetensors", "best-selection.safetensors"


class States(states.States):
    packages = ("torch", "transformers", "accelerate")

    def write_best(self, best: Best, folder: Path) -> None:
        save_file(best.weights, folder / _WEIGHTS)
        save_file({"logits": best.logits}, folder / _LOGITS)

    def read_best(self, folder: Path) -> tuple[Any, Any]:
        return load_file(folder / _WEIGHTS), load_file(folder / _LOGITS)["logits"]
