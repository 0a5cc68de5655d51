"""Labels from a file of their own, beside files that hold predictions alone, as GLUE's do (`RTE.tsv`: index, prediction)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seedwise.errors import InputError
from seedwise.scores.asked import Asked
from seedwise.scores.frame import CodedColumn, Frame, column_of
from seedwise.scores.roles import asked_column, find
from seedwise.scores.rows import Coded, name_rows, some


def with_labels(frames: Sequence[Frame], gold: Frame, asked: Asked) -> list[Frame]:
    """`frames` with the label that `gold` has for each example, as a column `label` (or as --label calls it).

    An example without an id in `gold` is its place there, counted from 0. Raises InputError for examples that `gold` has not, or
    has twice with different labels.
    """
    name = asked_column(gold, asked.label, "--label") if asked.label else find(gold, "label")
    if name is None:
        raise InputError(
            f"{gold.source}: --gold: no column of labels; found {some(map(repr, gold.columns), 20)} (--label COLUMN names it)"
        )
    labels = _texts(gold, name)
    key = asked.example if asked.example and column_of(gold, asked.example) else find(gold, "example", [name])
    ids = [str(row) for row in range(gold.n)] if key is None else [_texts(gold, key).text(row) for row in range(gold.n)]
    known: dict[str, str] = {}
    for row, example in enumerate(ids):
        label = labels.text(row)
        if known.setdefault(example, label) != label:
            raise InputError(
                f"{gold.source}: row {gold.lines()[row]}: example {example} has another label than before (--gold)"
            )
    return [_labelled(frame, known, gold.source, asked) for frame in frames]


def _labelled(frame: Frame, known: dict[str, str], source: str, asked: Asked) -> Frame:
    key = asked_column(frame, asked.example, "--example") if asked.example else find(frame, "example")
    if key is None:
        raise InputError(
            f"{frame.source}: --gold: no column says which example a row is; found {some(map(repr, frame.columns), 20)} "
            "(--example COLUMN names it)"
        )
    examples = _texts(frame, key)
    missing = [row for row in range(frame.n) if examples.text(row) not in known]
    if missing:
        lines = frame.lines()
        raise InputError(
            f"{frame.source}: {name_rows([lines[row] for row in missing])}: no such example in {source} (--gold): "
            f"{some((examples.text(row) for row in missing), 4)}"
        )
    labels = Coded.of([known[example] for example in examples.names])
    column = CodedColumn(Coded(labels.codes[examples.codes], labels.names))
    return replace(
        frame, columns={**frame.columns, asked.label or "label": column}, roles={**frame.roles, "example": key}
    )


def _texts(frame: Frame, name: str) -> Coded:
    column = column_of(frame, name)
    assert column is not None
    return column.texts()
