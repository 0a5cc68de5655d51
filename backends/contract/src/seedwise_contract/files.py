"""Files of a run folder, written whole: a temporary name in the same folder, flushed, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

FILE_BYTES = 64 << 30
RECORD_BYTES = 64 << 20  # of a JSON file that is held in memory
LINE_BYTES = 16 << 20


def write_whole(path: Path, data: str | bytes) -> None:
    """Write `data` so that `path` is either as before or complete, even when the machine stops in the middle."""
    payload = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "wb") as handle:
            handle.write(payload)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    write_whole(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_lines(path: Path, values: Iterable[Any]) -> None:
    lines = (v.model_dump_json() if isinstance(v, BaseModel) else json.dumps(v, ensure_ascii=False) for v in values)
    write_whole(path, "".join(line + "\n" for line in lines))


def open_file(path: Path, most: int = FILE_BYTES) -> BinaryIO:
    """`path` opened for reading, links followed; `OSError` where it is no regular file, or larger than `most`.

    A FIFO is not waited for.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return os.fdopen(handle, "rb")
    os.close(handle)
    what = (
        f"has {found.st_size >> 20} MiB, at most {most >> 20} are read"
        if found.st_size > most
        else "is no regular file"
    )
    raise OSError(f"{path}: {what}")


def read_record(path: Path) -> bytes:
    """A JSON file that is held in memory; as `open_file`."""
    with open_file(path, RECORD_BYTES) as handle:
        return handle.read()


def lines_of(path: Path, most: int = FILE_BYTES) -> Iterator[tuple[int, str]]:
    """Number and text of each line; `ValueError` names the file and a line that is too long or no text."""
    with open_file(path, most) as handle:
        number = 0
        while line := handle.readline(LINE_BYTES + 1):
            number += 1
            if len(line) > LINE_BYTES:
                raise ValueError(f"{path}:{number}: a line of more than {LINE_BYTES >> 20} MiB")
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}:{number}: not UTF-8 ({error.reason})") from None


def read_lines(path: Path) -> Iterator[Any]:
    """Each line of a JSON-lines file; `ValueError` names the file and the line."""
    for number, line in lines_of(path):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or (str(error).splitlines() or [""])[0]
            raise ValueError(f"{path}:{number}: not JSON ({reason})") from None


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with open_file(path) as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def tree_digest(folder: Path) -> str:
    """sha256 over the sorted list `relative/path NUL sha256 LF` of all regular files below `folder`."""
    names: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            names[path.relative_to(folder).as_posix()] = sha256_file(path)
    listing = "".join(f"{name}\0{names[name]}\n" for name in sorted(names))
    return hashlib.sha256(listing.encode()).hexdigest()


class RunFiles:
    """Where each file of a run lies below its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def spec(self) -> Path:
        return self.folder / "spec.json"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def parameters(self) -> Path:
        return self.folder / "parameters.json"

    @property
    def environment(self) -> Path:
        return self.folder / "environment.json"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    @property
    def state(self) -> Path:
        """A resumable state, there only while the run is unfinished."""
        return self.folder / "state"

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    @property
    def answers(self) -> Path:
        """What a language model says to the first prompts; there only where the task has prompts."""
        return self.folder / "answers.jsonl"

    def predictions(self, split: str) -> Path:
        return self.folder / "predictions" / f"{split}.jsonl"
