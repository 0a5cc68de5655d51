"""Scoring a split: no gradient, no dropout, no draw from any generator."""

from __future__ import annotations

from typing import Callable, List, Sequence

import torch
from torch import nn

from seedwise_contract.course import Scored, Stopped
from seedwise_contract.predictions import accuracy
from seedwise_hf.data import Collator, Encoded


class Scorer:
    """Logits in the order of the split.  Batches run from short to long examples: little padding is computed."""

    def __init__(
        self, device: torch.device, precision: str, batch_size: int, collate: Collator, stop: Callable[[], bool]
    ) -> None:
        self._device = device
        self._bf16 = precision == "bf16"
        self._batch_size = batch_size
        self._collate = collate
        self._stop = stop

    @torch.inference_mode()
    def __call__(self, model: nn.Module, split: Sequence[Encoded]) -> torch.Tensor:
        """float32 logits, examples × classes, on the CPU."""
        by_length = sorted(range(len(split)), key=lambda index: len(split[index].ids))
        logits: List[torch.Tensor] = []
        model.eval()
        for start in range(0, len(split), self._batch_size):
            if self._stop():
                raise Stopped
            batch = self._collate([split[index] for index in by_length[start : start + self._batch_size]])
            del batch["labels"]
            batch = {name: tensor.to(self._device) for name, tensor in batch.items()}
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
                logits.append(model(**batch).logits.float())
        scored = torch.cat(logits).cpu()
        ordered = torch.empty_like(scored)
        ordered[torch.tensor(by_length)] = scored
        return ordered


def scored(logits: torch.Tensor, split: Sequence[Encoded]) -> Scored:
    """With accuracy and mean cross-entropy, over the whole split."""
    labels = [item.label for item in split]
    loss = nn.functional.cross_entropy(logits.double(), torch.tensor(labels))
    metrics = {"accuracy": accuracy(logits.tolist(), labels), "loss": float(loss)}
    return Scored(logits, bool(torch.isfinite(logits).all()), metrics)
