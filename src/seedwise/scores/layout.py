"""From rows to tables: one a task, with the same examples in every arm and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked, Unit
from seedwise.scores.direction import Direction, direction_of, is_share
from seedwise.scores.items import case_notices, name_notices, refuse_duplicates, refuse_other_items
from seedwise.scores.metrics import (
    OF_LABELS,
    OF_NUMBERS,
    PERPLEXITY,
    RESAMPLED,
    SHOWN,
    of_labels,
    of_numbers,
    of_parts,
    route_of,
)
from seedwise.scores.reading import Found
from seedwise.scores.rows import Floats, Ints, Rows, groups, some
from seedwise.scores.summaries import Published, Summary
from seedwise.scores.table import ArmTable, ScoreTable
from seedwise.stats import Clusters

# A score of one unit among scores of the other is off by a factor of 100; collapsed runs are rarely off by so much.
_MIXED = 20.0


Evidence = Found | Published


def lay_out(evidence: Evidence, asked: Asked, arms: Sequence[str] | None = None) -> tuple[ScoreTable, ...]:
    """Tables of `arms` only where given, one a task, of what was read."""
    if isinstance(evidence, Published):
        return tuple(
            _of_summaries(summaries, evidence, task, asked, arms) for task, summaries in evidence.tasks.items()
        )
    rows = evidence.rows
    if rows.task is None or len(rows.task.compact().names) < 2:
        return (_table(rows, evidence, asked, arms, None),)
    task = rows.task.compact()
    return tuple(
        _table(rows.take(task.codes == code), evidence, asked, arms, name) for code, name in enumerate(task.names)
    )


def _table(rows: Rows, found: Found, asked: Asked, arms: Sequence[str] | None, task: str | None) -> ScoreTable:
    arm = rows.arm.compact()
    wanted = list(dict.fromkeys(arms)) if arms else list(arm.names)
    for name in wanted:
        if name not in arm.names:
            raise InputError(f"{rows.name}: no arm {name!r}; arms: {', '.join(arm.names) or 'none'}")
    if arms:
        rows = rows.take(np.isin(arm.codes, [arm.names.index(name) for name in wanted]))
    refuse_duplicates(rows, asked)
    if rows.example is not None:
        refuse_other_items(rows)
    metric, notices = found.metric, [*found.notices, *name_notices(wanted)]
    if rows.label is not None and rows.prediction is not None:
        notices += case_notices(rows.label, rows.prediction)
    if rows.example is None:
        tables = {name: _of_seeds(rows, name, found.direction) for name in wanted}
        unit = asked.unit or _unit(metric, tables, rows)
        return ScoreTable(tables, None, metric, unit, None, found.direction, None, task, tuple(notices))
    rows, dropped = _common(rows) if asked.common else (rows, None)
    if dropped:
        notices.append(dropped)
    grid = _Grid.of(rows, wanted)
    clusters, said = _clusters(rows, grid, asked)
    if said:
        notices.append(said)
    if metric in RESAMPLED and grid.n_examples < 2 and (rows.label is not None or rows.below is not None):
        raise InputError(f"{rows.name}: {metric} needs at least two examples")
    tables, route, direction = _fill(rows, grid, metric, found.direction, asked, clusters)
    own = metric == PERPLEXITY and rows.below is not None
    made = route is not None and not own
    shown = metric if rows.label is None else SHOWN.get(metric, metric)
    unit = asked.unit or ("own" if own else "fraction" if made else _unit(metric, tables, rows))
    return ScoreTable(tables, grid.examples, shown, unit, route, direction, clusters, task, tuple(notices))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where each row lies: its arm and seed's line, its example's column."""

    lines: dict[str, tuple[str, ...]]
    examples: tuple[str, ...]
    place: Ints  # [arms' seeds, examples] the row that fills a cell

    @property
    def n_examples(self) -> int:
        return len(self.examples)

    @classmethod
    def of(cls, rows: Rows, wanted: Sequence[str]) -> _Grid:
        assert rows.example is not None
        arm, seed, example = rows.arm, rows.seed, rows.example.compact()
        n_seeds, n_examples = len(seed.names), len(example.names)
        run = arm.codes * n_seeds + seed.codes
        present, first = np.unique(run, return_index=True)
        order = present[np.argsort(first)]
        line_of = {int(code): index for index, code in enumerate(order)}
        table = np.full(int(run.max()) + 1, -1, dtype=np.intp)
        table[order] = np.arange(order.size)
        place = np.full((order.size, n_examples), -1, dtype=np.intp)
        place[table[run], example.codes] = np.arange(len(rows))
        gaps = np.argwhere(place < 0)
        if gaps.size:
            line = int(gaps[0][0])
            code = int(order[line])
            missing = [example.names[int(column)] for row, column in gaps if row == line]
            source, number = rows.at(int(np.flatnonzero(run == code)[0]))
            raise InputError(
                f"{source}: arm {arm.names[code // n_seeds]}, seed {seed.names[code % n_seeds]} (from row "
                f"{number}) lacks {len(missing)} of the "
                f"{n_examples} examples that others have: {some(missing)}; arms are compared on the same examples only (--on common takes "
                "those that all have)"
            )
        lines: dict[str, list[tuple[int, str]]] = {name: [] for name in wanted}
        for code, index in line_of.items():
            lines[arm.names[code // n_seeds]].append((index, seed.names[code % n_seeds]))
        picked = [index for name in wanted for index, _ in lines[name]]
        return cls({name: tuple(s for _, s in lines[name]) for name in wanted}, example.names, place[picked])


def _fill(
    rows: Rows, grid: _Grid, metric: str, direction: Direction, asked: Asked, clusters: Clusters | None
) -> tuple[dict[str, ArmTable], str | None, Direction]:
    sign = 1.0 if direction == "higher" else -1.0
    source, start = rows.name, 0
    tables: dict[str, ArmTable] = {}
    labels = None if rows.label is None else rows.label.compact()
    said = None if rows.prediction is None else rows.prediction
    names: tuple[str, ...] = ()
    said_codes: Ints | None = None
    if labels is not None and said is not None and metric in OF_LABELS:
        known = frozenset(labels.names)
        foreign = [name for name in said.names if name not in known]
        names = (*labels.names, *foreign)
        index = {name: number for number, name in enumerate(names)}
        said_codes = np.array([index[name] for name in said.names], dtype=np.intp)[said.codes]
    route = None
    for name, seeds in grid.lines.items():
        place = grid.place[start : start + len(seeds)]
        start += len(seeds)
        if metric in RESAMPLED and labels is not None and said_codes is not None:
            scores = of_labels(
                metric,
                labels.codes[place[0]],
                said_codes[place],
                names,
                len(labels.names),
                asked.positive,
                source,
                clusters,
            )
            route = route_of(metric, clusters is not None)
        elif metric in OF_NUMBERS and rows.below is not None and labels is not None:
            if metric == "mse":
                scores = sign * (rows.score[place] - rows.below[place]) ** 2
            else:
                scores = of_numbers(metric, rows.below[place[0]], rows.score[place], clusters)
                route = route_of(metric, clusters is not None)
        elif rows.below is not None:
            scores = of_parts(metric, rows.score[place], rows.below[place], clusters, source)
            scores = scores if metric == PERPLEXITY else sign * scores
            route = route_of(metric, clusters is not None)
        else:
            scores = sign * rows.score[place]
        tables[name] = ArmTable(name, seeds, scores)
    return tables, route, direction


def _of_seeds(rows: Rows, name: str, direction: Direction) -> ArmTable:
    chosen = np.flatnonzero(rows.arm.codes == rows.arm.names.index(name))
    sign = 1.0 if direction == "higher" else -1.0
    seeds = tuple(rows.seed.names[code] for code in rows.seed.codes[chosen].tolist())
    return ArmTable(name, seeds, sign * rows.score[chosen])


def _common(rows: Rows) -> tuple[Rows, str | None]:
    """Rows of the examples that every arm and seed has."""
    assert rows.example is not None
    run = groups([rows.arm, rows.seed])
    n_runs, n = np.unique(run).size, len(rows.example.names)
    have = np.bincount(rows.example.codes, minlength=n)
    keep = have == n_runs
    if not keep.any():
        raise InputError(f"{rows.name}: --on common: no example is in every arm and seed")
    total = int((have > 0).sum())
    if int(keep.sum()) == total:
        return rows, None
    return rows.take(
        keep[rows.example.codes]
    ), f"compared on {int(keep.sum())} of {total} examples: those that all have"


def _clusters(rows: Rows, grid: _Grid, asked: Asked) -> tuple[Clusters | None, str | None]:
    if rows.cluster is None:
        return None, None
    assert rows.example is not None
    told = asked.cluster is not None
    missing = rows.cluster.missing
    if missing.any():
        if not told:
            return None, None
        raise InputError(f"{rows.where(missing)}: {asked.cluster} is empty (--cluster)")
    codes = rows.cluster.codes[grid.place]
    if (codes != codes[0]).any():
        line, column = (int(each) for each in np.argwhere(codes != codes[0])[0])
        if not told:
            return None, None
        row = np.array([grid.place[line, column]])
        raise InputError(
            f"{rows.where(row)}: another {asked.cluster} (--cluster) than the same example has elsewhere; an example lies in one cluster"
        )
    clusters = Clusters.by_label(codes[0].tolist())
    if clusters.singles or (clusters.n_clusters < 2 and not told):
        return None, None
    said = f"{clusters.n_examples} examples in {clusters.n_clusters} clusters"
    return clusters, said + ("" if told else "; --cluster none takes examples as independent")


def _unit(metric: str, tables: dict[str, ArmTable], rows: Rows) -> Unit:
    """The metric's name tells whether it is a share; the scores tell in which unit. Seeds of which some lie within 1 and
    others far above it are in two units."""
    if is_share(metric) is False:
        return "own"
    sizes: Floats = np.abs(np.concatenate([arm.seed_scores for arm in tables.values()]))
    small, large = sizes[(sizes > 0.0) & (sizes <= 1.0)], sizes[sizes > 1.0]
    if (
        small.size
        and large.size
        and float(np.median(large)) > _MIXED * float(np.median(small))
        and sizes.max() <= 100.0
    ):
        few = set((small if small.size <= large.size else large).tolist())
        odd = {
            (arm.name, seed)
            for arm in tables.values()
            for seed, value in zip(arm.seeds, arm.seed_scores.tolist(), strict=True)
            if abs(value) in few
        }
        chosen = np.array([row for row in range(len(rows)) if (rows.arm.text(row), rows.seed.text(row)) in odd])
        raise InputError(
            f"{rows.where(chosen)}: in another unit than the others? Scores of seeds lie around {np.median(small):.3g} and around "
            f"{np.median(large):.3g}; give all as fractions or all in percent (or, if they are right, state --unit)"
        )
    largest = max((float(np.abs(arm.scores).max(initial=0.0)) for arm in tables.values()), default=0.0)
    return "fraction" if largest <= 1.0 else "percent" if largest <= 100.0 else "own"


def _of_summaries(
    published: Mapping[str, Summary], evidence: Published, task: str | None, asked: Asked, arms: Sequence[str] | None
) -> ScoreTable:
    for name in arms or ():
        if name not in published:
            raise InputError(f"no arm {name!r}; arms: {', '.join(published)}")
    kept = {name: published[name] for name in (arms or published)}
    metric = asked.metric or evidence.metric or "score"
    direction = asked.direction or direction_of(metric) or "higher"
    sign = 1.0 if direction == "higher" else -1.0
    tables = {name: ArmTable(name, tuple(map(str, range(each.n))), sign * each.scores()) for name, each in kept.items()}
    largest = max(abs(each.mean) for each in kept.values())
    guessed: Unit = "fraction" if largest <= 1.0 else "percent" if largest <= 100.0 else "own"
    unit = asked.unit or ("own" if is_share(metric) is False else guessed)
    return ScoreTable(tables, None, metric, unit, None, direction, None, task, evidence.notices, kept)
