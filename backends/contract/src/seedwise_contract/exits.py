"""Exit codes and the typed errors that lead to them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedwise_contract.faults import Fault


class ExitCode(IntEnum):
    COMPLETED = 0  # also a diverged run: its result says so
    BAD_SPEC = 2
    BAD_DATA = 3
    OUT_OF_MEMORY = 4
    INTERNAL = 5
    TERMINATED = 143  # SIGTERM, after a resumable state was saved


class BackendError(Exception):
    """A failure of a run whose cause is known; the message says what to do."""

    exit_code = ExitCode.INTERNAL
    reason = "internal"


class SpecError(BackendError):
    exit_code = ExitCode.BAD_SPEC
    reason = "bad_spec"

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        self.source = source
        self.faults = list(faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"{source}: {len(self.faults)} fault(s)\n{lines}")


class DataError(BackendError):
    """Data or model files that are absent, changed or malformed."""

    exit_code = ExitCode.BAD_DATA
    reason = "bad_data"


class OutOfMemory(BackendError):
    exit_code = ExitCode.OUT_OF_MEMORY
    reason = "out_of_memory"


class Interrupted(BackendError):
    """SIGTERM arrived and the state was saved; a later run with the same output folder goes on from there."""

    exit_code = ExitCode.TERMINATED
    reason = "terminated"
