"""Scoring a split: no gradient, no dropout, no draw from any generator."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

import torch
from torch import nn

from seedwise_contract import Prediction
from seedwise_contract.data import Example
from seedwise_fairseq.command import HEAD


class Stopped(Exception):
    """Stopping was asked for in the middle of scoring."""


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


def metrics(logits: torch.Tensor, examples: Sequence[Example]) -> Dict[str, float]:
    """Accuracy (the first of equal scores counts) and mean cross-entropy, over the whole split."""
    labels = torch.tensor([example.label for example in examples])
    loss = nn.functional.cross_entropy(logits.double(), labels)
    predicted = [max(range(len(row)), key=row.__getitem__) for row in logits.tolist()]
    correct = sum(guess == example.label for guess, example in zip(predicted, examples))  # noqa: B905 - Python 3.9
    return {"accuracy": correct / len(examples), "loss": float(loss)}


def predictions(logits: torch.Tensor, examples: Sequence[Example]) -> List[Prediction]:
    return [
        Prediction(id=example.id, label=example.label, scores=row)
        for example, row in zip(examples, logits.tolist())  # noqa: B905 - Python 3.9
    ]
