"""The ledger: when each declaration was first put to work, so that claims made after the runs are told from those before.

A declaration is an entry of its own, a file `.declarations/<number>.json` that only one process can make: the numbers are the
order, on any number of hosts and whatever their clocks say.  A run notes in its provenance how many entries there were when it
was started.  Stores of older versions have a file `.declarations.jsonl`, whose lines come first, and bundles have such a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedwise.regular import read_regular

LINES = ".declarations.jsonl"
FOLDER = ".declarations"
_MOST = 10**8  # entries: what their names have room for


@dataclass(frozen=True, slots=True)
class Ledger:
    """Number and time of the entry by which a declaration was first put to work; for runs that were started before they noted
    the ledger's length themselves, the number of the line of their last start; and the number that the next entry will have.
    """

    declared: Mapping[str, tuple[int, str]]
    started: Mapping[str, int]
    length: int


def read_ledger(root: Path) -> Ledger:
    """`OSError` where the ledger is no file that may be read."""
    declared: dict[str, tuple[int, str]] = {}
    started: dict[str, int] = {}
    length = 0
    for number, said in _entries(root):
        length = max(length, number + 1)
        if "run" in said:
            started[str(said["run"])] = number  # the last attempt is the one that may have left a result
        elif "declaration" in said and "time" in said:
            declared.setdefault(str(said["declaration"]), (number, str(said["time"])))
    return Ledger(declared, started, length)


def declare(root: Path, declaration: str, time: str, looks: Sequence[Mapping[str, float | int]] = ()) -> None:
    """Note that `declaration` is put to work; `looks`: the level of each look that it declares."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    while declaration not in (ledger := read_ledger(root)).declared:
        number = max(ledger.length, *(int(name) + 1 for name in _numbers(folder)), 0)
        said: dict[str, object] = {"declaration": declaration, "time": time, "number": number}
        text = json.dumps(said | ({"looks": list(looks)} if looks else {})) + "\n"
        with suppress(FileExistsError):  # somebody else's entry has this number
            handle = os.open(folder / f"{number:08d}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            try:
                os.write(handle, text.encode())
                os.fsync(handle)
            finally:
                os.close(handle)


def lines_about(root: Path, wanted: Iterable[str]) -> bytes:
    """The entries that concern any of `wanted` (declarations and run ids), a JSON line each, in their order."""
    names = set(wanted)
    about = (said for _, said in _entries(root) if said.get("declaration") in names or said.get("run") in names)
    return "".join(json.dumps(said) + "\n" for said in about).encode()


def _entries(root: Path) -> list[tuple[int, dict[str, Any]]]:
    """Number and content, in order; what a crash cut short is left out, its number stays taken."""
    found: list[tuple[int, dict[str, Any]]] = []
    with suppress(FileNotFoundError):
        text = read_regular(root, LINES).decode(errors="replace")
        for number, line in enumerate(text.split("\n")):
            if (said := _said(line)) is not None:
                found.append((_number(said, number), said))
    folder = root / FOLDER
    for name in _numbers(folder):
        said = _said(read_regular(folder, f"{name}.json").decode(errors="replace"))
        if said is not None:
            found.append((int(name), said))
    return sorted(found, key=lambda entry: entry[0])


def _numbers(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return sorted(path.stem for path in folder.iterdir() if path.suffix == ".json" and path.stem.isdigit())
    return []


def _number(said: Mapping[str, Any], line: int) -> int:
    number = said.get("number")
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < _MOST else line


def _said(line: str) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        value = json.loads(line)
        if isinstance(value, dict):
            return value
    return None
