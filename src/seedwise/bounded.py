"""Text and JSON from outside, within bounds: of size, of depth and of digits; what is wrong is told by file and line."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from seedwise.errors import InputError

TEXT_BYTES = 1 << 20  # of what a person writes
RECORD_BYTES = 64 << 20  # of what a tool writes, and is held in memory
DATA_BYTES = 4 << 30  # of a file of data, unpacked
LINE_CHARACTERS = 16 << 20
DEPTH = 50
DIGITS = 400  # of a whole number; a double has no more than 309


def read_bytes(path: Path, most: int = TEXT_BYTES) -> bytes:
    """The user's own file, links followed; `InputError` for what is none, cannot be read, or is larger than `most`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # not waiting for a FIFO's writer
        with os.fdopen(handle, "rb", closefd=True) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{shown(path)}: cannot be read: is no regular file; give a file")
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise InputError(f"{shown(path)}: cannot be read: {what}") from None
    if len(data) > most:
        raise InputError(
            f"{shown(path)}: has more than {most >> 20} MiB, the most that is read of such a file; make it smaller"
        )
    return data


def read_text(path: Path, most: int = TEXT_BYTES) -> str:
    """As `read_bytes`, in UTF-8, with or without a byte order mark."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown(path)}: cannot be read: is not UTF-8 (byte {error.start}: {error.reason})") from None


def read_json(path: Path, most: int = TEXT_BYTES) -> Any:
    """The JSON value in a file of the user's; `InputError` names file and line."""
    text = read_text(path, most)
    try:
        return parse_json(text)
    except ValueError as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{shown(path)}{line}: not valid JSON: {reason(error)}") from None


def parse_json(text: str | bytes, depth: int = DEPTH, *, constants: bool = False) -> Any:
    """A JSON value; `ValueError` for what is none, a key given twice, NaN and infinities (unless `constants` are wanted), and
    more depth or digits than the bounds."""
    constant = None if constants else _no_number
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_int=_whole, parse_constant=constant)
    except RecursionError:
        raise ValueError(f"is nested more than {depth} deep") from None
    refuse_deep(value, depth)
    return value


def refuse_deep(value: Any, most: int = DEPTH) -> None:
    """`ValueError` where lists and mappings are nested more than `most` deep, or a text is no Unicode."""
    level = [value]
    for _ in range(most + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise ValueError(f"is nested more than {most} deep")


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("holds half a surrogate pair, which is no text") from None


def lines_of(handle: IO[str], name: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line; `ValueError` for a line, or a file, beyond the bounds."""
    number, size = 0, 0
    while line := handle.readline(LINE_CHARACTERS + 1):
        number += 1
        size += len(line)
        if len(line) > LINE_CHARACTERS:
            raise ValueError(f"{name}:{number}: a line of more than {LINE_CHARACTERS >> 20} Mi characters")
        if size > DATA_BYTES:
            raise ValueError(f"{name}: more than {DATA_BYTES >> 30} GiB of text, unpacked")
        yield number, line


def reason(error: Exception) -> str:
    """What an error of a parser says, in one short line."""
    text = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return (text.splitlines() or [type(error).__name__])[0][:200]


def shown(path: Path | str) -> str:
    """A path for a message: one line, and short enough to be read."""
    text = "".join(letter if letter.isprintable() else "?" for letter in str(path))
    return text if len(text) <= 300 else f"{text[:140]}…{text[-140:]}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the key {name[:80]!r} is given twice")
            seen.add(name)
    return found


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number of {len(digits)} digits; at most {DIGITS} are read")
    return int(digits)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
