"""The local engine: runs several runs at once on this machine, as leases allow."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from seedwise.execution.engines.attempt import Place, perform
from seedwise.execution.engines.base import Outcome, Setting, StudyRun, Underway, accept
from seedwise.execution.engines.leases import LeasePool
from seedwise.execution.engines.task import Task, tasks_of
from seedwise_contract import FailureReason


class LocalEngine:
    """A thread for each of the `jobs` runs at once; cores and GPUs are lent by `pool`."""

    name = "local"

    def __init__(self, setting: Setting, pool: LeasePool, jobs: int) -> None:
        self.jobs = jobs
        self._setting = setting
        self._pool = pool
        self._cancelled = threading.Event()
        self._executor = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="run")
        self._lock = threading.Lock()
        self._active: dict[str, tuple[float, Path]] = {}

    def submit(self, runs: Sequence[StudyRun]) -> dict[str, Future[Outcome]]:
        futures, left = accept(runs, self._setting)
        for _, run in left:
            self._pool.refuse_impossible(run.spec.device.threads, int(run.spec.device.kind == "cuda"))
        for task in tasks_of(left, self._setting, self.name):
            futures[task.run_id] = self._executor.submit(self._execute, task)
        return futures

    def running(self) -> dict[str, Underway]:
        host = self._setting.surroundings.host
        with self._lock:
            active = dict(self._active)
        found = {}
        for identity, (started, folder) in active.items():
            now = self._setting.store.attempted(identity) or folder  # a warm backend's are moved for their time
            found[identity] = Underway(time.monotonic() - started, host, now)
        return found

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self.cancel()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._setting.runtime.close()

    def _execute(self, task: Task) -> Outcome:
        identity = task.run_id
        with self._pool.lease(task.cores, task.gpus, self._cancelled) as lease:
            if lease is None:
                return Outcome(
                    identity, None, FailureReason.TERMINATED, "not started: the session was stopped", 0, False
                )

            def begun(folder: Path) -> None:
                with self._lock:
                    self._active[identity] = (time.monotonic(), folder)

            try:
                place = Place(self._setting.surroundings.host, lease)
                return perform(task, self._setting.store, self._setting.runtime, place, self._cancelled, begun)
            finally:
                with self._lock:
                    self._active.pop(identity, None)
