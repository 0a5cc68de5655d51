"""The words before a command that make it a process of ours: what `launcher.py` reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launcher.py")


def launched(cores: Sequence[int] = (), cage: str | None = None) -> list[str]:
    """The command that follows ends with this process; on `cores` alone where some are given, and in `cage`, as `launcher.py` takes it."""
    return [
        *(sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())),
        ",".join(map(str, cores)) or "-",
        "-" if cage is None else cage,
    ]
