"""Verdicts on pairs of arms over several tasks: on these tasks, and, with five or more, on tasks like these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from seedwise.scores.card import Compared
from seedwise.scores.rows import some
from seedwise.scores.table import ArmTable, ScoreTable
from seedwise.scores.units import scale_of, words_of
from seedwise.stats import (
    MIN_TASKS,
    Outcome,
    Scope,
    TaskScores,
    Verdict,
    decide_tasks,
    resolve_family,
    sentence,
    standardised,
)
from seedwise.verdicts.bands import Bands, bands_of

Pair = tuple[str, str]
STANDARDISED = "standardised score"


@dataclass(frozen=True, slots=True)
class OverTasks:
    """A verdict a pair and scope, the bands of each scope, and what was left out and why."""

    pairs: tuple[Compared, ...] = ()
    bands: tuple[Bands, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a mean over the tasks is in: the tasks' own metric, or, where these differ, standard deviations of an example's score."""

    metric: str
    unit: str
    sign: float
    standardised: bool

    @property
    def scale(self) -> float:
        return self.sign * scale_of(self.unit)

    @property
    def words(self) -> str:
        return "standard deviations" if self.standardised else words_of(self.unit)


def compare_over_tasks(
    tables: Sequence[ScoreTable],
    pairs: Sequence[Pair],
    *,
    deterministic: Sequence[str],
    paired: bool,
    family: int | None,
    **options: Any,
) -> OverTasks:
    """Decide the pairs that every task has over all of `tables`; the pairs of one scope are one family under Holm.

    A mean of raw differences where all tasks have one metric that is a share, else of standardised ones (see
    `stats.spread_of`). Equal seeds of an arm on all tasks are one draw; seeds of other names are the tasks' own.
    """
    if len(tables) < 2:
        return OverTasks()
    everywhere = [pair for pair in pairs if all(arm in table.arms for table in tables for arm in pair)]
    if not everywhere:
        return OverTasks(notices=("no pair of arms is on every task, so there is no verdict over the tasks",))
    unit = _unit_of(tables)
    if unit is None:
        return OverTasks(
            notices=("tasks have other metrics, and scores a seed only: their differences have no mean over the tasks",)
        )
    if unit.standardised and options.get("margin") is not None:
        options = {**options, "margin": None, "claim": "superiority"}
    notices = []
    if unit.standardised:
        notices.append(
            "over the tasks, whose metrics differ or are no shares, differences are divided by the standard deviation of an "
            "example's score"
        )
    compared: list[Compared] = []
    bands: list[Bands] = []
    scopes: list[tuple[Scope, str]] = [("suite", f"mean of these {len(tables)} tasks")]
    if len(tables) >= MIN_TASKS:
        scopes.append(("tasks-like-these", f"tasks like these {len(tables)}"))
    for scope, name in scopes:
        size = max(family or 0, len(everywhere))
        decided: list[tuple[Pair, Verdict]] = []
        for a, b in everywhere:
            found = _decide(tables, a, b, scope, unit, tuple(deterministic), paired, {**options, "family_size": size})
            if isinstance(found, str):
                notices.append(found)
            else:
                decided.append(((a, b), found))
        verdicts = tuple(verdict for _, verdict in decided)
        if size == len(verdicts) and size > 1:
            verdicts = resolve_family(verdicts)
        made = [_compared(a, b, verdict, unit, name) for ((a, b), _), verdict in zip(decided, verdicts, strict=True)]
        compared += made
        drawn = _bands(tables, made, unit, name)
        bands += [] if drawn is None else [drawn]
    return OverTasks(tuple(compared), tuple(bands), tuple(dict.fromkeys(notices)))


def _unit_of(tables: Sequence[ScoreTable]) -> _Unit | None:
    first = tables[0]
    alike = {(table.metric, table.unit, table.direction) for table in tables}
    by_example = all(table.examples is not None for table in tables)
    if len(alike) == 1 and (first.unit != "own" or not by_example):
        return _Unit(f"mean {first.metric}", first.unit, first.sign, False)
    return _Unit(f"mean {STANDARDISED}", "own", 1.0, True) if by_example else None


def _decide(
    tables: Sequence[ScoreTable],
    a: str,
    b: str,
    scope: Scope,
    unit: _Unit,
    deterministic: tuple[str, ...],
    paired: bool,
    options: dict[str, Any],
) -> Verdict | str:
    """The verdict, or why there is none."""
    arms = [(table.arms[a], table.arms[b]) for table in tables]
    for side, name in enumerate((a, b)):
        counts = {len(pair[side].seeds) for pair in arms}
        if len(counts) > 1:
            return f"{name} has another number of seeds from task to task ({some(map(str, sorted(counts)))}): no verdict over the tasks"
    n_a, n_b = (len(arm.seeds) for arm in arms[0])
    fixed = (a in deterministic, b in deterministic)
    single = [n == 1 and not known for n, known in zip((n_a, n_b), fixed, strict=True)]
    if any(single) and not (all(single) and scope == "tasks-like-these"):
        return f"there is one run of {a if single[0] else b} a task, which is no sample of its seeds: no verdict over these very tasks"
    shared = all({*pair[side].seeds} == {*arms[0][side].seeds} for pair in arms for side in (0, 1))
    tasks = []
    for table, (first, second) in zip(tables, arms, strict=True):
        seeds_a, seeds_b = (arms[0][0].seeds, arms[0][1].seeds) if shared else (first.seeds, second.seeds)
        if paired:
            seeds_b = seeds_a
            if set(first.seeds) != set(second.seeds):
                return f"{a} and {b} do not share their seeds on every task: no paired verdict over the tasks"
        tasks.append(
            TaskScores(table.task or "", _rows(first, seeds_a), _rows(second, seeds_b), table.clusters if first.scores.ndim == 2 else None)
        )  # fmt: skip
    return decide_tasks(
        standardised(tasks) if unit.standardised else tasks,
        scope,
        deterministic_a=fixed[0],
        deterministic_b=fixed[1],
        paired=paired,
        shared_seeds=shared,
        rng=np.random.default_rng(0),
        **options,
    )


def _rows(arm: ArmTable, seeds: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return arm.scores[[arm.seeds.index(seed) for seed in seeds]]


def _compared(a: str, b: str, verdict: Verdict, unit: _Unit, name: str) -> Compared:
    return Compared(
        a=a,
        b=b,
        metric=unit.metric,
        unit=unit.unit,
        verdict=verdict,
        text=sentence(verdict, a, b, unit.metric, unit.words, unit.scale),
        sensitivity=None,
        task=name,
        sign=unit.sign,
    )


def _bands(tables: Sequence[ScoreTable], compared: Sequence[Compared], unit: _Unit, name: str) -> Bands | None:
    """Groups of the arms that every task has; None where not all their pairs have a verdict to go by."""
    names = list(dict.fromkeys(arm for pair in compared for arm in (pair.a, pair.b)))
    outcomes = {pair.verdict.outcome for pair in compared}
    if len(names) < 3 or len(compared) < len(list(combinations(names, 2))) or Outcome.DEGENERATE in outcomes:
        return None
    if unit.standardised:
        return None  # each pair is standardised by its own runs, so that arms have no one score
    better = [(pair.a, pair.b) for pair in compared if pair.verdict.outcome is Outcome.A_BETTER]
    better += [(pair.b, pair.a) for pair in compared if pair.verdict.outcome is Outcome.B_BETTER]
    means = {arm: float(np.mean([table.arms[arm].seed_scores.mean() for table in tables])) for arm in names}
    return bands_of(means, better, sign=unit.sign, scale=abs(unit.scale), metric=unit.metric, task=name)
