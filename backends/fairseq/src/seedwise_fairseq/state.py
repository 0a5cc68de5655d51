"""The tensors of a resumable state, beside the checkpoint of fairseq's Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from seedwise_contract import states
from seedwise_contract.states import Best

_BEST, TRAINER = "best.pt", "trainer.pt"


class States(states.States):
    packages = ("torch", "fairseq")

    def write_best(self, best: Best, folder: Path) -> None:
        torch.save({"weights": best.weights, "logits": best.logits}, str(folder / _BEST))

    def read_best(self, folder: Path) -> tuple[Any, Any]:
        best = torch.load(str(folder / _BEST), map_location="cpu")
        return best["weights"], best["logits"]
