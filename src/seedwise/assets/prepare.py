"""From an asset's raw files to what runs are given: split files of JSON lines, and model folders, both by content."""

from __future__ import annotations

import hashlib
import math
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from seedwise.assets.fetch import fetch
from seedwise.assets.groups import Groups, alike_parts, groups_of
from seedwise.assets.manifest import Corpus, Dialogues, Manifest, Table, find_manifest
from seedwise.assets.places import data_root as data_root
from seedwise.assets.places import models_root as models_root
from seedwise.assets.pretraining import find_pretraining, required_model
from seedwise.assets.records import read_records
from seedwise.assets.texts import (
    JsonRow,
    corpus_splits,
    dialogue_rows,
    dialogue_splits,
    numbered,
    order_key,
    share_of,
    split_of,
)
from seedwise.errors import AssetError
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.study.model import Rows
from seedwise.temporary import staging_beside
from seedwise_contract import canonical_json, faults_of
from seedwise_contract.base import ContractModel
from seedwise_contract.faults import shown
from seedwise_contract.files import read_lines, read_record, sha256_file, tree_digest, write_json, write_lines
from seedwise_contract.spec import Columns, Model, PromptColumns, Split, TextColumns

_M = TypeVar("_M", bound=BaseModel)
_VERSION = 2  # of the way rows are read, cut and ordered; a change makes other files and so other runs


class PreparedData(ContractModel):
    """Split files of one data set, as `data.json` beside them says.  `labels` is empty where rows have none, or numbers.

    `groups` are those of the reported split (None: of a data set from before groups were kept).
    """

    name: str
    labels: list[str]
    columns: Columns | TextColumns | PromptColumns
    splits: dict[str, Split]
    facts: dict[str, int]
    title: str
    citation: str
    licence: str
    groups: Groups | None = None

    @property
    def group_of(self) -> dict[str, str]:
        """id → group of each reported example that shares one with another."""
        return self.groups.of if self.groups else {}

    @property
    def cluster_sizes(self) -> list[int] | None:
        """How many reported examples each cluster has; None where every example stands by itself."""
        sizes = [count for count in Counter(self.group_of.values()).values() if count > 1]
        alone = self.splits["test"].rows - sum(sizes)
        return [*sizes, *[1] * alone] if sizes else None


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    text: str
    text_pair: str | None
    label: str | float
    group: str
    split: str | None = None  # as a column of splits says


def prepare_data(name: str, rows: Rows | None, project: Project, say: Notify) -> PreparedData:
    """The data set `name` cut into its splits, `rows` of each; made once for the same manifest and rows."""
    manifest = find_manifest(name, project.root)
    part = manifest.table or manifest.text or manifest.dialogue
    if part is None:
        raise AssetError(f"asset {name} is a {manifest.kind}, not a data set")
    identity = [_VERSION, _said(part), manifest.files, rows.model_dump() if rows else None]
    key = hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:12]
    folder = data_root(project) / f"{name}-{key}"
    if not (folder / "data.json").is_file():
        raw = fetch(manifest, project, say)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not (folder / "data.json").is_file():
                _write_splits(manifest, raw, rows, folder)
    prepared = _kept(PreparedData, folder / "data.json", folder)
    return prepared.model_copy(update={"groups": _groups(manifest, folder, project, say)})


def _said(part: Table | Corpus | Dialogues) -> dict[str, Any]:
    """What decides how rows are cut; a column that is not named leaves older data sets as they were."""
    said = part.model_dump(mode="json")
    if isinstance(part, Dialogues) and part.columns.group is None:
        said["columns"].pop("group")
    return said


def _groups(manifest: Manifest, folder: Path, project: Project, say: Notify) -> Groups:
    """The groups of the reported split, kept beside its file; made once, from the raw files where a column names them."""
    path = folder / "groups.json"
    if not path.is_file():
        try:
            rows = list(read_lines(folder / "test.jsonl"))
        except (OSError, ValueError) as error:
            raise AssetError(f"{error}; {_again(folder)}") from None
        part = manifest.table or manifest.dialogue
        column = part.columns.group if part else None
        if column is None:
            groups = groups_of(None, {row["id"]: "\0".join(_texts(row)) for row in rows})
            groups = groups.model_copy(update={"alike": alike_parts(rows)})
        else:
            named = _named_groups(manifest, fetch(manifest, project, say))
            groups = groups_of(column, {row["id"]: named[row["id"]] for row in rows})
        with FileLock(folder.with_suffix(".lock")):
            write_json(path, groups)
    return _kept(Groups, path, folder)


