"""Which reader knows a file: by its content where that says so, else by its name."""

from __future__ import annotations

import csv
import glob
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedwise.bounded import reason
from seedwise.errors import InputError
from seedwise.scores.frame import Frame
from seedwise.scores.readers import evaluations, fairseq, training
from seedwise.scores.readers.content import FORMATS, Content, open_content
from seedwise.scores.readers.delimited import read_delimited
from seedwise.scores.readers.records import flatten, read_document, read_json_lines, read_parquet

# A reader of a JSON document gives a frame, or None where the document is not of its kind; the first that knows it reads it.
JSON_READERS: tuple[Callable[[Content, Any], Frame | None], ...] = (
    evaluations.read_inspect,
    evaluations.read_lm_eval_results,
    evaluations.read_helm,
    training.read_peft_method,
    training.read_trainer_state,
    training.read_metrics,
)
_STATE, _CHECKPOINT = "trainer_state.json", re.compile(r"checkpoint-(\d+)")
_PARTS = ("eval_results.json", "train_results.json", "test_results.json", "predict_results.json")
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")
_UNLIKE = (
    AttributeError, TypeError, LookupError, ValueError, ArithmeticError, RecursionError, MemoryError, NotImplementedError, csv.Error,
)  # fmt: skip
SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".eval", ".log")


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
        return _once_a_run(found)
    if path.exists():
        return [path]
    matched = sorted(Path(each) for each in glob.glob(str(path), recursive=True) if Path(each).is_file())
    if matched:
        return _once_a_run(matched)
    raise InputError(f"{source}: no such file; give scores as {FORMATS}, a folder of them, or - for standard input")


def _once_a_run(paths: Sequence[Path]) -> list[Path | None]:
    """Without files whose scores another of the same run has too: logs of earlier checkpoints, parts of all_results.json."""
    there = set(paths)
    latest: dict[Path, int] = {}
    for path in paths:
        step = _CHECKPOINT.fullmatch(path.parent.name) if path.name == _STATE else None
        if step is not None:
            run = path.parent.parent
            latest[run] = max(latest.get(run, 0), int(step[1]))
    kept: list[Path | None] = []
    for path in paths:
        run = path.parent.parent
        step = _CHECKPOINT.fullmatch(path.parent.name) if path.name == _STATE else None
        if step is not None and (int(step[1]) < latest[run] or run / _STATE in there):
            continue
        if path.name in _PARTS and path.with_name("all_results.json") in there:
            continue
        kept.append(path)
    return kept


def _known(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(SUFFIXES)


def read_file(path: Path | None) -> Frame:
    """The frame of one file. Raises InputError with its name for content that no reader knows."""
    content = open_content(path)
    try:
        frame = _read(content)
    except _UNLIKE as error:  # a document of a known kind whose parts are of other types than that kind has
        said = f"{type(error).__name__}: {reason(error)}"
        raise InputError(
            f"{content.name}: is not what it looks like: a part of it is of another kind ({said})"
        ) from None
    if not frame.n:
        raise InputError(f"{content.name}: holds no rows; {frame.lacks or 'arm, seed and score are needed at least'}")
    return replace(frame, digest=content.digest)


def _read(content: Content) -> Frame:
    suffix = content.suffix
    if suffix in _SPREADSHEETS:
        raise InputError(f"{content.name}: is a spreadsheet; save the sheet as CSV, which is read with any separator")
    if content.data[:4] == b"PK\x03\x04" or suffix == ".eval":
        return evaluations.read_eval_archive(content)
    if suffix == ".parquet" or content.data[:4] == b"PAR1":
        return _table(read_parquet(content))
    if suffix in (".jsonl", ".ndjson"):
        return _table(read_json_lines(content))
    start = content.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if suffix == ".json" or (suffix in ("", ".txt", ".csv", ".tsv") and start in (b"{", b"[")):
        return _json(content)
    if suffix in (".log", ".out", ".txt", "") and (log := fairseq.read_log(content)) is not None:
        return log
    if suffix in (".csv", ".tsv", ".txt", ".dat", ".md", ""):
        return training.refine(read_delimited(content), content)
    raise InputError(f"{content.name}: unknown kind of file; give scores as {FORMATS}")


def _json(content: Content) -> Frame:
    try:
        document = content.json()
    except json.JSONDecodeError:  # one object after another
        return _table(read_json_lines(content))
    for reader in JSON_READERS:
        frame = reader(content, document)
        if frame is not None:
            return frame
    return _table(read_document(content.name, document))


def _table(frame: Frame) -> Frame:
    """What rows are known to be; where they are nothing special, nested values as columns."""
    found = evaluations.refine(frame)
    return flatten(found) if found.kind == "table" else found
