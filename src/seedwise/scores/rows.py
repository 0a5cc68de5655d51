"""Rows of scores, wherever they were read from, held by column; and the words in which faults name rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]

_WHOLE = re.compile(r"^([+-]?\d+)\.0+$")


def as_text(value: object) -> str:
    """A name, a seed or a label as text: 3, 3.0, "3" and "3.0" are one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    if "  " in text or "\n" in text or "\t" in text:
        text = " ".join(text.split())
    return _WHOLE.sub(r"\1", text) if text.endswith("0") else text


def name_rows(numbers: Sequence[int]) -> str:
    return ("row " if len(numbers) == 1 else "rows ") + some(map(str, numbers))


def some(items: Iterable[str], limit: int = 8) -> str:
    listed = list(items)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Texts of rows: row i has `names[codes[i]]`, or none where its code is -1."""

    codes: Ints
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[object]) -> Coded:
        numbers: dict[str, int] = {}
        known: dict[tuple[type, object], int] = {}
        codes = []
        for value in values:
            key = (type(value), value if not isinstance(value, list | dict) else repr(value))
            code = known.get(key)
            if code is None:
                text = "" if value is None or value != value else as_text(value)
                code = numbers.setdefault(text, len(numbers)) if text else -1
                known[key] = code
            codes.append(code)
        return cls(np.array(codes, dtype=np.intp), tuple(numbers))

    @classmethod
    def constant(cls, name: str, n: int) -> Coded:
        return cls(np.zeros(n, dtype=np.intp), (name,))

    def take(self, rows: Mask | Ints) -> Coded:
        return replace(self, codes=self.codes[rows])

    def compact(self) -> Coded:
        """The same texts, names only those that occur, in the order of their first row."""
        found, first, inverse = np.unique(self.codes, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        present = [int(found[i]) for i in order]
        if -1 not in present:
            return Coded(rank[inverse].astype(np.intp), tuple(self.names[code] for code in present))
        new = {old: place for place, old in enumerate(code for code in present if code >= 0)}
        table = np.array([new.get(int(code), -1) for code in found], dtype=np.intp)
        return Coded(table[inverse], tuple(self.names[code] for code in present if code >= 0))

    def text(self, row: int) -> str:
        code = int(self.codes[row])
        return "" if code < 0 else self.names[code]

    @property
    def missing(self) -> Mask:
        return np.asarray(self.codes < 0)


def join(parts: Sequence[Coded]) -> Coded:
    """The texts of several sources, one after another."""
    numbers: dict[str, int] = {}
    codes = []
    for part in parts:
        table = np.array([*(numbers.setdefault(name, len(numbers)) for name in part.names), -1], dtype=np.intp)
        codes.append(table[part.codes])
    return Coded(np.concatenate(codes) if codes else np.zeros(0, dtype=np.intp), tuple(numbers))


def groups(parts: Sequence[Coded]) -> Ints:
    """A number from 0 a row [n], the same for rows that have the same texts in all `parts`."""
    whose = np.zeros(parts[0].codes.size, dtype=np.int64)
    room = 1
    for part in parts:
        size = len(part.names) + 1
        if room * size > 1 << 62:
            whose = np.unique(whose, return_inverse=True)[1].reshape(-1)
            room = whose.size
        whose = whose * size + (part.codes + 1)
        room *= size
    return np.asarray(np.unique(whose, return_inverse=True)[1].reshape(-1), dtype=np.intp)


def cross(parts: Sequence[Coded]) -> Coded:
    """One text of several columns, their parts joined by " / "; missing only where all of them are."""
    if len(parts) == 1:
        return parts[0]
    whose = groups(parts)
    _, first = np.unique(whose, return_index=True)
    names = [" / ".join(text for part in parts if (text := part.text(int(row)))) for row in first]
    numbers: dict[str, int] = {}
    table = np.array([numbers.setdefault(name, len(numbers)) if name else -1 for name in names], dtype=np.intp)
    return Coded(table[whose], tuple(numbers)).compact()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Scores of seeds (`example` is None), or of examples under them, in the metric's own unit and direction.

    `label` and `prediction` are there where a metric is made of them, `below` where the score is a part of a ratio: tokens
    under a summed loss, words under errors. `content` holds what the file says of an example itself (text, label, hash), by
    column. `source` and `line` say where a row stands, for faults: `lines[source]()` gives the numbers of a source's rows.
    """

    arm: Coded
    seed: Coded
    score: Floats
    source: Ints
    line: Ints
    sources: tuple[str, ...]
    lines: tuple[Callable[[], Sequence[int]], ...]
    example: Coded | None = None
    task: Coded | None = None
    cluster: Coded | None = None
    label: Coded | None = None
    prediction: Coded | None = None
    below: Floats | None = None
    content: Mapping[str, Coded] | None = None

    def __len__(self) -> int:
        return int(self.score.size)

    def take(self, rows: Mask | Ints) -> Rows:
        def of(coded: Coded | None) -> Coded | None:
            return None if coded is None else coded.take(rows)

        return replace(
            self,
            arm=self.arm.take(rows),
            seed=self.seed.take(rows),
            score=self.score[rows],
            source=self.source[rows],
            line=self.line[rows],
            example=of(self.example),
            task=of(self.task),
            cluster=of(self.cluster),
            label=of(self.label),
            prediction=of(self.prediction),
            below=None if self.below is None else self.below[rows],
            content=None if self.content is None else {k: v.take(rows) for k, v in self.content.items()},
        )

    def at(self, row: int) -> tuple[str, int]:
        """Source and number of a row."""
        source = int(self.source[row])
        return self.sources[source], int(self.lines[source]()[int(self.line[row])])

    def where(self, rows: Mask | Ints) -> str:
        """The first source among some rows, and the numbers of those in it: `file: rows 3, 4`."""
        chosen = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        first = self.source[chosen[0]]
        lines = self.lines[int(first)]()
        numbers = [int(lines[int(self.line[row])]) for row in chosen if self.source[row] == first]
        return f"{self.sources[int(first)]}: {name_rows(numbers)}"

    @property
    def name(self) -> str:
        return some(dict.fromkeys(self.sources), 3) or "the scores"


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Rows of several sources as one; a column is kept where all of them have it."""
    if len(parts) == 1:
        return parts[0]

    def of(columns: Sequence[Coded | None]) -> Coded | None:
        found = [column for column in columns if column is not None]
        return join(found) if len(found) == len(columns) else None

    offsets = np.cumsum([0, *(len(part.sources) for part in parts)])
    shared = [set(part.content or ()) for part in parts]
    kept = sorted(set.intersection(*shared)) if shared else []
    below = [part.below for part in parts if part.below is not None]
    return Rows(
        arm=join([part.arm for part in parts]),
        seed=join([part.seed for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        source=np.concatenate([part.source + offset for part, offset in zip(parts, offsets, strict=False)]),
        line=np.concatenate([part.line for part in parts]),
        sources=tuple(name for part in parts for name in part.sources),
        lines=tuple(each for part in parts for each in part.lines),
        example=of([part.example for part in parts]),
        task=of([part.task for part in parts]),
        cluster=of([part.cluster for part in parts]),
        label=of([part.label for part in parts]),
        prediction=of([part.prediction for part in parts]),
        below=np.concatenate(below) if len(below) == len(parts) else None,
        content={name: join([(part.content or {})[name] for part in parts]) for name in kept},
    )
