"""CSV and TSV: comma, semicolon, tab or bar; marks of encoding, index columns, trailing separators."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence

from seedwise.errors import InputError
from seedwise.scores.frame import ArrowColumn, Frame, ListColumn
from seedwise.scores.readers.content import Content

_UNNAMED = re.compile(r"^(unnamed: ?\d+|__index_level_\d+__|)$", re.IGNORECASE)
_SEPARATORS = ",;\t|"


def read_delimited(content: Content) -> Frame:
    """A frame of a header and rows. A clean file goes through Arrow's reader, any other cell by cell."""
    text = content.text()
    if "\x00" in text[:4096]:
        raise InputError(f"{content.name}: holds zero bytes; is it text? Save it as UTF-8")
    head = text[: text.find("\n")] if "\n" in text else text
    if not text.strip():
        raise InputError(f"{content.name}: holds no rows; arm, seed and score are needed at least")
    separator = "\t" if content.suffix == ".tsv" and "\t" in head else _separator(head)
    header = [name.strip() for name in next(csv.reader(io.StringIO(head), delimiter=separator), [])]
    twice = sorted({name for name in header if header.count(name) > 1 and not _UNNAMED.match(name)})
    if twice:
        raise InputError(f"{content.name}: a column's name is there twice: {', '.join(header)}")
    frame = _by_arrow(content.name, text, header, separator)
    if frame is None:
        frame = _by_cell(content.name, text, separator, header)
    if not frame.n:
        raise InputError(f"{content.name}: holds no rows; arm, seed and score are needed at least")
    return frame


def _separator(head: str) -> str:
    counts = {mark: head.count(mark) for mark in _SEPARATORS}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ","


def _by_arrow(name: str, text: str, header: Sequence[str], separator: str) -> Frame | None:
    """None where a row has another number of cells or Arrow stumbles, so that the fault is found cell by cell."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.csv as pc  # type: ignore[import-untyped]

    columns = [f"{index}" for index in range(len(header))]
    start = text.find("\n")
    if start < 0 or '"' in text[:start]:
        return None
    try:
        table = pc.read_csv(
            pa.BufferReader(text[start + 1 :].encode()),
            read_options=pc.ReadOptions(column_names=columns, block_size=1 << 24),
            parse_options=pc.ParseOptions(delimiter=separator, newlines_in_values=True, ignore_empty_lines=True),
            convert_options=pc.ConvertOptions(
                column_types={column: pa.string() for column in columns}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, OSError):
        return None
    kept = {label: ArrowColumn(table[column]) for label, column in zip(header, columns, strict=True) if _keep(label)}
    return Frame(name, kept, table.num_rows, _line_numbers(text, separator))


def _keep(name: str) -> bool:
    return not _UNNAMED.match(name)


def _line_numbers(text: str, separator: str) -> Callable[[], Sequence[int]]:
    """Lines of the rows, found when a fault has to name them."""
    found: list[int] = []

    def lines() -> Sequence[int]:
        if not found:
            reader = csv.reader(io.StringIO(text), delimiter=separator)
            csv.field_size_limit(1 << 30)
            next(reader)
            found.extend(reader.line_num for cells in reader if cells)
        return found

    return lines


def _by_cell(name: str, text: str, separator: str, header: list[str]) -> Frame:
    csv.field_size_limit(1 << 30)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    next(reader, [])
    columns: list[list[str]] = [[] for _ in header]
    numbers: list[int] = []
    for cells in reader:
        if not any(cells):
            continue
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(header):
            comma = (
                " (decimal commas? Separate the cells by semicolons, or quote them)"
                if separator == "," and len(cells) > len(header)
                else ""
            )
            raise InputError(
                f"{name}: line {reader.line_num} has {len(cells)} cells where the header has {len(header)}{comma}"
            )
        numbers.append(reader.line_num)
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    kept = {label: ListColumn(column) for label, column in zip(header, columns, strict=True) if _keep(label)}
    return Frame(name, kept, len(numbers), lambda: numbers)
