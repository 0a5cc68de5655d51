"""What papers publish: a mean, a standard deviation and a number of seeds an arm; Welch's test takes no more."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked
from seedwise.scores.frame import Column, Frame, ListColumn, column_of
from seedwise.scores.roles import asked_column, find, plain
from seedwise.scores.rows import Floats, cross, name_rows, some
from seedwise.scores.selection import where
from seedwise.stats import Basis, Verdict, decide_scores

_MEAN = ("mean", "average", "avg")
_SD = ("sd", "std", "stdev", "std_dev", "standard_deviation", "stddev")
_SE = ("se", "sem", "stderr", "standard_error")
_N = ("n", "n_seeds", "seeds", "runs", "n_runs", "num_seeds")
MOST_SEEDS = 100_000
_MOST_ROWS, _MOST_COLUMNS = 10_000, 1_000  # of a table that somebody published
_BOTH = re.compile(r"^\s*(?P<mean>[-+]?[\d.,]+)\s*%?\s*\$?(?:±|\+/-|\+-|\\pm)\$?\s*(?P<sd>[\d.,]+)\s*%?\s*$")


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean and standard deviation (ddof 1) of `n` seeds, in the metric's own unit."""

    mean: float
    sd: float
    n: int

    def scores(self) -> Floats:
        """Scores [n] with just this mean and standard deviation; nothing else about them is known."""
        if self.n == 1:
            return np.array([self.mean])
        shape = np.linspace(-1.0, 1.0, self.n)
        return np.asarray(self.mean + self.sd * shape / shape.std(ddof=1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Published:
    """A table of means as it was published: a summary a task (None where it names none) and arm."""

    tasks: Mapping[str | None, Mapping[str, Summary]]
    notices: tuple[str, ...] = ()
    metric: str | None = None

    def __bool__(self) -> bool:
        return bool(self.tasks)


def read_summaries(frames: Sequence[Frame], asked: Asked) -> Published | None:
    """A summary an arm and task, where the one frame is such a table; None where it is not."""
    if len(frames) != 1:
        return None
    frame, metric = _apart(frames[0], asked)
    mean, sd, se, n = (_named(frame, names) for names in (_MEAN, _SD, _SE, _N))
    if mean is None or (sd is None and se is None):
        return None
    (frame,) = where([frame], asked)
    if n is None:
        raise InputError(
            f"{frame.source}: holds means and standard deviations, but no n: add a column n, the seeds of each mean"
        )
    arms = [asked_column(frame, name, "--arm") for name in asked.arm]
    if not arms:
        found = find(frame, "arm", [mean, sd, se, n])
        if found is None:
            raise InputError(f"{frame.source}: no column 'arm'; --arm COLUMN names it")
        arms = [found]
    names = cross([column.texts() for name in arms if (column := column_of(frame, name)) is not None])
    task = asked_column(frame, asked.task, "--task") if asked.task else find(frame, "task", [mean, sd, se, n, *arms])
    tasks = None if task is None else frame.columns[task].texts()
    values = {}
    for name in (mean, sd or se, n):
        values[name], wrong = frame.columns[str(name)].numbers()
        bad = wrong | ~np.isfinite(values[name])
        if bad.any():
            lines = frame.lines()
            raise InputError(
                f"{frame.source}: {name_rows([lines[int(row)] for row in np.flatnonzero(bad)])}: {name} is no number"
            )
    held: dict[str | None, dict[str, Summary]] = {}
    for row in range(frame.n):
        size, spread = float(values[n][row]), float(values[sd or se][row])
        at = f"{frame.source}: row {frame.lines()[row]}"
        if size < 1 or not size.is_integer():
            raise InputError(f"{at}: {n} is {size:g}; it is how many seeds the mean is of")
        if size > MOST_SEEDS:
            raise InputError(f"{at}: {n} is {size:g}, and no mean of so many seeds; is it the test file's rows?")
        if spread < 0.0:
            raise InputError(f"{at}: {sd or se} is {spread:g}; it cannot be negative")
        of_task = held.setdefault(None if tasks is None else tasks.text(row), {})
        if names.text(row) in of_task:
            raise InputError(
                f"{at}: arm {names.text(row)} is there already; where other columns tell arms apart, name them with --arm, or keep "
                "some rows with --where"
            )
        of_task[names.text(row)] = Summary(
            float(values[mean][row]), spread if sd is not None else spread * math.sqrt(size), int(size)
        )
    return Published(held, ("means and standard deviations as published",), metric)


def _apart(frame: Frame, asked: Asked) -> tuple[Frame, str | None]:
    """`frame` with the mean and sd of one metric as columns of these names, and that metric: from cells that are all `86.8 ± 0.5`, or
    from columns such as `accuracy_mean` and `accuracy_std` beside an n. As it is, where there are none."""
    if _named(frame, _MEAN) is not None or frame.n > _MOST_ROWS or len(frame.columns) > _MOST_COLUMNS:
        return frame, None
    pairs = _cells_of_both(frame) or _columns_of_both(frame)
    if not pairs:
        return frame, None
    wanted = [label for label in pairs if asked.metric is None or plain(label) == plain(asked.metric)]
    if len(wanted) != 1:
        raise InputError(
            f"{frame.source}: holds means and standard deviations: say of which metric with --metric; found {some(pairs)}"
        )
    (label,) = wanted
    mean, sd, gone = pairs[label]
    rest = {key: column for key, column in frame.columns.items() if key not in gone}
    return replace(frame, columns={**rest, "mean": mean, "sd": sd}), label


def _cells_of_both(frame: Frame) -> dict[str, tuple[Column, Column, tuple[str, ...]]]:
    found: dict[str, tuple[Column, Column, tuple[str, ...]]] = {}
    for name, column in frame.columns.items():
        cells = [cell for value in column.values() if (cell := _BOTH.match(str(value))) is not None]
        if cells and len(cells) == frame.n:
            means, sds = ([cell[part] for cell in cells] for part in ("mean", "sd"))
            found[name] = (ListColumn(means), ListColumn(sds), (name,))
    return found


def _columns_of_both(frame: Frame) -> dict[str, tuple[Column, Column, tuple[str, ...]]]:
    if _named(frame, _N) is None:
        return {}
    parts: dict[str, dict[str, str]] = {}
    for name in frame.columns:
        for kind, words in (("mean", _MEAN), ("sd", _SD)):
            for word in words:
                label = plain(name)
                if label.endswith(f"_{word}") or label.startswith(f"{word}_"):
                    parts.setdefault(label.removesuffix(f"_{word}").removeprefix(f"{word}_"), {})[kind] = name
                    break
    return {
        label: (frame.columns[each["mean"]], frame.columns[each["sd"]], (each["mean"], each["sd"]))
        for label, each in parts.items()
        if len(each) == 2
    }


def _named(frame: Frame, names: Sequence[str]) -> str | None:
    by_name = {plain(name): name for name in frame.columns}
    return next((by_name[name] for name in names if name in by_name), None)


def decide_summaries(a: Summary, b: Summary, scores_a: Floats, scores_b: Floats, options: dict[str, Any]) -> Verdict:
    """Welch's verdict on summaries: without the exact test, P(A > B) and a look for collapsed seeds, which need the seeds."""
    made = decide_scores(scores_a, scores_b, **options)
    notes = tuple(
        note
        for note in made.notes
        if "exact test" not in note and "far behind" not in note and "same scores" not in note
    )
    said = "from means and standard deviations as published: no exact test, and no look for collapsed seeds, can be taken of them"
    return replace(
        made,
        basis=Basis.NEAR_NORMAL if made.basis is Basis.EXACT else made.basis,
        p_exact=None,
        p_a_greater_b=None,
        p_a_greater_b_interval=None,
        collapsed=(0, 0),
        collapse_bound=(None, None),
        notes=(*notes, said),
    )
