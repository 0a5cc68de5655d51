"""Tables of JSON and Parquet: an array of objects, an object a line, columns, arms with their seeds."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from seedwise.errors import InputError
from seedwise.scores.frame import ArrowColumn, Column, Frame, ListColumn, frame_of_lists, frame_of_records
from seedwise.scores.readers.content import Content, is_deep, load_json
from seedwise.scores.roles import NAMES, plain

_CHECKED = 8 << 20
_LOOKED_AT = 200  # lines that tell which keys hold text
_MOST_KEYS = 60  # of nested values that become columns
_SEED = re.compile(r"(?:seed|run|trial|rep|repeat|replicate|split|fold|s|r)?[ _\-.=#]?\d+", re.IGNORECASE)
_KNOWN = frozenset(name for names in NAMES.values() for name in names)


def read_json_lines(content: Content) -> Frame:
    """A frame of an object a line. A file whose keys keep their types goes through Arrow's reader, any other line by line."""
    data = content.utf8()
    return _by_arrow(content.name, data) or _by_line(content)


def _by_arrow(name: str, data: bytes) -> Frame | None:
    """None where Arrow stumbles or might take a value for another, so that lines are read one by one."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.json as pj  # type: ignore[import-untyped]

    types: dict[str, Any] = {}
    first = data[: 1 << 20].split(b"\n")[:-1][:_LOOKED_AT]
    if len(first) < _LOOKED_AT or is_deep(data):
        return None  # small, or nested deeply: read line by line
    for line in first:
        try:
            record = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            return None
        if not isinstance(record, dict):
            return None
        for key, value in record.items():
            if isinstance(value, str):
                types[key] = pa.string()  # a text that looks like a date stays one
            elif isinstance(value, dict | list):
                return None
    try:
        found = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(block_size=1 << 24),
            parse_options=pj.ParseOptions(explicit_schema=pa.schema(types), newlines_in_values=False),
        )
    except (pa.ArrowException, OSError):
        return None
    if any(pa.types.is_temporal(field.type) or pa.types.is_nested(field.type) for field in found.schema):
        return None
    columns: dict[str, Column] = {label: ArrowColumn(found[label]) for label in found.column_names}
    return Frame(name, columns, found.num_rows, _filled_lines(data))


def _filled_lines(data: bytes) -> Callable[[], Sequence[int]]:
    found: list[int] = []

    def lines() -> Sequence[int]:
        if not found:
            found.extend(number for number, line in enumerate(io.BytesIO(data), 1) if line.strip())
        return found

    return lines


def _by_line(content: Content) -> Frame:
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    text = content.text()
    load = partial(load_json, name=content.name)
    if len(text) > _CHECKED and not is_deep(content.data):  # too many to look at every key
        load = partial(load_json, name=content.name, checked=False)
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip().removesuffix(",")
        if not line:
            continue
        try:
            record = load(line, line=number)
        except json.JSONDecodeError as error:
            raise InputError(f"{content.name}: line {number} is not JSON ({error.msg})") from None
        if not isinstance(record, dict):
            raise InputError(f"{content.name}: line {number} is no JSON object; give one object a line")
        records.append(record)
        numbers.append(number)
    return frame_of_records(content.name, records, numbers)


def read_parquet(content: Content) -> Frame:
    import pyarrow as pa
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        table = pq.read_table(pa.BufferReader(content.data))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{content.name}: cannot be read as Parquet ({error})") from None
    n = table.num_rows
    columns: dict[str, Column] = {
        name: ArrowColumn(table[name]) for name in table.column_names if not name.startswith("__index_level_") and name
    }
    return Frame(content.name, columns, n, lambda: range(1, n + 1))


def read_document(name: str, document: Any) -> Frame:
    """A frame of a whole JSON document, in any of the shapes that a table is written in."""
    for shape in (_records, _split, _columns, _arms):
        frame = shape(name, document)
        if frame is not None:
            return frame
    if isinstance(document, list):
        raise InputError(f"{name}: an array of objects is needed, a row each")
    raise InputError(
        f"{name}: no kind of JSON that is known; give an array of objects, a row each, or one object a line (.jsonl)"
    )


def _records(name: str, document: Any) -> Frame | None:
    """An array of objects, alone or as the one such value of an object; an array of rows under a row of names."""
    if isinstance(document, dict):
        lists = list(_lists_in(document))
        if len(lists) > 1:  # those with columns that are known by name
            lists = [each for each in lists if sum(plain(str(key)) in _KNOWN for key in each[0]) > 1]
        return frame_of_records(name, lists[0]) if len(lists) == 1 else None
    if _are_records(document):
        return frame_of_records(name, document)
    if (
        isinstance(document, list)
        and len(document) > 1
        and all(isinstance(row, list) and len(row) == len(document[0]) for row in document)
        and all(isinstance(label, str) for label in document[0])
    ):
        return frame_of_lists(name, dict(zip(document[0], zip(*document[1:], strict=True), strict=True)))
    return None


def _lists_in(document: Mapping[str, Any], depth: int = 0) -> Iterator[list[dict[str, Any]]]:
    for value in document.values():
        if _are_records(value):
            yield value
        elif isinstance(value, dict) and depth < 3:
            yield from _lists_in(value, depth + 1)


def _are_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _split(name: str, document: Any) -> Frame | None:
    """Names of columns beside rows of cells, as pandas splits a frame and MLflow writes its evaluation tables."""
    if not isinstance(document, dict):
        return None
    names, rows = document.get("columns"), document.get("data")
    if not (isinstance(names, list) and isinstance(rows, list) and rows):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    return frame_of_lists(name, dict(zip(map(str, names), zip(*rows, strict=True), strict=True)))


def _columns(name: str, document: Any) -> Frame | None:
    """Columns as lists, or as pandas' objects of rows; at least one has a name that a column has."""
    if not isinstance(document, dict) or not document or not any(plain(str(key)) in _KNOWN for key in document):
        return None
    values = list(document.values())
    if all(isinstance(value, dict) for value in values):
        keys = list(values[0])
        if not keys or any(list(value) != keys for value in values):
            return None
        return frame_of_lists(name, {key: list(value.values()) for key, value in document.items()})
    if all(isinstance(value, list) and value and len(value) == len(values[0]) for value in values):
        return frame_of_lists(name, document)
    return None


