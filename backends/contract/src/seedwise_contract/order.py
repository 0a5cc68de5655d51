"""What is drawn by the standard library alone, so that every backend draws the same: orders of rows, seeds of answers."""

from __future__ import annotations

import random
from typing import List


def epoch_order(seed: int, epoch: int, rows: int) -> List[int]:
    """Order of the training rows in `epoch` (from 0), by the standard library alone: any framework can repeat it."""
    order = list(range(rows))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


def answer_seed(seed: int, example: str) -> int:
    """The seed that a language model's answer to one prompt is drawn with: no stream of its own, and no other prompt's."""
    return random.Random(f"{seed}/answer/{example}").getrandbits(32)
