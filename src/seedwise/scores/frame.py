"""A table as it was read: columns of text or of values, and where each row stands in its file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from seedwise.scores.rows import Coded, Floats, Ints, Mask

_TRUE = frozenset({"true", "t", "yes", "y", "correct", "c", "pass", "passed", "right"})
_FALSE = frozenset({"false", "f", "no", "incorrect", "i", "fail", "failed", "wrong", "n"})
_PARTLY = frozenset({"p", "partial"})
_EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none", "-nan", "<na>"})

_GROUPED = re.compile(r"[-+]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:,\d{3})+\.\d+)")
_UNCLEAN = r"  |[\n\t]|^[+-]?[0-9]+\.0+$|^$"  # what as_text would change, and texts that are none


def number_of(value: object) -> float | None:
    """A score: a number, a share in percent, true or false, inspect_ai's C, I, P, N; NaN where there is none, None for text.

    A decimal comma is read (81,2). 1,234 could be either and is taken for text.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool | int | float | np.generic):
        return float(value)
    if not isinstance(value, str):
        return None
    text = value.strip().replace("−", "-")
    low = text.casefold()
    if low in _EMPTY:
        return math.nan
    if low in _TRUE:
        return 1.0
    if low in _FALSE:
        return 0.0
    if low in _PARTLY:
        return 0.5
    if low.endswith("%"):
        low = low[:-1].strip()
    try:
        return float(low)
    except ValueError:
        pass
    if _GROUPED.fullmatch(low):  # 1.234,5 or 1,234.5: only one of the marks can be the decimal one
        return (
            float(low.replace(".", "").replace(",", "."))
            if low.rindex(",") > low.rindex(".")
            else float(low.replace(",", ""))
        )
    whole, comma, part = low.partition(",")
    if comma and part.isdigit() and whole.lstrip("+-").isdigit() and (len(part) != 3 or whole.lstrip("+-") == "0"):
        return float(f"{whole}.{part}")
    return None


class Column:
    """Values of a column; `texts` as names, `numbers` as scores with the rows that are none."""

    def texts(self) -> Coded:
        raise NotImplementedError

    def numbers(self) -> tuple[Floats, Mask]:
        raise NotImplementedError

    def take(self, rows: Ints) -> Column:
        raise NotImplementedError

    def values(self) -> Sequence[Any]:
        raise NotImplementedError


class ListColumn(Column):
    """Python values."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def texts(self) -> Coded:
        return Coded.of(
            json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value for value in self._values
        )

    def numbers(self) -> tuple[Floats, Mask]:
        known: dict[str, float | None] = {}
        found: list[float | None] = []
        for value in self._values:
            if isinstance(value, str):
                if value not in known:
                    known[value] = number_of(value)
                found.append(known[value])
            else:
                found.append(number_of(value))
        wrong = np.array([value is None for value in found], dtype=np.bool_)
        return np.array([math.nan if value is None else value for value in found], dtype=np.float64), wrong

    def take(self, rows: Ints) -> Column:
        return ListColumn([self._values[int(row)] for row in rows])

    def values(self) -> Sequence[Any]:
        return self._values


class CodedColumn(Column):
    """Few texts in many rows."""

    def __init__(self, coded: Coded) -> None:
        self._coded = coded

    def texts(self) -> Coded:
        return self._coded

    def numbers(self) -> tuple[Floats, Mask]:
        values, wrong = ListColumn(self._coded.names).numbers()
        codes = self._coded.codes
        return np.append(values, math.nan)[codes], np.append(wrong, False)[codes]

    def take(self, rows: Ints) -> Column:
        return CodedColumn(self._coded.take(rows))

    def values(self) -> Sequence[Any]:
        return [self._coded.text(row) or None for row in range(self._coded.codes.size)]


class ArrowColumn(Column):
    """A column of an Arrow table; names and texts are looked at once each."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self._dictionary: Any = None

    def texts(self) -> Coded:
        import pyarrow as pa  # type: ignore[import-untyped]

        if pa.types.is_nested(self.array.type):
            return ListColumn(self.values()).texts()
        encoded = self._encoded()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        codes = (
            np.where(np.isnan(codes), -1, codes).astype(np.intp) if codes.dtype.kind == "f" else codes.astype(np.intp)
        )
        names = _clean_names(encoded.dictionary)
        if names is not None:
            return Coded(codes, names)
        table = Coded.of(encoded.dictionary.to_pylist())
        return Coded(np.concatenate([table.codes, [-1]])[codes].astype(np.intp), table.names)

    def numbers(self) -> tuple[Floats, Mask]:
        import pyarrow as pa
        import pyarrow.compute as pc  # type: ignore[import-untyped]

        kind = self.array.type
        if pa.types.is_nested(kind):
            return ListColumn(self.values()).numbers()
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            floats = pc.cast(self.array, pa.float64()).to_numpy(zero_copy_only=False)
            return np.asarray(floats, dtype=np.float64), np.zeros(len(floats), dtype=np.bool_)
        encoded = self._encoded()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        codes = (
            np.where(np.isnan(codes), -1, codes).astype(np.intp) if codes.dtype.kind == "f" else codes.astype(np.intp)
        )
        found = [number_of(value) for value in encoded.dictionary.to_pylist()]
        values = np.array([*(math.nan if value is None else value for value in found), math.nan], dtype=np.float64)
        wrong = np.array([*(value is None for value in found), False], dtype=np.bool_)
        return values[codes], wrong[codes]

    def take(self, rows: Ints) -> Column:
        import pyarrow as pa

        return ArrowColumn(self.array.take(pa.array(rows)))

    def values(self) -> Sequence[Any]:
        found: list[Any] = self.array.to_pylist()
        return found

    def _encoded(self) -> Any:
        if self._dictionary is None:
            self._dictionary = self._encode()
        return self._dictionary

    def _encode(self) -> Any:
        import pyarrow as pa

        array = self.array.combine_chunks() if isinstance(self.array, pa.ChunkedArray) else self.array
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
        return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def stacked(columns: Sequence[Column]) -> tuple[Column, Mask]:
    """The values of `columns` one after another, and which of them are there at all."""
    if all(isinstance(column, ArrowColumn) for column in columns):
        import pyarrow as pa
        import pyarrow.compute as pc

        arrays = [column.array for column in columns if isinstance(column, ArrowColumn)]
        if len({array.type for array in arrays}) == 1 and not pa.types.is_nested(arrays[0].type):
            chunks = [
                chunk for array in arrays for chunk in (array.chunks if isinstance(array, pa.ChunkedArray) else [array])
            ]
            whole = pa.chunked_array(chunks, arrays[0].type)
            empty = pc.is_null(whole)
            if pa.types.is_string(whole.type) or pa.types.is_large_string(whole.type):
                empty = pc.or_(empty, pc.equal(pc.utf8_trim_whitespace(pc.fill_null(whole, "")), ""))
            return ArrowColumn(whole), ~np.asarray(empty.to_numpy(), dtype=np.bool_)
    values = [value for column in columns for value in column.values()]
    there = [value is not None and (not isinstance(value, str) or bool(value.strip())) for value in values]
    return ListColumn(values), np.array(there, dtype=np.bool_)


