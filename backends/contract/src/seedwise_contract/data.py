"""Reading a split as the spec declares it; everything wrong with a file is said at once, by line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from seedwise_contract.exits import DataError
from seedwise_contract.faults import shown
from seedwise_contract.files import read_lines, sha256_file, tree_digest
from seedwise_contract.spec import CausalLmTask, MaskedLmTask, Model, RegressionTask, Split, Task

_SHOWN_FAULTS = 20
_Row = TypeVar("_Row")


class Example(NamedTuple):
    id: str
    text: str
    text_pair: str | None
    label: int


class Measured(NamedTuple):
    """An example whose label is a number."""

    id: str
    text: str
    text_pair: str | None
    label: float


class Text(NamedTuple):
    id: str
    text: str


class Dialogue(NamedTuple):
    """`prompt` is empty where rows are running text."""

    id: str
    prompt: str
    answer: str


def read_split(task: Task, split: str, root: Path) -> list[Example]:
    """Examples of `split` in file order.

    Raises `DataError` where the file is absent, its digest or row count is not the declared one, a column is missing
    or empty, an id occurs twice, or a label lies outside the declared set.
    """
    columns = task.columns
    pair = [columns.text_pair] if columns.text_pair else []

    def example(row: dict[str, Any], number: str) -> Example:
        label = str(row[columns.label])
        if label not in task.labels:
            raise ValueError(f"label {shown(label)} is outside the declared set {task.labels}")
        second = row[columns.text_pair] if columns.text_pair else None
        return Example(number, row[columns.text], second, task.labels.index(label))

    return _read(task.splits[split], split, root, columns.id, [columns.text, *pair], [columns.label], example)


def read_measured(task: RegressionTask, split: str, root: Path) -> list[Measured]:
    """Examples of `split` in file order; `DataError` as `read_split`, and where a label is no finite number."""
    columns = task.columns
    pair = [columns.text_pair] if columns.text_pair else []

    def measured(row: dict[str, Any], number: str) -> Measured:
        label = row[columns.label]
        if isinstance(label, bool) or not isinstance(label, int | float) or not math.isfinite(label):
            raise ValueError(f"label {shown(label)} is no finite number")
        return Measured(number, row[columns.text], row[columns.text_pair] if columns.text_pair else None, float(label))

    return _read(task.splits[split], split, root, columns.id, [columns.text, *pair], [columns.label], measured)


def read_texts(task: MaskedLmTask, split: str, root: Path) -> list[Text]:
    """Texts of `split` in file order; `DataError` as `read_split`."""
    column = task.columns.text
    return _read(
        task.splits[split], split, root, task.columns.id, [column], [], lambda row, number: Text(number, row[column])
    )


def read_dialogues(task: CausalLmTask, split: str, root: Path) -> list[Dialogue]:
    """Prompts and answers of `split` in file order; `DataError` as `read_split`."""
    columns = task.columns
    prompt = columns.prompt
    return _read(
        task.splits[split], split, root, columns.id, [*([prompt] if prompt else []), columns.answer], [],
        lambda row, number: Dialogue(number, row[prompt] if prompt else "", row[columns.answer]),
    )  # fmt: skip


def _read(
    declared: Split, split: str, root: Path, id_column: str, texts: list[str], others: list[str],
    make: Callable[[dict[str, Any], str], _Row],
) -> list[_Row]:  # fmt: skip
    """Rows of a split file, each made by `make` from its line and its id; `make` raises `ValueError` for a bad one."""
    path = root / declared.file
    if not path.is_file():
        raise DataError(
            f"{path}: no such file (split '{split}'); fetch the data set again or correct task.splits.{split}.file"
        )
    found = sha256_file(path)
    if found != declared.sha256:
        raise DataError(
            f"{path}: sha256 is {found}, but task.splits.{split}.sha256 declares {declared.sha256}; "
            "the file has changed since the spec was made: plan again, or restore the file"
        )
    rows: list[_Row] = []
    faults: list[str] = []
    seen = set()
    try:
        for number, row in enumerate(read_lines(path), start=1):
            try:
                _refuse_line(row, [id_column, *texts, *others], texts)
                made = make(row, str(row[id_column]))
            except ValueError as error:
                faults.append(f"{path}:{number}: {error}")
                continue
            if row[id_column] in seen:
                faults.append(f"{path}:{number}: id {shown(row[id_column])} occurs twice; ids must be distinct")
            seen.add(row[id_column])
            rows.append(made)
    except (ValueError, UnicodeDecodeError) as error:
        faults.append(str(error))
    if not faults and len(rows) != declared.rows:
        faults.append(f"{path}: {len(rows)} rows, but task.splits.{split}.rows declares {declared.rows}")
    if faults:
        more = f"\n… and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise DataError("\n".join(faults[:_SHOWN_FAULTS]) + more)
    return rows


def _refuse_line(row: Any, wanted: list[str], texts: list[str]) -> None:
    if not isinstance(row, dict):
        raise ValueError(f"found {shown(row)}; each line is a JSON object with {', '.join(wanted)}")
    missing = [name for name in wanted if name not in row]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}; found {', '.join(map(str, row))}")
    for name in texts:
        if not isinstance(row[name], str) or not row[name].strip():
            raise ValueError(f"{name} is {shown(row[name])}; a non-empty string is needed")


def model_folder(model: Model, root: Path) -> Path:
    """The folder of `model` below `root`; `DataError` where it is absent or its digest differs."""
    folder = root / model.path
    if not folder.is_dir():
        raise DataError(f"{folder}: no such model folder (model.path); fetch the model again or correct the path")
    found = tree_digest(folder)
    if found != model.sha256:
        raise DataError(
            f"{folder}: digest is {found}, but model.sha256 declares {model.sha256}; restore or fetch it again"
        )
    return folder