def groups_of_rows(manifest: Manifest, raw: Path) -> dict[str, str]:
    """id → group of every row where the manifest names a column of groups; empty where it names none."""
    part = manifest.table or manifest.dialogue
    return {} if part is None or part.columns.group is None else _named_groups(manifest, raw)


def _named_groups(manifest: Manifest, raw: Path) -> dict[str, str]:
    """id → group of every row, as the manifest's column has it."""
    if manifest.dialogue is not None:
        return {row.id: row.group for row in dialogue_rows(manifest.dialogue, raw)}
    assert manifest.table is not None
    seen: dict[str, int] = {}
    rows = (row for _, file in manifest.table.parts for row in _rows(manifest.table, raw / file, seen))
    return {row.id: row.group for row in rows}


def prepare_model(name: str, project: Project, say: Notify) -> Model:
    """The model folder of asset `name`, below the models root: one that was made here, or that its manifest names."""
    pretraining = find_pretraining(name, project.root)
    if pretraining is not None:
        return required_model(pretraining, project)
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
                write_json(marker, Model(name=name, path=folder.name, sha256=tree_digest(folder)))
    return _kept(Model, marker, marker)


def _kept(model: type[_M], path: Path, made: Path) -> _M:
    """What an earlier call prepared; `AssetError` names the command that makes it again where it is damaged."""
    try:
        return model.model_validate_json(read_record(path))
    except ValidationError as error:
        raise AssetError(f"{path}: {faults_of(error)[0]}; {_again(made)}") from None
    except OSError as error:
        raise AssetError(f"{path}: cannot be read: {error.strerror or error}; {_again(made)}") from None


def _again(made: Path) -> str:
    return f"it was changed since it was made; to make it again: rm -r {shlex.quote(str(made))}"


def _link(source: str, target: str) -> None:
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _write_splits(manifest: Manifest, raw: Path, rows: Rows | None, folder: Path) -> None:
    labels, columns, splits = _splits(manifest, raw)
    if rows is not None:
        for split, wanted in rows.model_dump().items():
            if wanted > len(splits[split]):
                raise AssetError(
                    f"data set {manifest.name}: {wanted} rows of split '{split}' are wanted, but it has "
                    f"{len(splits[split])}; lower task.rows.{split}"
                )
            splits[split] = splits[split][:wanted]
    numbers = manifest.table is not None and manifest.table.labels is None
    for split in ("train", "test") if numbers else ("train",) if labels else ():
        if len({row["label"] for row in splits[split]}) < 2:
            nothing = "nothing to learn" if split == "train" else "nothing to tell apart"
            raise AssetError(
                f"data set {manifest.name}: every one of the {len(splits[split])} rows of split '{split}' has the same label, so there "
                f"is {nothing}; check table.columns.label and table.labels, or raise task.rows.{split}"
            )
    test_texts = {_texts(row) for row in splits["test"]}
    facts = {
        "test_rows_also_in_train": len(test_texts & {_texts(row) for row in splits["train"]}),
        "duplicate_test_rows": len(splits["test"]) - len(test_texts),
    }
    with staging_beside(folder) as staging:
        declared = {}
        for split, chosen in splits.items():
            path = staging / f"{split}.jsonl"
            write_lines(path, chosen)
            declared[split] = Split(file=f"{folder.name}/{split}.jsonl", sha256=sha256_file(path), rows=len(chosen))
        prepared = PreparedData(
            name=manifest.name,
            labels=labels,
            columns=columns,
            splits=declared,
            facts=facts,
            title=manifest.title,
            citation=manifest.citation,
            licence=manifest.licence,
        )
        write_json(staging / "data.json", prepared)
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)


def read_splits(manifest: Manifest, raw: Path) -> dict[str, list[JsonRow]]:
    """Rows of each split, as `manifest` cuts the files in the folder `raw`."""
    return _splits(manifest, raw)[2]


