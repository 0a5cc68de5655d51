"""An odd input: what spoils a finished project, the commands that meet it, and whether they have to refuse it."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.conftest import Small

NEEDLE = "NEEDLE-hunter2secret"
EXECUTED = "executed"  # there once something of an input was executed
GONE = "\0"  # in place of a variable's value: it is not set
Arrange = Callable[[Small], Mapping[str, str] | None]


@dataclass(frozen=True)
class Odd:
    """`arrange` spoils a finished project and gives environment variables; where `refused`, none of `commands` may end with 0."""

    kind: str
    name: str
    arrange: Arrange
    commands: tuple[tuple[str, ...], ...]
    refused: bool = True


def edit(old: str, new: str) -> Arrange:
    return lambda small: small.edit(old, new)


def write(name: str, content: str | bytes) -> Arrange:
    def arrange(small: Small) -> None:
        path = small.project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)

    return arrange


def set_variables(**variables: str) -> Arrange:
    return lambda small: {name: value.replace("ROOT", str(small.project.root)) for name, value in variables.items()}


def nothing(small: Small) -> None: ...


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def safetensors(header: Mapping[str, object], size: int) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * size


class _Touch:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (EXECUTED,)


def pickled() -> bytes:
    """It makes a folder where it is loaded."""
    return pickle.dumps(_Touch(), protocol=2)
