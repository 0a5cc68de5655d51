"""Scores from any system: read from CSV, JSONL or Parquet, checked, and laid out by arm, seed and example.

A file holds `arm`, `seed` and `score` (a row a seed), or `arm`, `seed`, `example` and either `score` or `prediction`
and `label` (a row an example). A file given as `ARM=FILE` is one seed of that arm, and may be a sample log of
lm-evaluation-harness (JSONL with `doc_id` and a metric's key). Faults name the file and the rows.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seedwise.errors import InputError

KNOWN = ("arm", "seed", "example", "score", "prediction", "label")
FORMATS = ".csv, .tsv, .jsonl, .ndjson or .parquet"
Unit = Literal["fraction", "percent", "own"]

# A score of one unit among scores of the other is off by a factor of 100; collapsed runs are rarely off by so much.
_MIXED = 20.0
_WHOLE = re.compile(r"^(-?\d+)\.0+$")


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
    """Arms in the order in which they first appear; with `examples`, column i is the same example in every arm."""

    arms: dict[str, ArmTable]
    examples: tuple[str, ...] | None
    metric: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class _Row:
    file: Path
    number: int
    arm: str
    seed: str
    example: str | None
    score: float
    label: str | None


def read_scores(
    sources: Sequence[str], metric: str | None = None, arms: Sequence[str] | None = None, unit: Unit | None = None
) -> ScoreTable:
    """The scores in `sources` (`FILE` or `ARM=FILE`), of `arms` only where given.

    `metric` names the score's column where that is not `score`, and the metric in what is printed. `unit` is guessed
    from the scores (all within 0 and 1: fraction; within -100 and 100: percent) and mixed units are refused; stated, it is
    taken at its word. Raises InputError.
    """
    rows: list[_Row] = []
    for index, source in enumerate(sources):
        arm, path = _split(source)
        rows.extend(_read_log(path, arm, f"{path.stem}#{index}", metric) if arm else _read_table(path, metric))
    present = list(dict.fromkeys(row.arm for row in rows))
    wanted = list(dict.fromkeys(arms)) if arms else present
    for name in wanted:
        if name not in present:
            raise InputError(f"{_files(rows)}: no arm {name!r}; arms: {', '.join(present) or 'none'}")
    rows = [row for row in rows if row.arm in wanted]
    if len({row.example is None for row in rows}) > 1:
        raise InputError(f"{_files(rows)}: some files hold a row a seed and others a row an example; give one kind")
    _refuse_duplicates(rows)
    _refuse_changed_labels(rows)
    examples = None if not rows or rows[0].example is None else tuple(dict.fromkeys(row.example or "" for row in rows))
    tables = {name: _arm_table(name, [row for row in rows if row.arm == name], examples) for name in wanted}
    if metric is None:
        metric = "accuracy" if rows and rows[0].label is not None else "score"
    return ScoreTable(tables, examples, metric, unit or _guess_unit(tables, rows))


def _split(source: str) -> tuple[str | None, Path]:
    arm, equals, path = source.partition("=")
    if equals and not Path(source).exists():
        return arm, Path(path)
    return None, Path(source)


def _read_table(path: Path, metric: str | None) -> list[_Row]:
    records = list(_records(path))
    if not records:
        raise InputError(f"{path}: holds no rows; arm, seed and score are needed at least")
    columns = list(dict.fromkeys(name for _, record in records for name in record))
    named = metric if metric in columns and metric not in KNOWN else None
    unknown = [name for name in columns if name not in KNOWN]
    if unknown and named is None:
        raise InputError(
            f"{path}: unknown column {', '.join(map(repr, unknown))}; known are {', '.join(KNOWN)}. Rename or remove it, "
            "or name the column that holds the score with --metric"
        )
    if "doc_id" in columns and "arm" not in columns:
        raise InputError(
            f"{path}: looks like a sample log of lm-evaluation-harness; give it as ARM={path}, a file a seed"
        )
    missing = [name for name in ("arm", "seed") if name not in columns]
    if missing:
        raise InputError(f"{path}: no column {' and '.join(map(repr, missing))}; found {', '.join(map(repr, columns))}")
    from_labels = named is None and "score" not in columns
    if from_labels and not {"prediction", "label"} <= set(columns):
        raise InputError(f"{path}: no score; give a column score, or prediction and label; found {', '.join(columns)}")
    if from_labels and metric not in (None, "accuracy"):
        raise InputError(
            f"{path}: from prediction and label only accuracy is computed; for {metric} give its value per seed as score"
        )
    if from_labels and "example" not in columns:
        raise InputError(
            f"{path}: prediction and label need a column example that says which row of the test set it is"
        )
    keys = [
        "arm",
        "seed",
        *(["example"] if "example" in columns else []),
        *(["prediction", "label"] if from_labels else []),
    ]
    _refuse_empty(path, records, keys)
    if from_labels:
        _refuse_foreign_predictions(path, records)
    scores = None if from_labels else _numbers(path, records, named or "score")
    return [
        _Row(
            file=path,
            number=number,
            arm=_text(record["arm"]),
            seed=_text(record["seed"]),
            example=_text(record["example"]) if "example" in columns else None,
            score=float(_text(record["prediction"]) == _text(record["label"])) if scores is None else scores[index],
            label=_text(record["label"]) if from_labels else None,
        )
        for index, (number, record) in enumerate(records)
    ]


def _read_log(path: Path, arm: str, seed: str, metric: str | None) -> list[_Row]:
    """One file of one seed of one arm, its examples by `doc_id` (or `example`)."""
    records = list(_records(path))
    columns = {name for _, record in records for name in record}
    filters = sorted({_text(record["filter"]) for _, record in records if "filter" in record})
    if len(filters) > 1:
        raise InputError(f"{path}: holds the answers of the filters {', '.join(filters)}; keep the rows of one of them")
    key = "doc_id" if "doc_id" in columns else "example"
    if key not in columns:
        raise InputError(f"{path}: no doc_id and no example; as ARM=FILE a file holds one seed, a row an example")
    if metric is None:
        listed = {_text(name) for _, record in records for name in record.get("metrics") or []}
        found = sorted(listed) or sorted(columns & {"score"})
        if len(found) != 1:
            raise InputError(f"{path}: say which metric to compare with --metric; found {', '.join(found) or 'none'}")
        metric = found[0]
    elif metric not in columns:
        raise InputError(f"{path}: no key {metric!r}; found {', '.join(sorted(columns))}")
    _refuse_empty(path, records, [key])
    scores = _numbers(path, records, metric)
    return [
        _Row(path, number, arm, seed, _text(record[key]), score, None)
        for (number, record), score in zip(records, scores, strict=True)
    ]


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with their numbers: the line in the file, or for Parquet the row, counted from 1."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; give scores as {FORMATS}")
    suffix = path.suffix.lower()
    try:
        if suffix in (".csv", ".tsv"):
            yield from _read_csv(path, "\t" if suffix == ".tsv" else ",")
        elif suffix in (".jsonl", ".ndjson"):
            yield from _read_jsonl(path)
        elif suffix == ".parquet":
            yield from _read_parquet(path)
        else:
            raise InputError(f"{path}: unknown kind of file; give scores as {FORMATS}")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start})") from None


def _read_csv(path: Path, delimiter: str) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        header = [name.strip() for name in next(reader, [])]
        if len(set(header)) < len(header):
            raise InputError(f"{path}: a column's name is there twice: {', '.join(header)}")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{path}: line {reader.line_num} has {len(cells)} cells where the header has {len(header)}"
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))


def _read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{path}: line {number} is not JSON ({error.msg})") from None
            if not isinstance(record, dict):
                raise InputError(f"{path}: line {number} is no JSON object; give one object a line")
            yield number, record


def _read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow  # type: ignore[import-untyped]  # slow to import, and needed here only
    import pyarrow.parquet  # type: ignore[import-untyped]

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error})") from None
    yield from enumerate(table.to_pylist(), 1)


def _text(value: object) -> str:
    """A name, a seed or a label as text: 3, 3.0, "3" and "3.0" are one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _WHOLE.sub(r"\1", " ".join(str(value).split()))


