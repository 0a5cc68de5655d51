"""The content of a source: a file, a gzipped file or standard input, within bounds, with its name."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seedwise.bounded import DEPTH, parse_json, read_bytes, reason, refuse_deep, shown
from seedwise.errors import InputError

FORMATS = ".csv, .tsv, .jsonl, .ndjson, .json, .parquet, .eval, .log, each also as .gz"
MOST_BYTES = 2 << 30  # of a file, and of what it unpacks to: it is held in memory
_BLOCK = 1 << 24
_CHECKED = 8 << 20  # of JSON, up to which every key is looked at


@dataclass(frozen=True, slots=True)
class Content:
    """`name` is how faults call the source, `suffix` its kind without `.gz`, in lower case; `path` None for standard input."""

    name: str
    suffix: str
    data: bytes
    path: Path | None
    digest: str | None = None

    def text(self) -> str:
        """Its text: UTF-8 with or without a mark, or UTF-16 with one."""
        try:
            if self.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return self.data.decode("utf-16")
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self.name}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
            ) from None

    def utf8(self) -> bytes:
        """The bytes of its text in UTF-8, without a mark; what a reader of UTF-8 then finds is not checked here."""
        if self.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return self.text().encode()
        return self.data[3:] if self.data[:3] == b"\xef\xbb\xbf" else self.data

    def json(self) -> Any:
        return load_json(self.text(), self.name)


def open_content(path: Path | None) -> Content:
    """The content of a file, or of standard input (None)."""
    if path is None:
        data, name, suffix = sys.stdin.buffer.read(MOST_BYTES + 1), "standard input", ""
        if len(data) > MOST_BYTES:
            raise InputError(f"{name}: more than {MOST_BYTES >> 30} GiB; give fewer rows at a time")
    else:
        data, name, suffix = read_bytes(path, MOST_BYTES), shown(path), path.suffix.lower()
    digest = hashlib.sha256(data).hexdigest()
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data, name)
    if suffix == ".gz" and path is not None:
        suffix = Path(path.stem).suffix.lower()
    return Content(name, suffix, data, path, digest)


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as handle:
            found = handle.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: its gzip is damaged ({error})") from None
    if len(found) > MOST_BYTES:
        raise InputError(f"{name}: unpacks to more than {MOST_BYTES >> 30} GiB; give fewer rows at a time")
    return found


def load_json(text: str, name: str, line: int | None = None, *, checked: bool = True) -> Any:
    """A JSON value, NaN and infinities included, since trainers write them. Raises InputError naming the line.

    Unless `checked`, the depth is known to be within bounds and a key may be there twice.
    """
    try:
        if checked and len(text) <= _CHECKED:
            return parse_json(text, constants=True)
        value = json.loads(text)
        if checked and is_deep(text.encode(errors="replace")):
            refuse_deep(value)
        return value
    except RecursionError:
        raise InputError(f"{name}: {_line(line)}is nested more than {DEPTH} deep") from None
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise
        at = f", line {error.lineno}" if line is None else ""
        raise InputError(f"{name}: {_line(line)}is not JSON ({error.msg}{at})") from None
    except ValueError as error:
        raise InputError(f"{name}: {_line(line)}{reason(error)}") from None


def _line(line: int | None) -> str:
    return "" if line is None else f"line {line} "


def is_deep(data: bytes, most: int = DEPTH) -> bool:
    """Whether brackets may be nested more than `most` deep; those inside texts count too, so a yes has to be looked into."""
    depth = 0
    for start in range(0, len(data), _BLOCK):
        block = np.frombuffer(data, dtype=np.uint8, count=min(_BLOCK, len(data) - start), offset=start)
        marks = block[(block == 0x5B) | (block == 0x7B) | (block == 0x5D) | (block == 0x7D)]
        if not marks.size:
            continue
        steps = np.where((marks == 0x5B) | (marks == 0x7B), 1, -1)
        along = depth + np.cumsum(steps)
        if int(along.max()) > most:
            return True
        depth = int(along[-1])
    return False
