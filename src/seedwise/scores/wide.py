"""Wide tables made long: a column a seed, a column an arm, a column an example, a list of seeds in a cell."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked
from seedwise.scores.direction import direction_of
from seedwise.scores.frame import CodedColumn, Column, Frame, ListColumn, stacked
from seedwise.scores.roles import NAMES, find, plain
from seedwise.scores.rows import Coded, Ints, some

_RUN = r"(?:seed|run|trial|rep|repeat|replicate|split|fold)"
_SEED = re.compile(rf"^(?:{_RUN}|s|r)?[ _\-.=#]?(?P<seed>\d+)$", re.IGNORECASE)
_BEFORE = re.compile(
    rf"^(?P<metric>.+?)[ _\-./:]+{_RUN}?[ _\-.=#]?(?P<seed>\d+)$", re.IGNORECASE
)  # accuracy_seed0, acc/0
_AFTER = re.compile(rf"^{_RUN}[ _\-.=#]?(?P<seed>\d+)[ _\-./:]+(?P<metric>.+)$", re.IGNORECASE)  # seed0_accuracy
_EXAMPLE = re.compile(
    r"^(?:e|ex|example|item|q|question|doc|sample|case|instance|i|x)?[ _\-.#]?(?P<example>\d+)$", re.IGNORECASE
)
_PREDICTION = re.compile(r"^(?:y_)?pred(?:iction|icted)?s?[ _\-.:/](?P<arm>.+)$", re.IGNORECASE)
_NUMBERS = re.compile(r"[;\s|/]+")
_FEWEST_EXAMPLES = 3
_MOST_LISTS = 10_000
_LISTS = ("values", "values_raw", "scores", "score", "results", "value")


def lengthen(frame: Frame, asked: Asked) -> Frame:
    """`frame` with a row a seed or example, where it has a column each or lists of them; else as it is."""
    if asked.score is not None or frame.roles:
        return frame
    has = {role: find(frame, role) for role in ("arm", "seed", "example", "label", "prediction")}
    lists = _lists(frame)
    if lists is not None and not any(has[role] for role in ("seed", "example", "label", "prediction")):
        return _explode(frame, lists)
    if asked.seed is None and has["seed"] is None:
        found = _seeds(frame, asked)
        if found is not None:
            return found
    named = asked.metric is not None and asked.metric in frame.columns
    if not named and (has["seed"] or asked.seed) and not (has["example"] or asked.example):
        examples = [name for name in frame.columns if _EXAMPLE.match(name)]
        if len(examples) >= _FEWEST_EXAMPLES:
            labels = [match["example"] for name in examples if (match := _EXAMPLE.match(name))]
            return _melt(frame, examples, labels, "example", asked.metric or "score")
    if has["label"] and not has["prediction"] and not asked.arm and has["arm"] is None and not named:
        return _predictions(frame, has["label"])
    known = {name for names in NAMES.values() for name in names}
    if not asked.arm and frame.arm is None and has["arm"] is None and (has["seed"] or has["example"]) and not named:
        arms = [
            name
            for name in frame.columns
            if plain(name) not in known and direction_of(name) is None and _numeric(frame, name)
        ]
        if len(arms) > 1:
            return _melt(frame, arms, arms, "arm", asked.metric or "score")
    return frame


def _predictions(frame: Frame, label: str) -> Frame:
    """A column of answers an arm beside the labels: those called predictions, or all whose values are labels."""
    called = {name: match["arm"] for name in frame.columns if (match := _PREDICTION.match(name))}
    labels = set(frame.columns[label].texts().names)
    others = [name for name in frame.columns if plain(name) not in {each for names in NAMES.values() for each in names}]
    alike = [name for name in others if set(frame.columns[name].texts().names) <= labels]
    arms = called if len(called) > 1 else {name: name for name in alike}
    if len(arms) > 1:
        return _melt(frame, list(arms), list(arms.values()), "arm", "prediction")
    if len([name for name in others if _numeric(frame, name)]) > 1:
        raise InputError(
            f"{frame.source}: holds labels ({label}) beside columns of numbers ({some(others, 8)}) that are no labels: which are the "
            "answers? Name them with --prediction, or give scores without labels"
        )
    return frame


def _seeds(frame: Frame, asked: Asked) -> Frame | None:
    """A column a seed, alone (`seed0`, `1`) or with one metric's name (`accuracy_seed0`)."""
    alone = [(name, match["seed"]) for name in frame.columns if (match := _SEED.match(name))]
    if len(alone) > 1 and len({seed for _, seed in alone}) == len(alone):
        return _melt(frame, [name for name, _ in alone], [seed for _, seed in alone], "seed", asked.metric or "score")
    by_metric: dict[str, list[tuple[str, str]]] = {}
    for name in frame.columns:
        match = _BEFORE.match(name) or _AFTER.match(name)
        if match is not None and _numeric(frame, name):
            by_metric.setdefault(match["metric"], []).append((name, match["seed"]))
    several = {metric: found for metric, found in by_metric.items() if len(found) > 1}
    wanted = [metric for metric in several if asked.metric in (None, metric)]
    if len(wanted) != 1 or len({seed for _, seed in several[wanted[0]]}) < len(several[wanted[0]]):
        return None
    (metric,) = wanted
    return _melt(frame, [name for name, _ in several[metric]], [seed for _, seed in several[metric]], "seed", metric)


