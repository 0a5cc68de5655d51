"""Wide tables made long: a column a seed, a column an arm, a list of seeds in a cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from seedwise.scores.asked import Asked
from seedwise.scores.direction import direction_of
from seedwise.scores.frame import Frame, ListColumn
from seedwise.scores.roles import NAMES, find, plain

_SEED = re.compile(r"^(?:seed|run|trial|rep|s|r|split)?[ _\-.=]?(\d+)$", re.IGNORECASE)


def lengthen(frame: Frame, asked: Asked) -> Frame:
    """`frame` with a row a seed, where it has a column a seed or arm, or lists of seeds; else as it is."""
    if asked.score is not None or frame.roles:
        return frame
    lists = _lists(frame)
    if lists is not None and not any(find(frame, role) for role in ("seed", "example", "label", "prediction")):
        return _explode(frame, lists)
    if asked.seed is None and find(frame, "seed") is None:
        seeds = [name for name in frame.columns if _SEED.match(name)]
        if len(seeds) > 1:
            labels = [found[1] for name in seeds if (found := _SEED.match(name))]
            return _melt(frame, seeds, labels, "seed", asked.metric or "score")
    known = {name for names in NAMES.values() for name in names}
    if (
        not asked.arm
        and frame.arm is None
        and find(frame, "arm") is None
        and (find(frame, "seed") or find(frame, "example"))
    ):
        arms = [
            name
            for name in frame.columns
            if plain(name) not in known and direction_of(name) is None and _numeric(frame, name)
        ]
        if len(arms) > 1 and (asked.metric is None or asked.metric not in frame.columns):
            return _melt(frame, arms, arms, "arm", asked.metric or "score")
    return frame


def _numeric(frame: Frame, name: str) -> bool:
    values, wrong = frame.columns[name].numbers()
    return bool(values.size) and not wrong.any() and bool((values == values).any())


def _lists(frame: Frame) -> str | None:
    for name, column in frame.columns.items():
        if not isinstance(column, ListColumn) or plain(name) not in (
            "values",
            "values_raw",
            "scores",
            "score",
            "results",
            "value",
        ):
            continue
        values = column.values()
        if values and all(
            isinstance(each, list) and each and all(isinstance(v, int | float) for v in each) for each in values
        ):
            return name
    return None


def _explode(frame: Frame, name: str) -> Frame:
    rows = [
        (row, seed, value)
        for row, values in enumerate(frame.columns[name].values())
        for seed, value in enumerate(values)
    ]
    return _long(
        frame,
        [row for row, _, _ in rows],
        [name],
        "seed",
        [seed for _, seed, _ in rows],
        "score",
        [v for _, _, v in rows],
    )


def _melt(frame: Frame, wide: Sequence[str], labels: Sequence[str], role: str, score: str) -> Frame:
    rows: list[int] = []
    names: list[object] = []
    values: list[object] = []
    for name, label in zip(wide, labels, strict=True):
        for row, value in enumerate(frame.columns[name].values()):
            if value is None or (isinstance(value, str) and not value.strip()):
                continue  # a seed that this arm has not
            rows.append(row)
            names.append(label)
            values.append(value)
    return _long(frame, rows, wide, role, names, score, values)


def _long(
    frame: Frame,
    rows: Sequence[int],
    gone: Sequence[str],
    role: str,
    names: Sequence[object],
    score: str,
    values: Sequence[object],
) -> Frame:
    lines = frame.lines
    kept = {name: column.values() for name, column in frame.columns.items() if name not in gone}
    columns = {name: ListColumn([column[row] for row in rows]) for name, column in kept.items()}
    shown = f"{gone[0]} to {gone[-1]}" if len(gone) > 1 else gone[0]
    return replace(
        frame,
        columns={**columns, role: ListColumn(names), score: ListColumn(values)},
        n=len(rows),
        lines=lambda: [lines()[row] for row in rows],
        notes=(*frame.notes, f"a wide table: {shown} were taken as a{'n' if role == 'arm' else ''} {role} each"),
    )