def _refuse_empty(path: Path, records: list[tuple[int, dict[str, Any]]], columns: Sequence[str]) -> None:
    for name in columns:
        rows = [number for number, record in records if (value := record.get(name)) is None or _text(value) == ""]
        if rows:
            raise InputError(f"{path}: {_rows(rows)}: {name} is empty")


def _refuse_foreign_predictions(path: Path, records: list[tuple[int, dict[str, Any]]]) -> None:
    predictions, labels = ({_text(record[name]) for _, record in records} for name in ("prediction", "label"))
    if predictions.isdisjoint(labels):
        raise InputError(
            f"{path}: no prediction is among the labels: predictions {_some(sorted(predictions), 4)}; labels "
            f"{_some(sorted(labels), 4)}; write both in the same way"
        )


def _numbers(path: Path, records: list[tuple[int, dict[str, Any]]], column: str) -> list[float]:
    values = [_number(record.get(column)) for _, record in records]
    wrong = [number for (number, _), value in zip(records, values, strict=True) if value is None]
    if wrong:
        raise InputError(f"{path}: {_rows(wrong)}: {column} is no number")
    numbers = [value for value in values if value is not None]
    bad = [number for (number, _), value in zip(records, numbers, strict=True) if not math.isfinite(value)]
    if bad:
        raise InputError(
            f"{path}: {_rows(bad)}: {column} is not finite; give a diverged run the score that its predictions have, or "
            "leave out the whole run and say so"
        )
    return numbers


