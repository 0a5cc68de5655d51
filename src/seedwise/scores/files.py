"""Scores read from files: CSV, TSV, JSONL, Parquet, sample logs of lm-evaluation-harness, prediction files of the contract."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seedwise.errors import InputError
from seedwise.scores.metrics import OF_LABELS, PERPLEXITY
from seedwise.scores.rows import Row, as_text, name_rows, some

KNOWN = ("arm", "seed", "example", "score", "prediction", "label", "loss", "tokens")
FORMATS = ".csv, .tsv, .jsonl, .ndjson or .parquet"


def read_table(path: Path, metric: str | None) -> list[Row]:
    """Rows of a file with the columns arm, seed, perhaps example, and what a score is made of."""
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
    column = named or ("score" if "score" in columns else None)
    example = "example" if "example" in columns else None
    if column is None and example is None:
        _refuse_scoreless(path, columns, metric)
        raise InputError(
            f"{path}: prediction and label (or loss and tokens) need a column example that says which row of the test set it is"
        )
    _refuse_empty(path, records, ["arm", "seed", *([example] if example else [])])
    names = [(as_text(record["arm"]), as_text(record["seed"])) for _, record in records]
    return _scored(path, records, columns, metric, column, names, example)


def read_log(path: Path, arm: str, seed: str, metric: str | None) -> list[Row]:
    """One file of one seed of one arm, its examples by `doc_id`, `example` or `id`."""
    records = list(_records(path))
    columns = list(dict.fromkeys(name for _, record in records for name in record))
    filters = sorted({as_text(record["filter"]) for _, record in records if "filter" in record})
    if len(filters) > 1:
        raise InputError(f"{path}: holds the answers of the filters {', '.join(filters)}; keep the rows of one of them")
    key = next((name for name in ("doc_id", "example", "id") if name in columns), None)
    if key is None:
        raise InputError(f"{path}: no doc_id, example or id; as ARM=FILE a file holds one seed, a row an example")
    if "scores" in columns and "label" in columns and "prediction" not in columns:
        records = [(number, record | {"prediction": _best(record.get("scores"))}) for number, record in records]
        columns = [*columns, "prediction"]
    _refuse_empty(path, records, [key])
    made = {"prediction", "label"} <= set(columns) or {"loss", "tokens"} <= set(columns)
    column: str | None = None
    if metric is not None and metric in columns:
        column = metric
    elif metric is None and not ("prediction" in columns and "label" in columns):
        listed = {as_text(name) for _, record in records for name in record.get("metrics") or []}
        found = sorted(listed) or sorted(set(columns) & {"score"})
        if len(found) != 1:
            raise InputError(f"{path}: say which metric to compare with --metric; found {', '.join(found) or 'none'}")
        column = found[0]
    elif metric is not None and not made:
        raise InputError(f"{path}: no key {metric!r}; found {', '.join(sorted(columns))}")
    return _scored(path, records, columns, metric, column, [(arm, seed)] * len(records), key)


def _scored(
    path: Path,
    records: list[tuple[int, dict[str, Any]]],
    columns: Sequence[str],
    metric: str | None,
    column: str | None,
    names: Sequence[tuple[str, str]],
    example: str | None,
) -> list[Row]:
    """Rows with their score: from `column`, or else made of prediction and label, or of loss and tokens."""
    ids = [as_text(record[example]) if example else None for _, record in records]
    numbered = zip(records, names, ids, strict=True)
    if column is not None:
        scores = _numbers(path, records, column)
        return [
            Row(str(path), number, arm, seed, known, score)
            for ((number, _), (arm, seed), known), score in zip(numbered, scores, strict=True)
        ]
    if metric == PERPLEXITY:
        _refuse_missing(path, columns, ("loss", "tokens"), metric)
        losses, tokens = _numbers(path, records, "loss"), _numbers(path, records, "tokens")
        empty = [number for (number, _), count in zip(records, tokens, strict=True) if count < 1]
        if empty:
            raise InputError(f"{path}: {name_rows(empty)}: tokens is under 1; leave out examples without any")
        return [
            Row(str(path), number, arm, seed, known, -loss, tokens=count)
            for ((number, _), (arm, seed), known), loss, count in zip(numbered, losses, tokens, strict=True)
        ]
    _refuse_scoreless(path, columns, metric)
    if metric is not None and metric not in OF_LABELS:
        raise InputError(
            f"{path}: of prediction and label {', '.join(OF_LABELS)} are made; for {metric} give its value per seed as score"
        )
    _refuse_empty(path, records, ["prediction", "label"])
    _refuse_foreign_predictions(path, records)
    answers = [(as_text(record["prediction"]), as_text(record["label"])) for _, record in records]
    return [
        Row(str(path), number, arm, seed, known, float(said == label), label, said)
        for ((number, _), (arm, seed), known), (said, label) in zip(numbered, answers, strict=True)
    ]


def _refuse_scoreless(path: Path, columns: Sequence[str], metric: str | None) -> None:
    if metric != PERPLEXITY and not {"prediction", "label"} <= set(columns):
        raise InputError(f"{path}: no score; give a column score, or prediction and label; found {', '.join(columns)}")


def _refuse_missing(path: Path, columns: Sequence[str], wanted: Sequence[str], metric: str) -> None:
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise InputError(
            f"{path}: {metric} is made of {' and '.join(wanted)}; no column {' and '.join(map(repr, missing))}"
        )


def _best(scores: object) -> object:
    """The class of the highest score, the first of equal ones; None where there are none."""
    return scores.index(max(scores)) if isinstance(scores, list) and scores else None


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


def _refuse_empty(path: Path, records: list[tuple[int, dict[str, Any]]], columns: Sequence[str]) -> None:
    for name in columns:
        rows = [number for number, record in records if (value := record.get(name)) is None or as_text(value) == ""]
        if rows:
            raise InputError(f"{path}: {name_rows(rows)}: {name} is empty")


def _refuse_foreign_predictions(path: Path, records: list[tuple[int, dict[str, Any]]]) -> None:
    predictions, labels = ({as_text(record[name]) for _, record in records} for name in ("prediction", "label"))
    if predictions.isdisjoint(labels):
        raise InputError(
            f"{path}: no prediction is among the labels: predictions {some(sorted(predictions), 4)}; labels "
            f"{some(sorted(labels), 4)}; write both in the same way"
        )


def _numbers(path: Path, records: list[tuple[int, dict[str, Any]]], column: str) -> list[float]:
    values = [_number(record.get(column)) for _, record in records]
    wrong = [number for (number, _), value in zip(records, values, strict=True) if value is None]
    if wrong:
        found = sorted({as_text(record[column]) for number, record in records if number in wrong})
        raise InputError(f"{path}: {name_rows(wrong)}: {column} is no number: {some(found, 4)}")
    numbers = [value for value in values if value is not None]
    bad = [number for (number, _), value in zip(records, numbers, strict=True) if not math.isfinite(value)]
    if bad:
        raise InputError(
            f"{path}: {name_rows(bad)}: {column} is empty or not finite; give a diverged run the score that its predictions have, or "
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
