"""Rows that cannot be right: one place twice, two items under one id, labels that differ by case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked
from seedwise.scores.rows import Coded, Rows


def refuse_duplicates(rows: Rows, asked: Asked) -> None:
    keys = [rows.arm, rows.seed, *([] if rows.example is None else [rows.example])]
    sizes = [len(key.names) + 1 for key in keys]
    whose = np.zeros(len(rows), dtype=np.int64)
    for key, size in zip(keys, sizes, strict=True):
        whose = whose * size + key.codes
    _, first, inverse = np.unique(whose, return_index=True, return_inverse=True)
    if first.size == len(rows):
        return
    earliest = first[inverse.reshape(-1)]
    twice = np.flatnonzero(earliest != np.arange(len(rows)))
    row = int(twice[0])
    source, _ = rows.at(row)
    there, number = rows.at(int(earliest[row]))
    what = f"arm {rows.arm.text(row)}, seed {rows.seed.text(row)}"
    what += "" if rows.example is None else f", example {rows.example.text(row)}"
    hint = ""
    if rows.example is None:
        hint = (
            "; where each row is one example, name its column with --example; where other columns tell runs "
            "apart, --arm (several), --task or --where"
        )
    elif not asked.arm:
        hint = "; where other columns tell runs apart, name them: --arm (several), --seed, --task or --where"
    raise InputError(
        f"{rows.where(twice)}: there already; {what} is also in {'row' if there == source else f'{there}, row'} {number}{hint}"
    )


def refuse_other_items(rows: Rows) -> None:
    """One id, one item: rows whose text, label or hash differ under the same id are other examples."""
    assert rows.example is not None
    columns: dict[str, Coded] = dict(rows.content or {})
    if rows.label is not None:
        columns = {"label": rows.label, **columns}
    codes, n = rows.example.codes, len(rows.example.names)
    for name, column in columns.items():
        first = np.full(n, len(rows), dtype=np.intp)
        np.minimum.at(first, codes, np.arange(len(rows)))
        reference = first[codes]
        wrong = np.flatnonzero((column.codes != column.codes[reference]) & ~column.missing & ~column.missing[reference])
        if not wrong.size:
            continue
        row = int(wrong[0])
        there, number = rows.at(int(reference[row]))
        here, before = (_short(column.text(each)) for each in (row, int(reference[row])))
        raise InputError(
            f"{rows.where(wrong)}: another {name} than the same example has elsewhere; example "
            f"{rows.example.text(row)} is {here} here and {before} "
            f"in row {number} of {there}: these are different items, as of two tasks or splits, and no two runs on one (--example names "
            "another id, --task a column of tasks, --pattern '{arm}_{task}.csv' the place of the task in the files' names)"
        )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def name_notices(arms: Sequence[str]) -> list[str]:
    """Arms whose names differ by case or marks only, and so may be one."""
    seen: dict[str, str] = {}
    found = []
    for name in arms:
        bare = "".join(letter for letter in name.casefold() if letter.isalnum())
        other = seen.setdefault(bare, name)
        if other != name and bare:
            found.append(
                f"the arms {other!r} and {name!r} differ by case or marks only: write them in the same way if they are one"
            )
    return found


def case_notices(label: Coded, prediction: Coded) -> list[str]:
    labels = set(label.names)
    folded = {name.casefold(): name for name in labels}
    odd = [name for name in prediction.names if name not in labels and name.casefold() in folded]
    if not odd:
        return []
    return [
        f"{odd[0]!r} is not the label {folded[odd[0].casefold()]!r} and counts as wrong: they differ by case; write both in the same way"
    ]
