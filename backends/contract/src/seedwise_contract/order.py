"""What is drawn by the standard library alone, so that every backend draws the same: orders of rows, seeds of answers."""

from __future__ import annotations

import random
from collections.abc import Sequence

STRETCH = 16
"""Batches whose rows are sorted together: longer stretches pad less, and mix rows less."""


def epoch_order(seed: int, epoch: int, rows: int) -> list[int]:
    """Order of the training rows in `epoch` (from 0), by the standard library alone: any framework can repeat it."""
    order = list(range(rows))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


def epoch_batches(seed: int, epoch: int, lengths: Sequence[int], size: int, batching: str) -> list[list[int]]:
    """Batches of `size` training rows in `epoch` (from 0), of rows that are `lengths` tokens long; the last may be shorter.

    `shuffled` cuts `epoch_order` into batches.  `by_length` cuts it into stretches of `STRETCH` batches, sorts the rows of each
    by length (equal ones stay as they were), cuts those, and shuffles the whole batches; a shorter one stays last.
    """
    order = epoch_order(seed, epoch, len(lengths))
    if batching == "shuffled":
        return _cut(order, size)
    batches = [
        batch
        for stretch in _cut(order, STRETCH * size)
        for batch in _cut(sorted(stretch, key=lengths.__getitem__), size)
    ]
    rest = [batches.pop()] if len(batches[-1]) < size else []
    random.Random(f"{seed}/{epoch}/batches").shuffle(batches)
    return batches + rest


def _cut(rows: list[int], size: int) -> list[list[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def answer_seed(seed: int, example: str) -> int:
    """The seed that a language model's answer to one prompt is drawn with: no stream of its own, and no other prompt's."""
    return random.Random(f"{seed}/answer/{example}").getrandbits(32)
