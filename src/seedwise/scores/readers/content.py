"""The content of a source: a file, a gzipped file or standard input, as text with its name."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwise.errors import InputError

FORMATS = ".csv, .tsv, .jsonl, .ndjson, .json, .parquet, .eval, each also as .gz"


@dataclass(frozen=True, slots=True)
class Content:
    """`name` is how faults call the source, `suffix` its kind without `.gz`, in lower case; `path` None for standard input."""

    name: str
    suffix: str
    data: bytes
    path: Path | None

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

    def json(self) -> Any:
        try:
            return json.loads(self.text())
        except json.JSONDecodeError as error:
            raise InputError(f"{self.name}: is not JSON ({error.msg}, line {error.lineno})") from None


def open_content(path: Path | None) -> Content:
    """The content of a file, or of standard input (None)."""
    if path is None:
        data, name, suffix = sys.stdin.buffer.read(), "standard input", ""
    else:
        name, suffix = str(path), path.suffix.lower()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{name}: its gzip is damaged ({error})") from None
    if suffix == ".gz" and path is not None:
        suffix = Path(path.stem).suffix.lower()
    return Content(name, suffix, data, path)
