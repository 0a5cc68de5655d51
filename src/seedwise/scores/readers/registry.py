"""Which reader knows a file: by its content where that says so, else by its name."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seedwise.errors import InputError
from seedwise.scores.frame import ArrowColumn, Frame, frame_of_records
from seedwise.scores.readers import evaluations, training
from seedwise.scores.readers.content import FORMATS, Content, open_content
from seedwise.scores.readers.delimited import read_delimited

# A reader of a JSON document gives a frame, or None where the document is not of its kind; the first that knows it reads it.
JSON_READERS: tuple[Callable[[Content, Any], Frame | None], ...] = (
    evaluations.read_inspect,
    evaluations.read_lm_eval_results,
    evaluations.read_helm,
    training.read_peft_method,
    training.read_trainer_state,
    training.read_metrics,
)
SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".eval")


def find_files(source: str) -> list[Path | None]:
    """The files of a path, a quoted glob or a folder; None stands for standard input."""
    if source == "-":
        return [None]
    path = Path(source).expanduser()
    if path.is_dir():
        found = sorted(
            each
            for each in path.rglob("*")
            if each.is_file()
            and not any(part.startswith(".") for part in each.relative_to(path).parts)
            and _known(each)
        )
        if not found:
            raise InputError(f"{source}: no file in this folder that scores are read from ({FORMATS})")
        return list(found)
    if path.exists():
        return [path]
    matched = sorted(Path(each) for each in glob.glob(str(path), recursive=True) if Path(each).is_file())
    if matched:
        return list(matched)
    raise InputError(f"{source}: no such file; give scores as {FORMATS}, a folder of them, or - for standard input")


def _known(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(SUFFIXES)


def read_file(path: Path | None) -> Frame:
    """The frame of one file. Raises InputError with its name for content that no reader knows."""
    content = open_content(path)
    frame = _read(content)
    if not frame.n:
        raise InputError(f"{content.name}: holds no rows; {frame.lacks or 'arm, seed and score are needed at least'}")
    return frame


def _read(content: Content) -> Frame:
    suffix = content.suffix
    if suffix == ".eval" or content.data[:4] == b"PK\x03\x04":
        return evaluations.read_eval_archive(content)
    if suffix == ".parquet" or content.data[:4] == b"PAR1":
        return _parquet(content)
    if suffix in (".jsonl", ".ndjson"):
        return evaluations.refine(_json_lines(content))
    start = content.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if suffix == ".json" or (suffix == "" and start in (b"{", b"[")):
        return _json(content)
    if suffix in (".csv", ".tsv", ".txt", ""):
        return training.refine(read_delimited(content), content)
    raise InputError(f"{content.name}: unknown kind of file; give scores as {FORMATS}")


def _json(content: Content) -> Frame:
    try:
        document = json.loads(content.text())
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return evaluations.refine(_json_lines(content))
        raise InputError(f"{content.name}: is not JSON ({error.msg}, line {error.lineno})") from None
    for reader in JSON_READERS:
        frame = reader(content, document)
        if frame is not None:
            return frame
    records = document
    if isinstance(document, dict):
        lists = [value for value in document.values() if _are_records(value)]
        if len(lists) != 1:
            raise InputError(
                f"{content.name}: no kind of JSON that is known; give an array of objects, a row each, or one object a line (.jsonl)"
            )
        records = lists[0]
    if not _are_records(records):
        raise InputError(f"{content.name}: an array of objects is needed, a row each")
    return evaluations.refine(frame_of_records(content.name, records))


def _are_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _json_lines(content: Content) -> Frame:
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, line in enumerate(content.text().split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{content.name}: line {number} is not JSON ({error.msg})") from None
        if not isinstance(record, dict):
            raise InputError(f"{content.name}: line {number} is no JSON object; give one object a line")
        records.append(record)
        numbers.append(number)
    return frame_of_records(content.name, records, numbers)


def _parquet(content: Content) -> Frame:
    import pyarrow as pa  # type: ignore[import-untyped]  # slow to import
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        table = pq.read_table(pa.BufferReader(content.data))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{content.name}: cannot be read as Parquet ({error})") from None
    n = table.num_rows
    columns = {
        name: ArrowColumn(table[name]) for name in table.column_names if not name.startswith("__index_level_") and name
    }
    return evaluations.refine(Frame(content.name, columns, n, lambda: range(1, n + 1)))


def names_of(files: Sequence[Path | None]) -> list[str]:
    return ["standard input" if path is None else str(path) for path in files]
