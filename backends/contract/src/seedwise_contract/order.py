"""The order of training rows, the same in every backend."""

from __future__ import annotations

import random
from typing import List


def epoch_order(seed: int, epoch: int, rows: int) -> List[int]:
    """Order of the training rows in `epoch` (from 0), by the standard library alone: any framework can repeat it."""
    order = list(range(rows))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order
