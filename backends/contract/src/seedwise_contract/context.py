"""What a run is handed beside its spec: where data and models lie, where to write, where to tell, and whether to stop."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from seedwise_contract.events import EventLog
from seedwise_contract.files import RunFiles


class Roots(NamedTuple):
    """Where data and models are mounted."""

    data: Path
    models: Path


class RunContext:
    """What a backend is handed beside the spec: where to write, where to tell, and whether to stop."""

    def __init__(self, files: RunFiles, roots: Roots, events: EventLog) -> None:
        self.files = files
        self.roots = roots
        self.events = events
        self._stop = False

    def request_stop(self, *_: object) -> None:
        self._stop = True

    @property
    def stop_requested(self) -> bool:
        """SIGTERM came: save a resumable state in `files.state` and raise `Interrupted` soon (within ten seconds)."""
        return self._stop
