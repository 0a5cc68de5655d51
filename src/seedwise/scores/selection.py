"""Which rows count: those that hold the values asked for, those of one filter, those of one epoch a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked
from seedwise.scores.direction import direction_of
from seedwise.scores.frame import Column, Frame, column_of
from seedwise.scores.roles import Roles, Score, plain
from seedwise.scores.rows import Coded, Mask, as_text, groups, some


def where(frames: Sequence[Frame], asked: Asked) -> list[Frame]:
    """The rows that hold one of the values asked for in each column that `asked.where` names, and (`NAME!`) none of those refused;
    sources left without any are left out. Raises InputError for a column that no source has, and where no row is left."""
    if not asked.where:
        return list(frames)
    wanted: dict[str, list[str]] = {}
    for name, value in asked.where:
        wanted.setdefault(name, []).append(as_text(value))
    kept = []
    for frame in frames:
        keep: Mask = np.ones(frame.n, dtype=np.bool_)
        for name, values in wanted.items():
            texts = _column(frame, name.removesuffix("!")).texts()
            codes = [code for code, text in enumerate(texts.names) if text in values] + ([-1] if "" in values else [])
            keep &= np.isin(texts.codes, codes, invert=name.endswith("!"))
        if keep.any():
            kept.append(frame if keep.all() else frame.take(np.flatnonzero(keep)))
    if kept:
        return kept
    source = frames[0].source
    for name, values in wanted.items():
        there = {text: None for frame in frames for text in _column(frame, name.removesuffix("!")).texts().names}
        if not name.endswith("!") and not set(values) & set(there):
            raise InputError(f"{source}: no row has {name}={values[0]} (--where); it holds {some(there)}")
    raise InputError(f"{source}: no row is left by --where: none has all of {some(f'{n}={v}' for n, v in asked.where)}")


def _column(frame: Frame, name: str) -> Column:
    column = column_of(frame, name)
    if column is None:
        same = [each for each in frame.columns if plain(each) == plain(name)]
        column = frame.columns[same[0]] if len(same) == 1 else None
    if column is None:
        raise InputError(f"{frame.source}: no column {name!r} (--where); found {some(map(repr, frame.columns), 20)}")
    return column


def texts_of(frame: Frame, name: str) -> Coded:
    column = column_of(frame, name)
    if column is None:
        raise InputError(f"{frame.source}: no column {name!r}; found {some(map(repr, frame.columns), 20)}")
    return column.texts()


def refuse_filters(frame: Frame) -> None:
    if "filter" not in frame.columns or "doc_id" not in frame.columns:
        return
    found = sorted(frame.columns["filter"].texts().names)
    if len(found) > 1:
        raise InputError(
            f"{frame.source}: holds the answers of the filters {', '.join(found)}; keep the rows of one of them: --where filter={found[0]}"
        )


def at_epoch(frame: Frame, asked: Asked, roles: Roles, score: Score) -> tuple[Frame, list[str]]:
    """The rows of one epoch where there are several a run: the last or the best, and never by guess."""
    if roles.choice is None or score.column is None or roles.choice in (*roles.arm, roles.seed, score.column):
        return frame, []
    column = column_of(frame, roles.choice)
    wanted = asked.at or frame.roles.get("at")
    values, wrong = (
        frame.columns[score.column].numbers()
        if score.column in frame.columns
        else (np.zeros(frame.n), np.zeros(frame.n, bool))
    )
    present = np.isfinite(values) | wrong
    if "choice" in frame.roles and not present.all() and present.any():
        frame, values = frame.take(np.flatnonzero(present)), values[present]
        column = column_of(frame, roles.choice)
    keys = [
        texts_of(frame, name)
        for name in (*roles.arm, roles.seed, roles.example, roles.task, roles.run)
        if name is not None
    ]
    whose = groups(keys) if keys else np.zeros(frame.n, dtype=np.intp)
    n_runs = int(whose.max(initial=-1)) + 1
    if column is None or n_runs == whose.size:
        return frame, []
    steps, odd = column.numbers()
    if odd.any() or int(groups([*keys, column.texts()]).max()) + 1 == n_runs:
        return frame, []
    if wanted is None:
        raise InputError(
            f"{frame.source}: holds several rows a run by the column {roles.choice!r}: say which to compare, "
            f"--at last or --at best, or one of "
            f"them by --where {roles.choice}={texts_of(frame, roles.choice).names[-1]}"
        )
    if frame.kind == "table" and int(groups([*keys, column.texts()]).max()) + 1 < frame.n:
        used = {*roles.arm, roles.seed, roles.example, roles.task, roles.run, roles.choice, score.column}
        others = [
            name for name in frame.columns if name not in used and 1 < len(frame.columns[name].texts().names) < 50
        ]
        raise InputError(
            f"{frame.source}: holds several rows of one run and {roles.choice}: keep one of them with --where, by the column that tells "
            f"them apart{f' ({some(others, 4)})' if others else ''}"
        )
    if wanted == "best":
        better = direction_of(score.metric) if asked.direction is None else asked.direction
        order = np.lexsort((values if better != "lower" else -values, whose))
    else:
        order = np.lexsort((steps, whose))
    last = np.append(whose[order][1:] != whose[order][:-1], True)
    kept = np.sort(order[last])
    said = f"the {wanted} {roles.choice} of each run was taken"
    if wanted == "best":
        said += ", chosen on these very scores, which favours runs that vary more"
    elif asked.at is None:
        said += " (--at best takes the best)"
    return frame.take(kept), [said]
