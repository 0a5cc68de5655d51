"""Scoring a split: no gradient, no dropout, no draw from any generator."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence

import torch
from torch import nn

from seedwise_contract.course import Scored, Stopped
from seedwise_contract.data import Example
from seedwise_contract.predictions import accuracy
from seedwise_fairseq.command import HEAD


@torch.no_grad()
def score(model: nn.Module, dataset: Any, batch_size: int, stop: Callable[[], bool]) -> torch.Tensor:
    """float32 logits, examples × classes, in the order of `dataset`; batches run from short to long examples."""
    by_length = sorted(range(len(dataset)), key=lambda index: int(dataset.size(index)))
    logits: List[torch.Tensor] = []
    model.eval()
    for start in range(0, len(dataset), batch_size):
        if stop():
            raise Stopped
        batch = dataset.collater([dataset[index] for index in by_length[start : start + batch_size]])
        scores, _ = model(**batch["net_input"], features_only=True, classification_head_name=HEAD)
        logits.append(scores.float())
    scored = torch.cat(logits)
    ordered = torch.empty_like(scored)
    ordered[torch.tensor(by_length)] = scored
    return ordered


def scored(logits: torch.Tensor, examples: Sequence[Example]) -> Scored:
    """With accuracy and mean cross-entropy, over the whole split."""
    labels = [example.label for example in examples]
    loss = nn.functional.cross_entropy(logits.double(), torch.tensor(labels))
    metrics = {"accuracy": accuracy(logits.tolist(), labels), "loss": float(loss)}
    return Scored(logits, bool(torch.isfinite(logits).all()), metrics)
