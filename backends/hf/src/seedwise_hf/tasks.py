"""What differs between kinds of task: the model's class, how rows become batches, the loss, and how a split is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from seedwise_contract import RunFiles, RunSpec
from seedwise_contract.course import Scored
from seedwise_contract.data import Example, Measured, read_measured, read_split
from seedwise_contract.metrics import classification_metrics, regression_metrics
from seedwise_contract.predictions import estimates, predictions
from seedwise_hf.data import Collator, Encoded, encode
from seedwise_hf.language import CausalLm


class Task(Protocol):
    def read(self, split: str, root: Path) -> list[Any]:
        """Rows of a split, in the order of its file."""
        ...

    def encode(self, tokenizer: Any, rows: Sequence[Any], vocabulary: int) -> list[Any]:
        """Each row as tokens (`ids`), and what else belongs to it."""
        ...

    def collator(self, pad: int, scoring: bool) -> Callable[[Sequence[Any]], dict[str, torch.Tensor]]: ...

    def loss(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        """Of one batch, so that the sum over an update's batches is the mean over all its items."""
        ...

    def found(self, model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """What scoring keeps of a batch: one line a row."""
        ...

    def scored(self, found: torch.Tensor, items: Sequence[Any]) -> Scored: ...

    def lines(self, found: torch.Tensor, rows: Sequence[Any]) -> Sequence[Any]:
        """What `predictions/<split>.jsonl` holds."""
        ...

    def leave(self, model: nn.Module, tokenizer: Any, rows: Sequence[Any], files: RunFiles) -> None:
        """Whatever else a run of this kind leaves, by the selected model and the reported split."""
        ...


class Classification:
    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec

    def read(self, split: str, root: Path) -> list[Example]:
        return read_split(self._spec.task, split, root)

    def encode(self, tokenizer: Any, rows: Sequence[Example], vocabulary: int) -> list[Encoded]:
        return encode(tokenizer, rows, self._spec, vocabulary)

    def collator(self, pad: int, scoring: bool) -> Collator:
        return Collator(pad)

    def loss(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        """Cross-entropy in float32, over examples."""
        return nn.functional.cross_entropy(outputs["logits"].float(), labels, reduction="sum") / num_items_in_batch

    def found(self, model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """float32 logits, examples × classes."""
        del batch["labels"]
        return model(**batch).logits.float()  # type: ignore[no-any-return]

    def scored(self, found: torch.Tensor, items: Sequence[Encoded]) -> Scored:
        """With the spec's metrics and mean cross-entropy, over the whole split."""
        labels = [item.label for item in items]
        loss = nn.functional.cross_entropy(found.double(), torch.tensor(labels))
        metrics = {**classification_metrics(self._spec, found.tolist(), labels), "loss": float(loss)}
        return Scored(found, bool(torch.isfinite(found).all()), metrics)

    def lines(self, found: torch.Tensor, rows: Sequence[Example]) -> Sequence[Any]:
        return predictions(found.tolist(), rows)

    def leave(self, model: nn.Module, tokenizer: Any, rows: Sequence[Any], files: RunFiles) -> None:
        """Nothing."""


class Regression(Classification):
    """A head of one output; labels as they are."""

    def read(self, split: str, root: Path) -> list[Any]:
        rows: list[Measured] = read_measured(self._spec.task, split, root)
        return rows

    def loss(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        """Squared error in float32, over examples."""
        values = outputs["logits"].float().squeeze(-1)
        return nn.functional.mse_loss(values, labels.float(), reduction="sum") / num_items_in_batch

    def scored(self, found: torch.Tensor, items: Sequence[Encoded]) -> Scored:
        """With the spec's metrics and mean squared error, over the whole split."""
        metrics = regression_metrics(self._spec, found[:, 0].tolist(), [item.label for item in items])
        return Scored(found, bool(torch.isfinite(found).all()), metrics)

    def lines(self, found: torch.Tensor, rows: Sequence[Any]) -> Sequence[Any]:
        return estimates(found[:, 0].tolist(), rows)


_KINDS: dict[str, Callable[[RunSpec], Task]] = {
    "classification": Classification,
    "regression": Regression,
    "causal_lm": CausalLm,
}


def task_of(spec: RunSpec) -> Task:
    return _KINDS[spec.task.kind](spec)
