"""fairseq's tasks, held to the spec: batches in the order of `seeds.order`, and how a split is scored.

Scoring takes no gradient and no dropout, and draws nothing: batches run from short to long rows.
"""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from fairseq.data import iterators
from fairseq.tasks.masked_lm import MaskedLMTask
from fairseq.tasks.sentence_prediction import SentencePredictionTask
from fairseq.utils import move_to_cuda
from torch import nn

from seedwise_contract import RunSpec
from seedwise_contract.course import Scored, Stopped
from seedwise_contract.data import Measured, Text
from seedwise_contract.metrics import classification_metrics, regression_metrics
from seedwise_contract.order import epoch_batches
from seedwise_contract.predictions import TokenLoss, estimates, predictions
from seedwise_fairseq.command import HEAD

EVALUATION_SEED = 1
"""Of the masks of splits that are scored: the same at every evaluation and in every run, so that perplexities compare."""


class _Ordered:
    """Batches in the order of `seeds.order`."""

    order_seed: int
    batching: str
    spec: RunSpec

    def get_batch_iterator(
        self, dataset: Any, max_sentences: int | None = None, epoch: int = 1, **_: Any
    ) -> iterators.EpochBatchIterator:
        """Batches of one epoch (from 1).  fairseq's own would shuffle whole batches, with a seed of its own."""
        assert max_sentences is not None
        batches = epoch_batches(self.order_seed, epoch - 1, _lengths(dataset), max_sentences, self.batching)
        return iterators.EpochBatchIterator(
            dataset=dataset,
            collate_fn=dataset.collater,
            batch_sampler=batches,
            epoch=epoch,
            disable_shuffling=True,
        )


class Classification(_Ordered, SentencePredictionTask):  # type: ignore[misc]
    criterion = "SentencePredictionCriterion"

    @torch.no_grad()
    def score(self, model: nn.Module, split: str, batch_size: int, stop: Callable[[], bool]) -> torch.Tensor:
        """float32 logits, examples × classes, in the order of the split's file; raises `Stopped`."""

        def logits(batch: Any) -> torch.Tensor:
            found, _ = model(**batch["net_input"], features_only=True, classification_head_name=HEAD)
            return found.float()  # type: ignore[no-any-return]

        return _by_length(model, self.dataset(split), batch_size, stop, logits)

    def scored(self, logits: torch.Tensor, examples: Sequence[Any]) -> Scored:
        """With the spec's metrics and mean cross-entropy, over the whole split."""
        labels = [example.label for example in examples]
        loss = nn.functional.cross_entropy(logits.double(), torch.tensor(labels))
        metrics = {**classification_metrics(self.spec, logits.tolist(), labels), "loss": float(loss)}
        return Scored(logits, bool(torch.isfinite(logits).all()), metrics)

    def lines(self, logits: torch.Tensor, examples: Sequence[Any]) -> Sequence[Any]:
        return predictions(logits.tolist(), examples)


class Regression(Classification):
    """A head of one output; labels as they are."""

    def scored(self, logits: torch.Tensor, examples: Sequence[Measured]) -> Scored:
        """With the spec's metrics and mean squared error, over the whole split."""
        labels = [example.label for example in examples]
        return Scored(
            logits, bool(torch.isfinite(logits).all()), regression_metrics(self.spec, logits[:, 0].tolist(), labels)
        )

    def lines(self, logits: torch.Tensor, examples: Sequence[Measured]) -> Sequence[Any]:
        return estimates(logits[:, 0].tolist(), examples)


class MaskedLm(_Ordered, MaskedLMTask):  # type: ignore[misc]
    """Masks of the train split are fairseq's: by its seed (`seeds.dropout`), the epoch and the row."""

    criterion = "MaskedLmLoss"

    def load_dataset(self, split: str, *rest: Any, **options: Any) -> None:
        seed = self.cfg.seed
        try:
            if split != "train":
                self.cfg.seed = EVALUATION_SEED
            super().load_dataset(split, *rest, **options)
        finally:
            self.cfg.seed = seed

    @torch.no_grad()
    def score(self, model: nn.Module, split: str, batch_size: int, stop: Callable[[], bool]) -> torch.Tensor:
        """float64, rows × 2: the loss summed over a row's predicted tokens, in nats, and their number; as `Classification`."""
        pad = self.source_dictionary.pad()

        def losses(batch: Any) -> torch.Tensor:
            target = batch["target"]
            masked = target.ne(pad)
            logits = model(**batch["net_input"], masked_tokens=masked)[0]
            each = torch.zeros(target.shape, dtype=torch.float64, device=target.device)
            each[masked] = nn.functional.cross_entropy(logits.double(), target[masked], reduction="none")
            return torch.stack([each.sum(1), masked.sum(1).double()], dim=1)

        return _by_length(model, self.dataset(split), batch_size, stop, losses)

    def scored(self, losses: torch.Tensor, texts: Sequence[Text]) -> Scored:
        """With the mean loss of a predicted token over the whole split, in nats, and its exponential."""
        loss = float(losses[:, 0].sum() / losses[:, 1].sum())
        finite = math.isfinite(loss) and loss < 700  # the exponential of more is no float
        return Scored(losses, finite, {"loss": loss, "perplexity": math.exp(loss) if finite else math.inf})

    def lines(self, losses: torch.Tensor, texts: Sequence[Text]) -> Sequence[Any]:
        return [
            TokenLoss(id=text.id, loss=loss, tokens=int(tokens))
            for text, (loss, tokens) in zip(texts, losses.tolist(), strict=True)
        ]


Task = Classification | MaskedLm


def task_of(spec: RunSpec, cfg: Any) -> Task:
    kinds = {"classification": Classification, "regression": Regression, "masked_lm": MaskedLm}
    task: Task = kinds[spec.task.kind].setup_task(cfg)
    assert spec.recipe is not None
    task.spec = spec
    task.order_seed, task.batching = spec.seeds.order, spec.recipe.batching
    return task


def _by_length(
    model: nn.Module, dataset: Any, batch_size: int, stop: Callable[[], bool], found: Callable[[Any], torch.Tensor]
) -> torch.Tensor:
    """What `found` gives of each batch, a line a row, in the order of `dataset`; on the CPU."""
    by_length = sorted(range(len(dataset)), key=_lengths(dataset).__getitem__)
    lines: list[torch.Tensor] = []
    on_device = next(model.parameters()).is_cuda
    model.eval()
    for start in range(0, len(dataset), batch_size):
        if stop():
            raise Stopped
        batch = dataset.collater([dataset[index] for index in by_length[start : start + batch_size]])
        lines.append(found(move_to_cuda(batch) if on_device else batch).cpu())
    sorted_lines = torch.cat(lines)
    ordered = torch.empty_like(sorted_lines)
    ordered[torch.tensor(by_length)] = sorted_lines
    return ordered


def _lengths(dataset: Any) -> list[int]:
    """Tokens of each row."""
    return [int(dataset.size(index)) for index in range(len(dataset))]
