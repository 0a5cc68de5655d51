"""One attempt at a run, where it is executed: the same work whichever engine has brought it there.

It is made in a folder of its own and becomes the run whole, or leaves a typed failure and, where it could, a state to go on from.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from seedwise.errors import EngineError, SeedwiseError
from seedwise.execution.engines.base import Outcome
from seedwise.execution.engines.task import Task
from seedwise.runtimes.base import Exit, Launch, Lease, Runtime
from seedwise.store.store import DamagedRun, Store, now
from seedwise_contract import ExitCode, FailureReason, RunResult, RunStatus
from seedwise_contract.files import read_record

STOP_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.1
_LEAST_FREE_BYTES = 1 << 30
_REASON_OF_CODE = {
    ExitCode.BAD_SPEC: FailureReason.BAD_SPEC,
    ExitCode.BAD_DATA: FailureReason.BAD_DATA,
    ExitCode.OUT_OF_MEMORY: FailureReason.OUT_OF_MEMORY,
    ExitCode.TERMINATED: FailureReason.TERMINATED,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt is made: the host's name, what it may use there, and the engine's name of its job, if it has one."""

    host: str
    lease: Lease
    job: str | None = None


def perform(
    task: Task,
    store: Store,
    runtime: Runtime,
    place: Place,
    stop: Event,
    begun: Callable[[Path], None] = lambda folder: None,
) -> Outcome:
    """Make an attempt at the task's run with a runtime that has its backend ready; its outcome, whatever happens.

    Once `stop` is set, the run is asked to save its state and end.  `begun` is told the folder once the backend is started.
    """
    started = time.monotonic()
    provenance = task.provenance.model_copy(update={"host": place.host, "job": place.job, "started": now()})
    try:
        _refuse_full_disk(store)
        with store.attempt(task.spec, provenance, stop) as folder:
            if folder is None:
                return _stored(task, store)
            try:
                ended, late = _executed(task, runtime, place.lease, folder, stop, begun)
                return _concluded(task, store, folder, ended, late, time.monotonic() - started)
            except (SeedwiseError, OSError) as error:
                store.record_failure(folder, _reason(error), str(error), 0)
                return Outcome(task.run_id, None, _reason(error), str(error), time.monotonic() - started, False)
    except (SeedwiseError, OSError) as error:
        return not_begun(task, store, place, stop, _reason(error), str(error))


def not_begun(
    task: Task,
    store: Store,
    place: Place,
    stop: Event,
    reason: FailureReason,
    message: str,
    *,
    unfit: bool = False,
) -> Outcome:
    """What came of a task without an attempt, left in one, where whoever gave the task sees it; where nothing can be written, in
    vain.
    """
    provenance = task.provenance.model_copy(update={"host": place.host, "job": place.job})
    if not stop.is_set():
        with suppress(SeedwiseError, OSError), store.attempt(task.spec, provenance, stop) as folder:
            if folder is not None:
                store.record_failure(folder, reason, message, 0, unfit=unfit)
    return Outcome(task.run_id, None, reason, message, 0.0, False)


def _reason(error: Exception) -> FailureReason:
    full = isinstance(error, _NoSpace) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))
    return FailureReason.NO_SPACE if full else FailureReason.INTERNAL


def _stored(task: Task, store: Store) -> Outcome:
    result = store.read(task.run_id).result
    return Outcome(task.run_id, result, None, None, result.timings.total, True)


def _executed(
    task: Task, runtime: Runtime, lease: Lease, folder: Path, stop: Event, begun: Callable[[Path], None]
) -> tuple[Exit, bool]:
    """How the process ended, and whether it was stopped for taking longer than the study allows."""
    process = runtime.start(
        Launch(
            backend=task.spec.backend,
            digest=task.provenance.digest,
            run_id=task.run_id,
            out=folder,
            data=Path(task.data),
            models=Path(task.models),
            lease=lease,
            memory_bytes=task.memory_bytes,
            cold=task.spec.device.instructions is not None,
        )
    )
    begun(folder)
    since = time.monotonic()
    late = stopped = False
    try:
        while (ended := process.poll()) is None:
            late = late or (not stopped and time.monotonic() - since > task.timeout_minutes * 60)
            if (late or stop.is_set()) and not stopped:
                stopped = True
                process.stop(STOP_GRACE_SECONDS)
            time.sleep(_POLL_SECONDS)
    except BaseException:
        process.stop(STOP_GRACE_SECONDS)
        raise
    return ended, late


def _concluded(task: Task, store: Store, folder: Path, ended: Exit, late: bool, seconds: float) -> Outcome:
    """A finished result, published, or the attempt's failure with a type and the end of its log."""
    log = folder / "backend.log"
    log.unlink(missing_ok=True)  # a run may have put a link there, which would be followed
    log.write_text(ended.log, encoding="utf-8")
    result: RunResult | None = None
    damage: str | None = None
    try:
        result = store.result_in(folder)
    except DamagedRun as error:
        damage = str(error)
    if result is not None and ended.code == ExitCode.COMPLETED:
        if not store.publish(task.run_id, folder):
            return _stored(task, store)
        return Outcome(task.run_id, result, None, None, seconds, False)
    reason, message = _failure(task, folder, ended, damage, late)
    store.record_failure(folder, reason, message, ended.code)
    (folder / "result.json").unlink(missing_ok=True)
    return Outcome(task.run_id, None, reason, message, seconds, False)


def _refuse_full_disk(store: Store) -> None:
    store.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(store.root).free
    if free < _LEAST_FREE_BYTES:
        raise _NoSpace(
            f"{store.root}: {free >> 20} MiB free, {_LEAST_FREE_BYTES >> 20} are needed to start a run; "
            "free some space, or set SEEDWISE_HOME to a larger disk, and run again: finished runs are kept"
        )


class _NoSpace(EngineError):
    pass


def _failure(task: Task, folder: Path, ended: Exit, damage: str | None, late: bool) -> tuple[FailureReason, str]:
    if ended.oom_killed:
        return FailureReason.OUT_OF_MEMORY, (
            f"killed at the memory limit of {task.memory_gib:g} GiB; raise memory_gib in the study, or lower the batch size"
        )
    if ended.perhaps_oom:
        return FailureReason.OUT_OF_MEMORY, (
            f"killed from outside, perhaps at the memory limit of {task.memory_gib:g} GiB, which this container engine does not "
            "tell; raise memory_gib in the study, or lower the batch size"
        )
    if damage is not None:
        return FailureReason.INTERNAL, damage
    if late:
        return FailureReason.TERMINATED, (
            f"stopped after timeout_minutes = {task.timeout_minutes:g}; what it had saved is kept, and a next call goes on "
            "from there: raise timeout_minutes in the study if it needs longer"
        )
    try:
        left = RunResult.model_validate_json(read_record(folder / "result.json"))
    except (OSError, ValueError):
        left = None
    if left is not None and left.status is RunStatus.FAILED and left.reason is not None:
        return left.reason, left.message or left.reason.value
    reason = (
        _REASON_OF_CODE.get(ExitCode(ended.code), FailureReason.INTERNAL)
        if ended.code in set(ExitCode)
        else (FailureReason.TERMINATED if ended.code in (137, 143) else FailureReason.INTERNAL)
    )
    what = "was killed (SIGKILL)" if ended.code == 137 else f"ended with exit code {ended.code}"
    tail = "\n".join(ended.log.strip().splitlines()[-15:])
    return reason, f"the backend {what} and left no result; the end of its log ({folder / 'backend.log'}):\n{tail}"
