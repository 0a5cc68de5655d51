"""Scores from any system: checked, and laid out by arm, seed and example.

A file holds `arm`, `seed` and `score` (a row a seed), or `arm`, `seed`, `example` and either `score`, `prediction` and `label`,
or `loss` and `tokens` (a row an example). A file given as `ARM=FILE` is one seed of that arm, and may be a sample log of
lm-evaluation-harness (JSONL with `doc_id` and a metric's key) or a run's own `predictions/test.jsonl`. Faults name the file
and the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seedwise.errors import InputError
from seedwise.scores.files import read_log, read_table
from seedwise.scores.metrics import PERPLEXITY, RESAMPLED, SHOWN, pseudo_scores, route_of
from seedwise.scores.rows import Row, name_rows, name_sources, some

Unit = Literal["fraction", "percent", "own"]

# A score of one unit among scores of the other is off by a factor of 100; collapsed runs are rarely off by so much.
_MIXED = 20.0


@dataclass(frozen=True, slots=True)
class ArmTable:
    """One arm's scores: [seeds] where only a score a seed is known, else [seeds, examples]."""

    name: str
    seeds: tuple[str, ...]
    scores: NDArray[np.float64]

    @property
    def seed_scores(self) -> NDArray[np.float64]:
        return self.scores if self.scores.ndim == 1 else self.scores.mean(axis=1)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Arms in the order in which they first appear; with `examples`, column i is the same example in every arm.

    `route` says how a metric that is no mean over examples was taken; the scores are then pseudovalues of it.
    """

    arms: dict[str, ArmTable]
    examples: tuple[str, ...] | None
    metric: str
    unit: Unit
    route: str | None = None


def read_scores(
    sources: Sequence[str],
    metric: str | None = None,
    arms: Sequence[str] | None = None,
    unit: Unit | None = None,
    positive: str | None = None,
) -> ScoreTable:
    """The scores in `sources` (`FILE` or `ARM=FILE`), of `arms` only where given.

    `metric` names the score's column where that is not `score`, the metric that is made of predictions and labels (accuracy, f1
    of the class `positive`, macro-f1, matthews) or of losses (perplexity), and the metric in what is printed. `unit` is guessed
    from the scores (all within 0 and 1: fraction; within -100 and 100: percent) and mixed units are refused; stated, it is
    taken at its word. Raises InputError.
    """
    rows: list[Row] = []
    for index, source in enumerate(sources):
        arm, path = _split(source)
        rows.extend(read_log(path, arm, f"{path.stem}#{index}", metric) if arm else read_table(path, metric))
    return lay_out(rows, metric, arms, unit, positive)


def lay_out(
    rows: list[Row],
    metric: str | None,
    arms: Sequence[str] | None = None,
    unit: Unit | None = None,
    positive: str | None = None,
) -> ScoreTable:
    """Rows from anywhere as a table; arguments and errors are those of `read_scores`."""
    present = list(dict.fromkeys(row.arm for row in rows))
    wanted = list(dict.fromkeys(arms)) if arms else present
    for name in wanted:
        if name not in present:
            raise InputError(f"{name_sources(rows)}: no arm {name!r}; arms: {', '.join(present) or 'none'}")
    rows = [row for row in rows if row.arm in wanted]
    if len({row.example is None for row in rows}) > 1:
        raise InputError(
            f"{name_sources(rows)}: some files hold a row a seed and others a row an example; give one kind"
        )
    _refuse_duplicates(rows)
    _refuse_changed_labels(rows)
    examples = None if not rows or rows[0].example is None else tuple(dict.fromkeys(row.example or "" for row in rows))
    tables = {name: _arm_table(name, [row for row in rows if row.arm == name], examples) for name in wanted}
    if metric is None:
        metric = "accuracy" if rows and rows[0].label is not None else "score"
    made = bool(rows) and (rows[0].tokens is not None or rows[0].prediction is not None)
    if metric not in RESAMPLED or not made:
        return ScoreTable(tables, examples, metric, unit or _guess_unit(tables, rows))
    scores = pseudo_scores(metric, rows, {name: table.seeds for name, table in tables.items()}, examples, positive)
    tables = {name: replace(table, scores=scores[name]) for name, table in tables.items()}
    return ScoreTable(
        tables, examples, SHOWN[metric], unit or ("own" if metric == PERPLEXITY else "fraction"), route_of(metric)
    )


def _split(source: str) -> tuple[str | None, Path]:
    arm, equals, path = source.partition("=")
    if equals and not Path(source).exists():
        return arm, Path(path)
    return None, Path(source)


def _refuse_duplicates(rows: list[Row]) -> None:
    seen: dict[tuple[str, str, str | None], Row] = {}
    twice: list[Row] = []
    for row in rows:
        first = seen.setdefault((row.arm, row.seed, row.example), row)
        if first is not row:
            twice.append(row)
    if not twice:
        return
    row = twice[0]
    first = seen[row.arm, row.seed, row.example]
    what = f"arm {row.arm}, seed {row.seed}" + ("" if row.example is None else f", example {row.example}")
    hint = "; where each row is one example, add a column example" if row.example is None else ""
    raise InputError(
        f"{row.source}: {name_rows([each.number for each in twice if each.source == row.source])}: there already; {what} is also in "
        f"{'row' if first.source == row.source else f'{first.source}, row'} {first.number}{hint}"
    )


def _refuse_changed_labels(rows: list[Row]) -> None:
    labels: dict[str | None, Row] = {}
    wrong = [row for row in rows if row.label is not None and labels.setdefault(row.example, row).label != row.label]
    if wrong:
        row, first = wrong[0], labels[wrong[0].example]
        raise InputError(
            f"{row.source}: {name_rows([each.number for each in wrong if each.source == row.source])}: another label than the same "
            f"example has elsewhere; example {row.example} is {row.label} here and {first.label} in row {first.number} of {first.source}"
        )


def _arm_table(name: str, rows: list[Row], examples: tuple[str, ...] | None) -> ArmTable:
    seeds = tuple(dict.fromkeys(row.seed for row in rows))
    if examples is None:
        return ArmTable(name, seeds, np.array([row.score for row in rows], dtype=np.float64))
    column = {example: index for index, example in enumerate(examples)}
    line = {seed: index for index, seed in enumerate(seeds)}
    scores = np.full((len(seeds), len(examples)), np.nan)
    for row in rows:
        scores[line[row.seed], column[row.example or ""]] = row.score
    for index, seed in enumerate(seeds):
        missing = [examples[i] for i in np.flatnonzero(np.isnan(scores[index]))]
        if missing:
            raise InputError(
                f"{name_sources(rows)}: arm {name}, seed {seed} (from row {min(r.number for r in rows if r.seed == seed)}) lacks "
                f"{len(missing)} of the {len(examples)} examples that others have: {some(missing)}; arms are compared on the same "
                "examples only"
            )
    return ArmTable(name, seeds, scores)


def _guess_unit(tables: dict[str, ArmTable], rows: list[Row]) -> Unit:
    """Per-seed scores tell the unit; seeds of which some lie within 1 and others far above it are in two units."""
    means = {
        (arm.name, seed): float(v)
        for arm in tables.values()
        for seed, v in zip(arm.seeds, arm.seed_scores, strict=True)
    }
    sizes = np.abs(list(means.values()))
    small, large = sizes[(sizes > 0.0) & (sizes <= 1.0)], sizes[sizes > 1.0]
    if (
        small.size
        and large.size
        and float(np.median(large)) > _MIXED * float(np.median(small))
        and sizes.max() <= 100.0
    ):
        few = small if small.size <= large.size else large
        odd = {key for key, value in means.items() if abs(value) in few}
        numbers = [row for row in rows if (row.arm, row.seed) in odd]
        source = numbers[0].source
        raise InputError(
            f"{source}: {name_rows([row.number for row in numbers if row.source == source])}: in another unit than the "
            f"others? Scores of seeds lie around {np.median(small):.3g} and around {np.median(large):.3g}; give all as "
            "fractions or all in percent (or, if they are right, state --unit)"
        )
    largest = max((float(np.abs(arm.scores).max(initial=0.0)) for arm in tables.values()), default=0.0)
    return "fraction" if largest <= 1.0 else "percent" if largest <= 100.0 else "own"
