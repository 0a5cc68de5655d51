"""Tables of text: comma, semicolon, tab, bar or blanks; marks of encoding, index columns, comments, trailing separators."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from seedwise.errors import InputError
from seedwise.scores.frame import ArrowColumn, Column, Frame, ListColumn
from seedwise.scores.readers.content import Content
from seedwise.scores.rows import some

_UNNAMED = re.compile(r"^(unnamed: ?\d+|__index_level_\d+__|)$", re.IGNORECASE)
_SEPARATORS = ",;\t|"
_HINT = re.compile(rb'^"?sep=(.)"?\r?$', re.IGNORECASE)  # the line by which spreadsheets tell each other
_BLANKS = re.compile(r"[ \t]+")
_MOST_CELL = 1 << 30
_MANY_COLUMNS, _FEW_BYTES = 2000, 64 << 20
_EMPTY = "holds no rows; arm, seed and score are needed at least"


@dataclass(frozen=True, slots=True)
class _Table:
    """The bytes of a table from its header on, and how many lines come before."""

    name: str
    data: bytes
    skipped: int
    separator: str
    header: list[str]


def read_delimited(content: Content) -> Frame:
    """A frame of a header and rows. A clean file goes through Arrow's reader, any other cell by cell."""
    data = content.utf8()
    if b"\x00" in data[:4096]:
        raise InputError(f"{content.name}: holds zero bytes; is it text? Save it as UTF-8")
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    if content.suffix == ".md" or data.lstrip()[:1] == b"|":
        data = _of_markdown(content, data)
    if not data.strip():
        raise InputError(f"{content.name}: {_EMPTY}")
    table = _table(content, data)
    names = table.header
    twice = [name for name, times in Counter(names).items() if times > 1 and not _UNNAMED.match(name)]
    if twice:
        raise InputError(f"{content.name}: a column's name is there twice: {some(twice, 4)}; give each its own")
    frame = _by_arrow(table) or _by_cell(table)
    if not frame.n:
        raise InputError(f"{content.name}: {_EMPTY}")
    return frame


def _of_markdown(content: Content, data: bytes) -> bytes:
    """The one table of a page in Markdown, without its outer bars and its line of dashes."""
    tables: list[list[bytes]] = [[]]
    for line in data.splitlines():
        text = line.strip()
        if text.startswith(b"|"):
            tables[-1].append(b"" if not text.strip(b"|:- \t") else text.strip(b"|"))
        elif tables[-1]:
            tables.append([])
    held = [table for table in tables if len(table) > 2]
    if len(held) != 1:
        raise InputError(f"{content.name}: holds {len(held) or 'no'} tables of Markdown; give a file with one")
    return b"\n".join(held[0]) + b"\n"


def _table(content: Content, data: bytes) -> _Table:
    """Where the header is: behind blank lines, comments and a spreadsheet's hint."""
    separator, skipped, start = None, 0, 0
    while True:
        end = data.find(b"\n", start)
        head = data[start:] if end < 0 else data[start:end]
        hint = _HINT.match(head)
        if hint is not None:
            separator = hint[1].decode("latin-1")
        elif head.strip() and not (head.lstrip().startswith(b"#") and _is_comment(head, data, end)):
            break
        if end < 0:
            raise InputError(f"{content.name}: {_EMPTY}")
        start, skipped = end + 1, skipped + 1
    text = _decoded(content, head).rstrip("\r").removeprefix("#")
    if separator is None:
        separator = "\t" if content.suffix == ".tsv" and "\t" in text else _separator(text)
    if separator == " ":
        header = _split(text)
    elif text.count('"') % 2:  # a name that goes on in the next line
        rest = io.StringIO(_decoded(content, data[start : start + (1 << 20)]), newline="")
        header = next(csv.reader(rest, delimiter=separator), [])
    else:
        header = next(csv.reader([text], delimiter=separator), [])
    return _Table(content.name, data[start:], skipped, separator, [name.strip().strip('"') for name in header])


def _is_comment(head: bytes, data: bytes, end: int) -> bool:
    """A line that begins with # is a header where the next line is none and has as many cells."""
    if end < 0:
        return False
    after = data[end + 1 : data.find(b"\n", end + 1) if data.find(b"\n", end + 1) > 0 else len(data)]
    if after.lstrip().startswith(b"#") or not after.strip():
        return True
    return not any(head.count(mark) and head.count(mark) == after.count(mark) for mark in (b",", b";", b"\t", b"|"))


