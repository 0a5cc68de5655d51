"""What the columns of an unknown table hold: guessed by their names, and by their values where names say nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seedwise.assets.manifest import Part
from seedwise.errors import InputError

TEXT = (
    "text",
    "sentence",
    "sentence1",
    "premise",
    "question1",
    "question",
    "content",
    "body",
    "review",
    "comment",
    "tweet",
)
PAIRS = {
    "sentence1": "sentence2",
    "premise": "hypothesis",
    "question1": "question2",
    "question": "sentence",
    "text1": "text2",
    "text_a": "text_b",
    "text": "text_pair",
}
LABEL = ("label", "labels", "class", "target", "category", "sentiment", "stars", "rating", "gold", "y")
GROUP = frozenset(
    {
        "group",
        "author",
        "user",
        "customer",
        "patient",
        "speaker",
        "document",
        "doc",
        "article",
        "thread",
        "movie",
        "film",
    }
)
SPLIT = ("split", "fold", "set", "partition", "subset")
PARTS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "selection",
    "valid": "selection",
    "val": "selection",
    "dev": "selection",
    "development": "selection",
    "test": "test",
    "testing": "test",
}
_MOST_CLASSES = 50
_SAMPLE = 5_000


@dataclass(frozen=True, slots=True)
class Roles:
    """Columns by what they are; `guessed` names those that the user did not."""

    text: str
    label: str
    text_pair: str | None = None
    group: str | None = None
    split: str | None = None
    guessed: tuple[str, ...] = ()

    def as_options(self) -> str:
        """The words that name these columns on the command line."""
        named = (
            ("text", self.text),
            ("text-pair", self.text_pair),
            ("label", self.label),
            ("group", self.group),
            ("split", self.split),
        )
        return " ".join(f"--{name} {column}" for name, column in named if column)


def guess_roles(rows: Sequence[Mapping[str, Any]], given: Mapping[str, str | None], name: str) -> Roles:
    """The roles of the columns of `rows`, `given` (role → column) first; `InputError` where one is not there or none is found.

    A second text and a group are guessed only where the first text, or the label, is: who names those has looked.
    """
    columns = list(rows[0]) if rows else []
    sample = rows[:_SAMPLE]
    for role, column in given.items():
        if column is not None and column not in columns:
            raise InputError(
                f"{name}: --{role.replace('_', '-')} {column}: no such column; there are: {', '.join(map(str, columns))}"
            )
    taken = {column for column in given.values() if column}
    guessed = []
    text = given.get("text")
    if text is None:
        text = _named(TEXT, columns, taken) or _longest(sample, columns, taken)
        guessed.append("text")
    label = given.get("label")
    if label is None:
        label = _named(LABEL, columns, taken | {text or ""}) or _fewest(sample, columns, taken | {text or ""})
        guessed.append("label")
    if text is None or label is None:
        missing = "text" if text is None else "label"
        raise InputError(
            f"{name}: no column looks like the {missing}; name it with --{missing}; there are: {', '.join(map(str, columns))}"
        )
    roles = Roles(text, label, given.get("text_pair"), given.get("group"), given.get("split"))
    if guessed and roles.text_pair is None and (pair := PAIRS.get(text)) in columns and pair != label:
        roles, guessed = replace(roles, text_pair=pair), [*guessed, "text_pair"]
    if guessed and roles.group is None:
        found = next((column for column in columns if column not in (text, label) and _groups(str(column))), None)
        if found and len({str(row[found]) for row in sample}) < len(sample):
            roles, guessed = replace(roles, group=found), [*guessed, "group"]
    if roles.split is None:
        found = _named(SPLIT, columns, {text, label})
        if found and {str(row[found]).lower() for row in rows} <= set(PARTS):
            roles, guessed = replace(roles, split=found), [*guessed, "split"]
    return replace(roles, guessed=tuple(guessed))


def _groups(column: str) -> bool:
    """Whether a word of the column's name is one of what several texts share: `movie_name`, `AuthorID`."""
    return any(word.lower() in GROUP for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", column))


def _named(names: Sequence[str], columns: Sequence[str], taken: set[str]) -> str | None:
    lower = {str(column).lower(): column for column in columns if column not in taken}
    return next((lower[name] for name in names if name in lower), None)


def _longest(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], taken: set[str]) -> str | None:
    """The column of the longest texts, where they have several words."""
    lengths = {
        column: sum(len(str(row[column]).split()) for row in rows) / max(len(rows), 1)
        for column in columns
        if column not in taken and all(isinstance(row[column], str) for row in rows)
    }
    best = max(lengths, key=lambda column: lengths[column], default=None)
    return best if best is not None and lengths[best] >= 2 else None


def _fewest(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], taken: set[str]) -> str | None:
    """The only column with few values, each of which comes again."""
    few = []
    for column in columns:
        values = {str(row[column]) for row in rows}
        if column not in taken and 2 <= len(values) <= min(_MOST_CLASSES, len(rows) // 2):
            few.append(column)
    return few[0] if len(few) == 1 else None
