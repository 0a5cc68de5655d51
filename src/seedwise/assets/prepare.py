"""From an asset's raw files to what runs are given: split files of JSON lines, and model folders, both by content."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from seedwise.assets.fetch import fetch, readable
from seedwise.assets.manifest import Manifest, Table, find_manifest
from seedwise.errors import AssetError
from seedwise.project import Project
from seedwise.say import Say
from seedwise.study import Rows
from seedwise_contract import canonical_json
from seedwise_contract.base import ContractModel
from seedwise_contract.files import sha256_file, tree_digest, write_json, write_lines
from seedwise_contract.spec import Columns, Model, Split

_OPENERS: dict[str, Any] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}
_VERSION = 2  # of the way rows are read, cut and ordered; a change makes other files and so other runs


class PreparedData(ContractModel):
    """Split files of one data set, as `data.json` beside them says."""

    name: str
    labels: list[str]
    columns: Columns
    splits: dict[str, Split]
    facts: dict[str, int]
    title: str
    citation: str
    licence: str


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    text: str
    text_pair: str | None
    label: str
    group: str


def data_root(project: Project) -> Path:
    """Mounted as /data."""
    return project.cache / "data"


def models_root(project: Project) -> Path:
    """Mounted as /models."""
    return project.cache / "models"


def prepare_data(name: str, rows: Rows | None, project: Project, say: Say) -> PreparedData:
    """The data set `name` cut into its splits, `rows` of each; made once for the same manifest and rows."""
    manifest = find_manifest(name, project.root)
    if manifest.table is None:
        raise AssetError(f"asset {name} is a {manifest.kind}, not a data set")
    identity = [_VERSION, manifest.table.model_dump(mode="json"), manifest.files, rows.model_dump() if rows else None]
    key = hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:12]
    folder = data_root(project) / f"{name}-{key}"
    if not (folder / "data.json").is_file():
        raw = fetch(manifest, project, say)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not (folder / "data.json").is_file():
                _write_splits(manifest, manifest.table, raw, rows, folder)
    return PreparedData.model_validate_json((folder / "data.json").read_bytes())


def prepare_model(name: str, project: Project, say: Say) -> Model:
    """The model folder of asset `name`, below the models root."""
    manifest = find_manifest(name, project.root)
    if manifest.kind != "model":
        raise AssetError(f"asset {name} is a data set, not a model")
    raw = fetch(manifest, project, say)
    folder = models_root(project) / raw.name
    marker = folder.with_suffix(".json")
    if not marker.is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not marker.is_file():
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(raw, folder, copy_function=_link)
                readable(folder)
                write_json(marker, Model(name=name, path=folder.name, sha256=tree_digest(folder)))
    return Model.model_validate_json(marker.read_bytes())


def _link(source: str, target: str) -> None:
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _write_splits(manifest: Manifest, table: Table, raw: Path, rows: Rows | None, folder: Path) -> None:
    splits = _cut(manifest.name, table, raw)
    if rows is not None:
        for split, wanted in rows.model_dump().items():
            if wanted > len(splits[split]):
                raise AssetError(
                    f"data set {manifest.name}: {wanted} rows of split '{split}' are wanted, but it has "
                    f"{len(splits[split])}; lower task.rows.{split}"
                )
            splits[split] = splits[split][:wanted]
    test_texts = {(row.text, row.text_pair) for row in splits["test"]}
    facts = {
        "test_rows_also_in_train": len(test_texts & {(row.text, row.text_pair) for row in splits["train"]}),
        "duplicate_test_rows": len(splits["test"]) - len(test_texts),
    }
    staging = Path(tempfile.mkdtemp(prefix=".prepare-", dir=folder.parent))
    try:
        declared = {}
        for split, chosen in splits.items():
            path = staging / f"{split}.jsonl"
            write_lines(path, (_json_row(row) for row in chosen))
            declared[split] = Split(file=f"{folder.name}/{split}.jsonl", sha256=sha256_file(path), rows=len(chosen))
        pair = "text_pair" if table.columns.text_pair else None
        prepared = PreparedData(
            name=manifest.name,
            labels=list(dict.fromkeys(table.labels.values())),
            columns=Columns(id="id", text="text", text_pair=pair, label="label"),
            splits=declared,
            facts=facts,
            title=manifest.title,
            citation=manifest.citation,
            licence=manifest.licence,
        )
        write_json(staging / "data.json", prepared)
        readable(staging)
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _json_row(row: _Row) -> dict[str, str]:
    pair = {"text_pair": row.text_pair} if row.text_pair is not None else {}
    return {"id": row.id, "text": row.text, **pair, "label": row.label}


def _cut(asset: str, table: Table, raw: Path) -> dict[str, list[_Row]]:
    """All rows by split, each split in a fixed shuffled order (by a hash of the row's id)."""
    splits: dict[str, list[_Row]] = {"train": [], "selection": [], "test": []}
    seen: dict[str, int] = {}
    for source, file in table.files.items():
        for row in _rows(table, raw / file, seen):
            share = int(hashlib.sha256(f"{asset}\0{row.group}".encode()).hexdigest()[:12], 16) / 16**12
            if source == "test" or share < table.cut.test:
                splits["test"].append(row)
            elif share < table.cut.test + table.cut.selection:
                splits["selection"].append(row)
            else:
                splits["train"].append(row)
    if "all" in table.files:  # the cut is ours, so no text that is reported on need be trained on
        reported = {(row.text, row.text_pair) for row in splits["test"]}
        for name in ("train", "selection"):
            splits[name] = [row for row in splits[name] if (row.text, row.text_pair) not in reported]
    for rows in splits.values():
        rows.sort(key=lambda row: hashlib.sha256(f"order\0{row.id}".encode()).hexdigest())
    return splits


def _rows(table: Table, path: Path, seen: dict[str, int]) -> Iterator[_Row]:
    columns = table.columns
    for number, value in enumerate(_records(table, path), start=1):
        wanted = [c for c in (columns.text, columns.text_pair, columns.label, columns.group) if c is not None]
        missing = [c for c in wanted if value.get(c) is None]
        if missing:
            raise AssetError(
                f"{path.name}, row {number}: no column {', '.join(missing)}; found {', '.join(map(str, value))}"
            )
        label = str(value[columns.label])
        if label in table.drop:
            continue
        if label not in table.labels:
            raise AssetError(
                f"{path.name}, row {number}: label {label!r} is outside the declared set {', '.join(table.labels)}"
            )
        text = str(value[columns.text]).strip()
        pair = str(value[columns.text_pair]).strip() if columns.text_pair else None
        if not text or pair == "":
            raise AssetError(f"{path.name}, row {number}: empty text")
        key = hashlib.sha256(f"{text}\0{pair or ''}".encode()).hexdigest()[:12]
        seen[key] = seen.get(key, 0) + 1
        row_id = key if seen[key] == 1 else f"{key}-{seen[key]}"
        yield _Row(row_id, text, pair, table.labels[label], str(value[columns.group]) if columns.group else key)


def _records(table: Table, path: Path) -> Iterator[dict[str, Any]]:
    with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8", newline="") as handle:
        text: io.TextIOBase = handle
        try:
            if table.format == "jsonl":
                yield from (json.loads(line) for line in text)
            elif table.format == "csv":
                yield from csv.DictReader(text, strict=True)
            else:
                yield from csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
        except (json.JSONDecodeError, csv.Error, UnicodeDecodeError) as error:
            raise AssetError(f"{path.name}: cannot be read as {table.format}: {error}") from None