def _splits(
    manifest: Manifest, raw: Path
) -> tuple[list[str], Columns | TextColumns | PromptColumns, dict[str, list[JsonRow]]]:
    """Labels, columns and rows of the splits, by the part of the manifest that says how to read them."""
    if manifest.text is not None:
        return [], TextColumns(id="id", text="text"), corpus_splits(manifest.name, manifest.text, raw)
    if manifest.dialogue is not None:
        columns = PromptColumns(id="id", prompt="prompt", answer="answer")
        return [], columns, dialogue_splits(manifest.name, manifest.dialogue, raw)
    assert manifest.table is not None
    table = manifest.table
    pair = "text_pair" if table.columns.text_pair else None
    rows = {split: [_json_row(row) for row in found] for split, found in _cut(manifest.name, table, raw).items()}
    labels = list(dict.fromkeys((table.labels or {}).values()))
    return labels, Columns(id="id", text="text", text_pair=pair, label="label"), rows


def _texts(row: JsonRow) -> tuple[str, ...]:
    """What a row says, its label left out."""
    return tuple(value for name, value in row.items() if name not in ("id", "label"))


def _json_row(row: _Row) -> JsonRow:
    pair = {"text_pair": row.text_pair} if row.text_pair is not None else {}
    return {"id": row.id, "text": row.text, **pair, "label": row.label}


def _cut(asset: str, table: Table, raw: Path) -> dict[str, list[_Row]]:
    """All rows by split, each split in a fixed shuffled order (by a hash of the row's id)."""
    splits: dict[str, list[_Row]] = {"train": [], "selection": [], "test": []}
    seen: dict[str, int] = {}
    for part, file in table.parts:
        for row in _rows(table, raw / file, seen):
            splits[_split_of(asset, table, part, row)].append(row)
    if table.cut is not None and table.cut.test > 0:  # the cut is ours: no text that is reported on need be trained on
        reported = {(row.text, row.text_pair) for row in splits["test"]}
        for name in ("train", "selection"):
            splits[name] = [row for row in splits[name] if (row.text, row.text_pair) not in reported]
    for rows in splits.values():
        rows.sort(key=lambda row: order_key(row.id))
    return splits


def _split_of(asset: str, table: Table, part: str, row: _Row) -> str:
    given = row.split or part
    if given in ("selection", "test"):
        return given
    return split_of(table.cut, share_of(asset, row.group)) if table.cut is not None else "train"


def _rows(table: Table, path: Path, seen: dict[str, int]) -> Iterator[_Row]:
    columns = table.columns
    for number, value in read_records(path, table.format):
        wanted = [c for c in (columns.text, columns.text_pair, columns.label, columns.group) if c is not None]
        missing = [c for c in wanted if value.get(c) is None]
        if missing:
            raise AssetError(
                f"{path.name}, row {number}: no column {', '.join(missing)}; found {', '.join(map(str, value))}"
            )
        odd = [
            name for name in wanted if not isinstance(value[name], str | int | float) or isinstance(value[name], bool)
        ]
        odd = [
            name
            for name in wanted
            if name in odd or (name in (columns.text, columns.text_pair) and not isinstance(value[name], str))
        ]
        if odd:
            raise AssetError(f"{path.name}, row {number}: {odd[0]} is {shown(value[odd[0]])}; text is needed")
        split = None
        if table.splits is not None:
            split = table.splits.values.get(str(value.get(table.splits.column)))
            if split is None:
                continue
        written = str(value[columns.label])
        if written in table.drop:
            continue
        label = _label(table, written, f"{path.name}, row {number}")
        text = str(value[columns.text]).strip()
        pair = str(value[columns.text_pair]).strip() if columns.text_pair else None
        if not text or pair == "":
            raise AssetError(f"{path.name}, row {number}: empty text")
        key = hashlib.sha256(f"{text}\0{pair or ''}".encode()).hexdigest()[:12]
        yield _Row(
            numbered(key, seen),
            text,
            pair,
            label,
            str(value[columns.group]) if columns.group else key,
            split,
        )


def _label(table: Table, written: str, place: str) -> str | float:
    """The class's name, or the number where there are no classes; `AssetError` names the `place`."""
    if table.labels is None:
        try:
            number = float(written)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or "_" in written:
            raise AssetError(
                f"{place}: label {written!r} is no finite number; table.labels is null, so that labels are numbers: leave the row out "
                "(table.drop), or name the classes in table.labels"
            )
        return number
    if written not in table.labels:
        raise AssetError(f"{place}: label {written!r} is outside the declared set {', '.join(table.labels)}")
    return table.labels[written]
