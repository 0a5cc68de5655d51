"""From examples to padded batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import Sampler

from seedwise_contract import DataError, RunSpec
from seedwise_contract.data import Example, Measured
from seedwise_contract.order import epoch_batches


class Encoded(NamedTuple):
    ids: list[int]
    segments: list[int] | None
    label: int | float


def encode(tokenizer: Any, examples: Sequence[Example | Measured], spec: RunSpec, vocabulary: int) -> list[Encoded]:
    """Tokens of each example, cut to `max_length` as the recipe says.

    Raises `DataError` where the cut cannot be made (`only_first` with a second text that fills the room) or a token
    lies outside the model's vocabulary.
    """
    assert spec.recipe is not None
    recipe = spec.recipe
    pairs = [e.text_pair or "" for e in examples] if spec.task.columns.text_pair else None
    if pairs is not None and recipe.truncation == "only_first":
        _refuse_long_seconds(tokenizer, examples, recipe.max_length)
    coded = tokenizer(
        [e.text for e in examples],
        pairs,
        truncation=recipe.truncation if pairs is not None else True,
        max_length=recipe.max_length,
        padding=False,
        return_attention_mask=False,
    )
    segments = coded.get("token_type_ids")
    encoded = []
    for index, example in enumerate(examples):
        ids = coded["input_ids"][index]
        if max(ids) >= vocabulary:
            raise DataError(
                f"example {example.id}: token {max(ids)} lies outside the model's vocabulary of {vocabulary}; "
                "the tokenizer and the model in the model folder do not belong together"
            )
        encoded.append(Encoded(ids, segments[index] if segments else None, example.label))
    return encoded


def refuse_unknown(tokenizer: Any, folder: Path, rows: Iterable[Sequence[int]]) -> None:
    """`DataError` where more than half of the words' tokens in `rows` are the unknown one: nothing can be learnt from them."""
    special = set(tokenizer.all_special_ids)
    words = unknown = 0
    for ids in rows:
        known = sum(token not in special for token in ids)
        missed = sum(token == tokenizer.unk_token_id for token in ids)
        words, unknown = words + known + missed, unknown + missed
    if 2 * unknown > words or not words:
        raise DataError(
            f"{folder}: {unknown} of the {words} tokens of the train split are unknown to the tokenizer; its vocabulary is not "
            "there, or is none of this language or of this model: check which files the model's manifest lists"
        )


def _refuse_long_seconds(tokenizer: Any, examples: Sequence[Example | Measured], max_length: int) -> None:
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True)
    seconds = tokenizer([e.text_pair or "" for e in examples], add_special_tokens=False)["input_ids"]
    for example, ids in zip(examples, seconds, strict=True):
        if len(ids) >= room:
            raise DataError(
                f"example {example.id}: its second text has {len(ids)} tokens, which leaves nothing of the first within "
                f"recipe.max_length {max_length}; use truncation 'longest_first', not 'only_first', or a larger length"
            )


class Collator:
    """Pads a batch on the right to its own longest example."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, batch: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        longest = max(len(item.ids) for item in batch)
        inputs = {
            "input_ids": torch.tensor([item.ids + [self._pad] * (longest - len(item.ids)) for item in batch]),
            "attention_mask": torch.tensor([[1] * len(item.ids) + [0] * (longest - len(item.ids)) for item in batch]),
            "labels": torch.tensor([item.label for item in batch]),
        }
        if batch[0].segments is not None:
            rows = [(item.segments or []) + [0] * (longest - len(item.ids)) for item in batch]
            inputs["token_type_ids"] = torch.tensor(rows)
        return inputs


class EpochBatches(Sampler[list[int]]):
    """Batches of row numbers of one epoch; whoever starts an epoch sets its number first."""

    def __init__(self, seed: int, lengths: Sequence[int], batch_size: int, batching: str) -> None:
        self._seed = seed
        self._lengths = lengths
        self._batch_size = batch_size
        self._batching = batching
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        return iter(epoch_batches(self._seed, self.epoch, self._lengths, self._batch_size, self._batching))

    def __len__(self) -> int:
        return -(-len(self._lengths) // self._batch_size)