def _number(value: object) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _refuse_duplicates(rows: list[_Row]) -> None:
    seen: dict[tuple[str, str, str | None], _Row] = {}
    twice: list[_Row] = []
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
        f"{row.file}: {_rows([each.number for each in twice if each.file == row.file])}: there already; {what} is also in "
        f"{'row' if first.file == row.file else f'{first.file}, row'} {first.number}{hint}"
    )


def _refuse_changed_labels(rows: list[_Row]) -> None:
    labels: dict[str | None, _Row] = {}
    wrong = [row for row in rows if row.label is not None and labels.setdefault(row.example, row).label != row.label]
    if wrong:
        row, first = wrong[0], labels[wrong[0].example]
        raise InputError(
            f"{row.file}: {_rows([each.number for each in wrong if each.file == row.file])}: another label than the same "
            f"example has elsewhere; example {row.example} is {row.label} here and {first.label} in row {first.number} of {first.file}"
        )


def _arm_table(name: str, rows: list[_Row], examples: tuple[str, ...] | None) -> ArmTable:
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
                f"{_files(rows)}: arm {name}, seed {seed} (from row {min(r.number for r in rows if r.seed == seed)}) lacks "
                f"{len(missing)} of the {len(examples)} examples that others have: {_some(missing)}; arms are compared on the same "
                "examples only"
            )
    return ArmTable(name, seeds, scores)


def _guess_unit(tables: dict[str, ArmTable], rows: list[_Row]) -> Unit:
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
        raise InputError(
            f"{numbers[0].file}: {_rows([row.number for row in numbers if row.file == numbers[0].file])}: in another unit than the "
            f"others? Scores of seeds lie around {np.median(small):.3g} and around {np.median(large):.3g}; give all as "
            "fractions or all in percent (or, if they are right, state --unit)"
        )
    largest = max((float(np.abs(arm.scores).max(initial=0.0)) for arm in tables.values()), default=0.0)
    return "fraction" if largest <= 1.0 else "percent" if largest <= 100.0 else "own"


def _rows(numbers: Sequence[int]) -> str:
    return ("row " if len(numbers) == 1 else "rows ") + _some(map(str, numbers))


def _some(items: Iterable[str], limit: int = 8) -> str:
    listed = list(items)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def _files(rows: Iterable[_Row]) -> str:
    return _some(dict.fromkeys(str(row.file) for row in rows), 3) or "the scores"
