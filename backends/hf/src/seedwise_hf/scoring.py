"""Scoring a split: no gradient, no dropout, no draw from any generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from seedwise_contract.course import Stopped
from seedwise_hf.tasks import Task


class Scorer:
    """What a task keeps of each row, in the order of the split.  Batches run from short to long: little padding is computed."""

    def __init__(
        self, task: Task, device: torch.device, precision: str, batch_size: int, collate: Any, stop: Callable[[], bool]
    ) -> None:
        self.task = task
        self._device = device
        self._bf16 = precision == "bf16"
        self._batch_size = batch_size
        self._collate = collate
        self._stop = stop

    @torch.inference_mode()
    def __call__(self, model: nn.Module, split: Sequence[Any]) -> torch.Tensor:
        """As `Task.found`, on the CPU."""
        by_length = sorted(range(len(split)), key=lambda index: len(split[index].ids))
        found: list[torch.Tensor] = []
        model.eval()
        for start in range(0, len(split), self._batch_size):
            if self._stop():
                raise Stopped
            batch = self._collate([split[index] for index in by_length[start : start + self._batch_size]])
            batch = {name: tensor.to(self._device) for name, tensor in batch.items()}
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
                found.append(self.task.found(model, batch))
        lines = torch.cat(found).cpu()
        ordered = torch.empty_like(lines)
        ordered[torch.tensor(by_length)] = lines
        return ordered
