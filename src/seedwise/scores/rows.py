"""One row of scores, wherever it was read from, and the words in which faults name rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WHOLE = re.compile(r"^(-?\d+)\.0+$")


@dataclass(frozen=True, slots=True)
class Row:
    """A score of one seed, or of one example under it.  `source` and `number` say where it stands, for faults.

    `label` and `prediction` are there where the score was made of them; `tokens` where the score is minus a summed loss.
    """

    source: str
    number: int
    arm: str
    seed: str
    example: str | None
    score: float
    label: str | None = None
    prediction: str | None = None
    tokens: float | None = None


def as_text(value: object) -> str:
    """A name, a seed or a label as text: 3, 3.0, "3" and "3.0" are one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _WHOLE.sub(r"\1", " ".join(str(value).split()))


def name_rows(numbers: Sequence[int]) -> str:
    return ("row " if len(numbers) == 1 else "rows ") + some(map(str, numbers))


def some(items: Iterable[str], limit: int = 8) -> str:
    listed = list(items)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def name_sources(rows: Iterable[Row]) -> str:
    return some(dict.fromkeys(row.source for row in rows), 3) or "the scores"
