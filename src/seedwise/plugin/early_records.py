"""Records of studies that are decided while others still run, so that little is left to record at the end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from seedwise.execution.engines.leases import LeasePool
from seedwise.project import Project
from seedwise.store.store import Store

if TYPE_CHECKING:
    from seedwise.verdicts.comparison import StudyOutcome


class EarlyRecords:
    """Writes the report and the MLflow import of one study after the other, in a thread, on a core that no run holds."""

    def __init__(self, pool: LeasePool, project: Project, store: Store) -> None:
        self._pool = pool
        self._project = project
        self._store = store
        self._ending = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="record")

    def add(self, outcome: StudyOutcome) -> None:
        self._thread.submit(self._record, outcome)

    def end(self) -> None:
        """Begin nothing more; what is being written is written to its end."""
        self._ending.set()
        self._thread.shutdown(wait=True)

    def _record(self, outcome: StudyOutcome) -> None:
        with self._pool.lease(1, 0, self._ending) as lease:
            if lease is not None:
                from seedwise.tracker.recording import record_early

                record_early(outcome, self._project, self._store)
