"""Batches: every row once an epoch, in an order that seed and epoch decide."""

from __future__ import annotations

import json
import random

import pytest

from seedwise_contract.order import STRETCH, epoch_batches, epoch_order
from seedwise_contract.spec import parse_spec
from tests.contract.specs import spec_with

GENERATOR = random.Random(0)
LENGTHS = [GENERATOR.randrange(3, 65) for _ in range(803)]


def padded(batches: list[list[int]]) -> int:
    return sum(len(batch) * max(LENGTHS[row] for row in batch) for batch in batches)


@pytest.mark.parametrize("batching", ["shuffled", "by_length"])
def test_every_row_once_and_the_short_batch_last(batching: str) -> None:
    batches = epoch_batches(5, 0, LENGTHS, 16, batching)
    assert sorted(row for batch in batches for row in batch) == list(range(803))
    assert [len(batch) for batch in batches] == [16] * 50 + [3]


@pytest.mark.parametrize("batching", ["shuffled", "by_length"])
def test_seed_and_epoch_decide(batching: str) -> None:
    first = epoch_batches(5, 0, LENGTHS, 16, batching)
    assert first == epoch_batches(5, 0, LENGTHS, 16, batching)
    assert first != epoch_batches(5, 1, LENGTHS, 16, batching)
    assert first != epoch_batches(6, 0, LENGTHS, 16, batching)


def test_shuffled_is_the_order_cut() -> None:
    batches = epoch_batches(5, 2, LENGTHS, 16, "shuffled")
    assert [row for batch in batches for row in batch] == epoch_order(5, 2, 803)


def test_rows_of_like_length_pad_less_and_still_mix() -> None:
    grouped = epoch_batches(5, 0, LENGTHS, 16, "by_length")
    assert padded(grouped) < 1.15 * sum(LENGTHS) < padded(epoch_batches(5, 0, LENGTHS, 16, "shuffled"))
    longest = [max(LENGTHS[row] for row in batch) for batch in grouped]
    assert longest != sorted(longest), "short rows first would be a curriculum"
    together = [{frozenset(batch) for batch in epoch_batches(5, epoch, LENGTHS, 16, "by_length")} for epoch in (0, 1)]
    assert not together[0] & together[1]


def test_what_the_lengths_are_counted_in_does_not_matter() -> None:
    shifted = [length + 2 for length in LENGTHS]
    assert epoch_batches(5, 0, LENGTHS, 16, "by_length") == epoch_batches(5, 0, shifted, 16, "by_length")


def test_fewer_rows_than_a_batch() -> None:
    assert [sorted(batch) for batch in epoch_batches(1, 0, [4, 3], 8, "by_length")] == [[0, 1]]
    assert len(epoch_batches(1, 0, [1] * (STRETCH * 2 + 1), 2, "by_length")) == STRETCH + 1


def test_a_spec_that_does_not_say_is_shuffled_and_keeps_its_text() -> None:
    silent = parse_spec(json.dumps(spec_with()), "silent")
    assert silent.recipe is not None
    assert silent.recipe.batching == "shuffled"
    assert "batching" not in silent.model_dump(mode="json")["recipe"]
    said = parse_spec(json.dumps(spec_with(**{"recipe.batching": "by_length"})), "said")
    assert parse_spec(said.model_dump_json(), "again") == said
    assert said.model_dump(mode="json")["recipe"]["batching"] == "by_length"