def _clean_names(values: Any) -> tuple[str, ...] | None:
    """Distinct texts or whole numbers that are names as they stand (see `as_text`); None where one of them is not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if values.null_count:
        return None
    if pa.types.is_integer(values.type):
        return tuple(pc.cast(values, pa.string()).to_pylist())
    if not pa.types.is_string(values.type) or not len(values):
        return None
    trimmed = pc.not_equal(pc.utf8_trim_whitespace(values), values)
    if pc.any(pc.or_(trimmed, pc.match_substring_regex(values, _UNCLEAN))).as_py():
        return None
    return tuple(values.to_pylist())


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One table of one source.

    `lines()` are the numbers of its rows in the file: lines, or rows counted from 1. `kind` is the format in words. `arm`,
    `seed`, `task` are those that the whole file stands for, where the format or the command line says so; `lacks` says
    what a recognised format does not hold, for the fault that then follows; `notes` is what a reader of the verdict should know, and
    `digest` the sha256 of the file, where there is one. `of_folder`: the folder's name, not the file's, tells arm and seed.
    """

    source: str
    columns: Mapping[str, Column]
    n: int
    lines: Callable[[], Sequence[int]]
    kind: str = "table"
    arm: str | None = None
    seed: str | None = None
    task: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    lacks: str | None = None
    notes: tuple[str, ...] = ()
    digest: str | None = None
    of_folder: bool = False

    def take(self, rows: Ints) -> Frame:
        lines = self.lines
        return replace(
            self,
            columns={name: column.take(rows) for name, column in self.columns.items()},
            n=len(rows),
            lines=lambda: [lines()[int(row)] for row in rows],
        )


def frame_of_records(
    source: str, records: Sequence[Mapping[str, Any]], lines: Sequence[int] | None = None, **more: Any
) -> Frame:
    """A frame of dicts; a key that a record lacks is empty there."""
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: ListColumn([record.get(name) for record in records]) for name in names}
    numbers = list(range(1, len(records) + 1)) if lines is None else lines
    return Frame(source, columns, len(records), lambda: numbers, **more)


def frame_of_lists(source: str, columns: Mapping[str, Iterable[Any]], **more: Any) -> Frame:
    listed = {name: ListColumn(list(values)) for name, values in columns.items()}
    n = len(next(iter(listed.values())).values()) if listed else 0
    return Frame(source, listed, n, lambda: range(1, n + 1), **more)


def reach(value: Any, keys: Sequence[str]) -> Any:
    """What lies under dotted keys in nested dicts and lists (by number); None where nothing does."""
    for key in keys:
        if isinstance(value, str) and value[:1] in "{[":
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return None
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list | tuple) and key.lstrip("-").isdigit() and -len(value) <= int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def column_of(frame: Frame, name: str) -> Column | None:
    """The column `name`, or what a dotted name reaches inside one."""
    if name in frame.columns:
        return frame.columns[name]
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        head = ".".join(parts[:cut])
        if head in frame.columns:
            reached = [reach(value, parts[cut:]) for value in frame.columns[head].values()]
            return ListColumn(reached) if any(value is not None for value in reached) else None
    return None
