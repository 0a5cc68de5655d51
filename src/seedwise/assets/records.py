"""Rows of tables: CSV, TSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import json
import lzma
import re
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from seedwise.assets.texts import OPENERS
from seedwise.bounded import lines_of, parse_json, reason
from seedwise.errors import AssetError
from seedwise_contract.faults import shown

_BATCH_ROWS = 10_000
_HINT = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)  # the line by which spreadsheets tell each other


def read_records(path: Path, form: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and columns of each row; `AssetError` names the file and the row that cannot be read."""
    if form == "parquet":
        yield from _parquet(path)
        return
    number = 0
    try:
        with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8-sig", newline="") as handle:
            lines = lines_of(handle, path.name)
            if form == "jsonl":
                for number, line in lines:
                    if not line.strip():
                        continue
                    value = parse_json(line)
                    if not isinstance(value, dict):
                        raise ValueError(f"found {shown(value)}; a JSON object is needed")
                    yield number, value
                return
            texts = (line for _, line in lines)
            header = next(texts, "")
            marks: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
            if form == "csv":
                hint = _HINT.fullmatch(header.rstrip("\r\n"))
                header = next(texts, "") if hint else header
                marks = {"delimiter": hint[1] if hint else _separator(header), "strict": True}
            for number, row in enumerate(csv.DictReader(chain([header], texts), **marks), start=1):
                yield number, row
    except (ValueError, csv.Error, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        where = f", row {number}" if number else ""
        raise AssetError(f"{path.name}{where}: cannot be read as {form}: {reason(error)}") from None


def _separator(header: str) -> str:
    """A comma; where the header has none, what spreadsheets write instead of it in other countries."""
    return next((mark for mark in ",;\t|" if mark in header), ",")


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa  # type: ignore[import-untyped]  # slow to import
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError, ValueError) as error:
        where = f", row {number}" if number else ""
        raise AssetError(f"{path.name}{where}: cannot be read as parquet: {reason(error)}") from None


def parquet_class_names(path: Path, column: str) -> list[str]:
    """Names of the classes that the whole numbers of `column` stand for, where the file says them; else empty."""
    import pyarrow.parquet as pq

    try:
        told = json.loads((pq.read_schema(path).metadata or {}).get(b"huggingface", b"{}"))
        names = told["info"]["features"][column]["names"]
    except (KeyError, TypeError, ValueError, OSError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