def _numeric(frame: Frame, name: str) -> bool:
    values, wrong = frame.columns[name].numbers()
    return bool(values.size) and not wrong.any() and bool((values == values).any())


def _lists(frame: Frame) -> str | None:
    for name, column in frame.columns.items():
        if plain(name) not in _LISTS or frame.n > _MOST_LISTS:
            continue
        values = [_listed(each) for each in column.values()]
        if values and all(each is not None for each in values) and max(len(each or ()) for each in values) > 1:
            return name
    return None


def _listed(value: object) -> list[float] | None:
    """The numbers of a cell that holds several: a list, its text, or numbers between blanks, semicolons, bars or strokes."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text) if text[:1] == "[" else [float(part) for part in _NUMBERS.split(text)]
        except ValueError:
            return None
    if not isinstance(value, list) or not value or not all(isinstance(each, int | float) for each in value):
        return None
    return [float(each) for each in value]


def _explode(frame: Frame, name: str) -> Frame:
    values = [_listed(each) or [] for each in frame.columns[name].values()]
    rows = np.repeat(np.arange(frame.n), [len(each) for each in values])
    seeds = [seed for each in values for seed in range(len(each))]
    columns = {key: column.take(rows) for key, column in frame.columns.items() if key != name}
    columns |= {"seed": ListColumn(seeds), "score": ListColumn([value for each in values for value in each])}
    return _long(frame, columns, rows, "seed", name)


def _melt(frame: Frame, wide: Sequence[str], labels: Sequence[str], role: str, score: str) -> Frame:
    """A row for each cell of the columns `wide` that holds something, the column's label in the new column `role`."""
    values, there = stacked([frame.columns[name] for name in wide])
    kept = np.flatnonzero(there)
    rows = kept % frame.n
    coded = Coded((kept // frame.n).astype(np.intp), tuple(labels))
    gone = set(wide)
    columns = {name: column.take(rows) for name, column in frame.columns.items() if name not in gone}
    columns |= {role: CodedColumn(coded), score: values if there.all() else values.take(kept)}
    return _long(frame, columns, rows, role, f"{wide[0]} to {wide[-1]}")


def _long(frame: Frame, columns: dict[str, Column], rows: Ints, role: str, shown: str) -> Frame:
    lines = frame.lines
    article = "an" if role[0] in "ae" else "a"
    return replace(
        frame,
        columns=columns,
        n=len(rows),
        lines=lambda: [lines()[int(row)] for row in rows],
        notes=(*frame.notes, f"a wide table: {shown} were taken as {article} {role} each"),
    )
