"""Reading a split as the spec declares it; everything wrong with a file is said at once, by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, NamedTuple, Optional

from seedwise_contract.exits import DataError
from seedwise_contract.faults import shown
from seedwise_contract.files import read_lines, sha256_file, tree_digest
from seedwise_contract.spec import Model, Task

_SHOWN_FAULTS = 20


class Example(NamedTuple):
    id: str
    text: str
    text_pair: Optional[str]
    label: int


def read_split(task: Task, split: str, root: Path) -> List[Example]:
    """Examples of `split` in file order.

    Raises `DataError` where the file is absent, its digest or row count is not the declared one, a column is missing
    or empty, an id occurs twice, or a label lies outside the declared set.
    """
    declared = task.splits[split]
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
    examples: List[Example] = []
    faults: List[str] = []
    seen = set()
    try:
        for number, row in enumerate(read_lines(path), start=1):
            example = _example(task, row, f"{path}:{number}", faults)
            if example is None:
                continue
            if example.id in seen:
                faults.append(f"{path}:{number}: id {shown(example.id)} occurs twice; ids must be distinct")
            seen.add(example.id)
            examples.append(example)
    except (ValueError, UnicodeDecodeError) as error:
        faults.append(str(error))
    if not faults and len(examples) != declared.rows:
        faults.append(f"{path}: {len(examples)} rows, but task.splits.{split}.rows declares {declared.rows}")
    if faults:
        more = f"\n… and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise DataError("\n".join(faults[:_SHOWN_FAULTS]) + more)
    return examples


def _example(task: Task, row: Any, where: str, faults: List[str]) -> Optional[Example]:
    columns = task.columns
    wanted = [columns.id, columns.text, columns.label] + ([columns.text_pair] if columns.text_pair else [])
    if not isinstance(row, dict):
        faults.append(f"{where}: found {shown(row)}; each line is a JSON object with {', '.join(wanted)}")
        return None
    missing = [name for name in wanted if name not in row]
    if missing:
        faults.append(f"{where}: no column {', '.join(missing)}; found {', '.join(map(str, row))}")
        return None
    texts = [row[columns.text]] + ([row[columns.text_pair]] if columns.text_pair else [])
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            faults.append(f"{where}: text is {shown(text)}; a non-empty string is needed")
            return None
    label = str(row[columns.label])
    if label not in task.labels:
        faults.append(f"{where}: label {shown(label)} is outside the declared set {task.labels}")
        return None
    return Example(str(row[columns.id]), texts[0], texts[1] if columns.text_pair else None, task.labels.index(label))


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