def _arms(name: str, document: Any) -> Frame | None:
    """Arms with their scores: a list of seeds, lists of examples under seeds, seeds by name with a score or several; or the
    same by task, where the names are no seeds."""
    if not isinstance(document, Mapping) or len(document) < 2 or _SEED.fullmatch(str(next(iter(document)))):
        return None
    records: list[dict[str, Any]] = []
    for arm, seeds in document.items():
        if not isinstance(seeds, list | Mapping) or not seeds:
            return None
        for key, value in seeds.items() if isinstance(seeds, Mapping) else enumerate(seeds):
            of_seed = not isinstance(seeds, Mapping) or _SEED.fullmatch(str(key)) is not None
            whose = {"arm": arm, "seed" if of_seed else "task": key}
            if isinstance(value, Mapping) and value:
                if not all(_is_score(each) for each in value.values()):
                    return None
                records.append({**whose, **value})
            elif isinstance(value, list) and value and all(_is_score(each) for each in value):
                inner = "example" if of_seed else "seed"
                records += [{**whose, inner: i, "score": each} for i, each in enumerate(value)]
            elif _is_score(value):
                records.append({**whose, "score": value})
            else:
                return None
    made = frame_of_records(name, records)
    return replace(made, notes=("arms with their seeds: the keys are taken as arms",))


def _is_score(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def flatten(frame: Frame) -> Frame:
    """`frame` with what lies in nested objects as columns of dotted names, beside the rest."""
    columns: dict[str, Column] = {}
    for name, column in frame.columns.items():
        columns[name] = column
        if isinstance(column, ListColumn):
            found: dict[str, list[Any]] = {}
            values = column.values()
            if any(isinstance(value, Mapping) for value in values):
                _spread(name, values, found)
            if 0 < len(found) <= _MOST_KEYS:
                del columns[name]
                columns.update({key: ListColumn(each) for key, each in found.items() if key not in frame.columns})
    return frame if list(columns) == list(frame.columns) else replace(frame, columns=columns)


def _spread(prefix: str, values: Sequence[Any], found: dict[str, list[Any]], depth: int = 0) -> None:
    keys = dict.fromkeys(key for value in values if isinstance(value, Mapping) for key in value)
    for key in keys:
        inner = [value.get(key) if isinstance(value, Mapping) else None for value in values]
        name = f"{prefix}.{key}"
        if len(found) <= _MOST_KEYS and depth < 3 and any(isinstance(value, Mapping) for value in inner):
            _spread(name, inner, found, depth + 1)
        else:
            found[name] = inner