def _decoded(content: Content, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return content.text()[: len(data)]  # which names the byte


def _separator(head: str) -> str:
    counts = {mark: head.count(mark) for mark in _SEPARATORS}
    best = max(counts, key=lambda mark: counts[mark])
    if counts[best]:
        return best
    return " " if len(_BLANKS.split(head.strip())) > 1 else ","


def _by_arrow(table: _Table) -> Frame | None:
    """None where a row has another number of cells or Arrow stumbles, so that the fault is found cell by cell."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.csv as pc  # type: ignore[import-untyped]

    if len(table.header) > _MANY_COLUMNS and len(table.data) < _FEW_BYTES:
        return None  # a column costs Arrow as much as thousands of cells
    start = table.data.find(b"\n")
    if start < 0 or table.separator == " " or table.data[:start].count(b'"') % 2:
        return None
    columns = [f"{index}" for index in range(len(table.header))]
    kept = [(label, column) for label, column in zip(table.header, columns, strict=True) if _keep(label)]
    try:
        found = pc.read_csv(
            pa.BufferReader(memoryview(table.data)[start + 1 :]),
            read_options=pc.ReadOptions(column_names=columns, block_size=1 << 24),
            parse_options=pc.ParseOptions(delimiter=table.separator, newlines_in_values=True, ignore_empty_lines=True),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=[column for _, column in kept],
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, OSError):
        return None
    arrow: dict[str, Column] = {label: ArrowColumn(found[column]) for label, column in kept}
    return Frame(table.name, arrow, found.num_rows, _line_numbers(table))


def _keep(name: str) -> bool:
    return not _UNNAMED.match(name)


def _line_numbers(table: _Table) -> Callable[[], Sequence[int]]:
    """Lines of the rows, found when a fault has to name them."""
    found: list[int] = []

    def lines() -> Sequence[int]:
        if not found:
            found.extend(number for number, cells in _cells(table) if cells)
        return found

    return lines


def _cells(table: _Table) -> Sequence[tuple[int, list[str]]]:
    """Line and cells of each row after the header."""
    csv.field_size_limit(_MOST_CELL)
    text = table.data.decode(errors="replace")
    if table.separator == " ":
        rows = ((number, _split(line)) for number, line in zip(count(1), text.split("\n"), strict=False))
        return [(table.skipped + number, cells) for number, cells in rows if number > 1 and any(cells)]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=table.separator)
    next(reader, [])
    return [(table.skipped + reader.line_num, cells) for cells in reader]


def _split(line: str) -> list[str]:
    """Cells between blanks, however many."""
    return next(csv.reader([_BLANKS.sub(" ", line.strip())], delimiter=" "), [])


def _by_cell(table: _Table) -> Frame:
    try:
        table.data.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{table.name}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
    try:
        rows = [(number, cells) for number, cells in _cells(table) if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{table.name}: cannot be read as a table ({error})") from None
    width = len(table.header)
    for _, cells in rows:
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        while table.separator != " " and len(cells) < width and not table.header[len(cells)]:
            cells.append("")
    header = table.header
    if rows and _has_row_names(rows, width):
        header, width = ["", *header], width + 1
    for number, cells in rows:
        if len(cells) != width:
            comma = ""
            if table.separator == "," and len(cells) > width:
                comma = " (decimal commas? Separate the cells by semicolons, or quote them)"
            raise InputError(f"{table.name}: line {number} has {len(cells)} cells where the header has {width}{comma}")
    columns = list(zip(*(cells for _, cells in rows), strict=True)) or [()] * width
    kept: dict[str, Column] = {
        label: ListColumn(column) for label, column in zip(header, columns, strict=True) if _keep(label)
    }
    numbers = [number for number, _ in rows]
    return Frame(table.name, kept, len(rows), lambda: numbers)


def _has_row_names(rows: Sequence[tuple[int, list[str]]], width: int) -> bool:
    """One cell more than names in every row, the first counting the rows: as R writes a table with the names of its rows."""
    if any(len(cells) != width + 1 for _, cells in rows):
        return False
    first = [cells[0].strip() for _, cells in rows]
    return any(first == [str(number + start) for number in range(len(rows))] for start in (0, 1))
