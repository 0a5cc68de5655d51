"""Rows of texts without labels: a corpus cut into rows of so many words, and tables of prompts and answers."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from seedwise.assets.manifest import Corpus, Cut, Dialogues
from seedwise.bounded import lines_of, parse_json, read_bytes, reason
from seedwise.errors import AssetError, InputError

OPENERS: dict[str, Any] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}
JsonRow = dict[str, Any]
_JSON_BYTES = 2 << 30
_T = TypeVar("_T")


def share_of(asset: str, group: str) -> float:
    """Where `group` lies in [0, 1), by a hash of its name: the same on every machine, for ever."""
    return int(hashlib.sha256(f"{asset}\0{group}".encode()).hexdigest()[:12], 16) / 16**12


def split_of(cut: Cut, share: float) -> str:
    if share < cut.test:
        return "test"
    return "selection" if share < cut.test + cut.selection else "train"


def order_key(row_id: str) -> str:
    return hashlib.sha256(f"order\0{row_id}".encode()).hexdigest()


def numbered(key: str, seen: dict[str, int]) -> str:
    """`key`, or, where it has been there before, `key-2`, `key-3`, …"""
    seen[key] = seen.get(key, 0) + 1
    return key if seen[key] == 1 else f"{key}-{seen[key]}"


def corpus_splits(asset: str, corpus: Corpus, raw: Path) -> dict[str, list[JsonRow]]:
    """Rows of exactly `corpus.words` words: paragraphs are joined and split; words that fill no row at the end are left out."""
    texts = (" ".join(words) for words in _filled(_words(raw / corpus.file), corpus.words))
    return _splits(asset, corpus.cut, ({"text": text} for text in texts))


@dataclass(frozen=True, slots=True)
class DialogueRow:
    """A prompt and its answer; `group` is the row's own key where the manifest names no column."""

    id: str
    prompt: str
    answer: str
    group: str


def dialogue_splits(asset: str, dialogues: Dialogues, raw: Path) -> dict[str, list[JsonRow]]:
    """Each split in a fixed shuffled order; rows of one group, and equal rows, lie in one split."""
    splits: dict[str, list[JsonRow]] = {"train": [], "selection": [], "test": []}
    for row in dialogue_rows(dialogues, raw):
        chosen = splits[split_of(dialogues.cut, share_of(asset, row.group))]
        chosen.append({"id": row.id, "prompt": row.prompt, "answer": row.answer})
    return _ordered(splits)


def dialogue_rows(dialogues: Dialogues, raw: Path) -> Iterator[DialogueRow]:
    columns = dialogues.columns
    path = raw / dialogues.file
    try:
        records = parse_json(read_bytes(path, _JSON_BYTES))
    except (ValueError, InputError) as error:
        raise AssetError(f"{path.name}: cannot be read as json: {reason(error)}") from None
    if not isinstance(records, list):
        raise AssetError(f"{path.name}: found {type(records).__name__}; a list of objects is needed")
    wanted = {"prompt": columns.prompt, "answer": columns.answer}
    if columns.group is not None:
        wanted["group"] = columns.group
    seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        row = {}
        for name, column in wanted.items():
            value = record.get(column) if isinstance(record, dict) else None
            if not isinstance(value, str) or not value.strip():
                raise AssetError(f"{path.name}, row {number}: {column} is {value!r}; a non-empty string is needed")
            row[name] = value.strip()
        key = hashlib.sha256(f"{row['prompt']}\0{row['answer']}".encode()).hexdigest()[:12]
        yield DialogueRow(numbered(key, seen), row["prompt"], row["answer"], row.get("group", key))


def _splits(asset: str, cut: Cut, rows: Iterable[JsonRow]) -> dict[str, list[JsonRow]]:
    """Each split in a fixed shuffled order; equal rows lie in one split."""
    splits: dict[str, list[JsonRow]] = {"train": [], "selection": [], "test": []}
    seen: dict[str, int] = {}
    for row in rows:
        key = hashlib.sha256("\0".join(row.values()).encode()).hexdigest()[:12]
        splits[split_of(cut, share_of(asset, key))].append({"id": numbered(key, seen), **row})
    return _ordered(splits)


def _ordered(splits: dict[str, list[JsonRow]]) -> dict[str, list[JsonRow]]:
    for chosen in splits.values():
        chosen.sort(key=lambda row: order_key(row["id"]))
    return splits


def _words(path: Path) -> Iterator[str]:
    try:
        with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as handle:
            for _, line in lines_of(handle, path.name):
                yield from line.split()
    except (ValueError, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise AssetError(f"{path.name}: cannot be read as text: {reason(error)}") from None


def _filled(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of `size` items each; what is left at the end is dropped."""
    filled: list[_T] = []
    for item in items:
        filled.append(item)
        if len(filled) == size:
            yield filled
            filled = []
