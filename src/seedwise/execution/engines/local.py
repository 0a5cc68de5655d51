"""The local engine: runs several runs at once on this machine, as leases allow."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from seedwise.errors import EngineError, SeedwiseError
from seedwise.execution.engines.leases import LeasePool
from seedwise.execution.provenance import Surroundings
from seedwise.planning.interim import as_declared
from seedwise.planning.plan import PlannedRun
from seedwise.runtimes.base import Exit, Launch, Lease, Process, Runtime
from seedwise.store.store import DamagedRun, Provenance, Store, now
from seedwise.study.model import Declared
from seedwise_contract import ExitCode, FailureReason, RunResult, RunStatus

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
class Outcome:
    """How a run ended for the harness.  `result` is there where it completed or diverged; else `reason` and `message`."""

    run_id: str
    result: RunResult | None
    reason: FailureReason | None
    message: str | None
    seconds: float
    cached: bool


@dataclass(frozen=True, slots=True)
class Roots:
    data: Path
    models: Path


class LocalEngine:
    """Executes planned runs; each outcome is a future, and a run's files are in the store when it is done."""

    def __init__(
        self,
        runtime: Runtime,
        store: Store,
        pool: LeasePool,
        jobs: int,
        roots: Roots,
        surroundings: Surroundings,
        study_of: dict[str, Declared],
    ) -> None:
        self._runtime = runtime
        self._store = store
        self.pool = pool
        self._roots = roots
        self._surroundings = surroundings
        self._study_of = study_of
        self._cancelled = threading.Event()
        self.jobs = jobs
        self._executor = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="run")
        self._lock = threading.Lock()
        self._active: dict[str, tuple[Process, float]] = {}

    def submit(self, runs: Sequence[tuple[str, PlannedRun]]) -> dict[str, Future[Outcome]]:
        """Start (study name, run) pairs; run id → future.  What the store holds is done at once.

        Runs that need no GPU go first where others do, since they would only wait behind them; then a run of each arm, so that
        what cannot work and how long it all takes is known early; else they keep their order.  Every study with something to
        run is declared before the first run starts: studies may share runs.
        """
        identities = dict.fromkeys(run.run_id for _, run in runs if run.run_id is not None)
        stored_runs = {identity: self._store.result(identity) for identity in identities}
        for study in dict.fromkeys(study for study, run in runs if stored_runs[run.run_id or ""] is None):
            self._store.declare(self._study_of[study].declaration(), as_declared(self._study_of[study]))
        futures: dict[str, Future[Outcome]] = {}
        first: dict[tuple[str, str], PlannedRun] = {}
        for study, run in runs:
            first.setdefault((study, run.arm), run)
        for study, run in sorted(
            runs, key=lambda pair: (pair[1].spec.device.kind == "cuda", pair[1] is not first[pair[0], pair[1].arm])
        ):
            assert run.run_id is not None
            if run.run_id in futures:
                continue  # two studies share this run
            stored = stored_runs[run.run_id]
            if stored is not None:
                futures[run.run_id] = Future()
                futures[run.run_id].set_result(Outcome(run.run_id, stored, None, None, stored.timings.total, True))
            else:
                needs_gpu = 1 if run.spec.device.kind == "cuda" else 0
                self.pool.refuse_impossible(run.spec.device.threads, needs_gpu)
                futures[run.run_id] = self._executor.submit(self._execute, self._study_of[study], run)
        return futures

    def running(self) -> dict[str, float]:
        """Run id → seconds since it started, for the runs in progress."""
        with self._lock:
            return {identity: time.monotonic() - started for identity, (_, started) in self._active.items()}

    def cancel(self) -> None:
        """Start nothing more, and ask what runs to save its state and end."""
        self._cancelled.set()
        with self._lock:
            active = [process for process, _ in self._active.values()]
        for process in active:
            threading.Thread(target=process.stop, args=(STOP_GRACE_SECONDS,), daemon=True).start()

    def close(self) -> None:
        """Cancel, and wait until every process has ended."""
        self.cancel()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._runtime.close()

    def _execute(self, study: Declared, run: PlannedRun) -> Outcome:
        assert run.run_id is not None
        assert run.digest is not None
        cores, gpus = run.spec.device.threads, 1 if run.spec.device.kind == "cuda" else 0
        with self.pool.lease(cores, gpus, self._cancelled) as lease:
            if lease is None:
                return Outcome(
                    run.run_id, None, FailureReason.TERMINATED, "not started: the session was stopped", 0, False
                )
            started = time.monotonic()
            try:
                self._refuse_full_disk()
                provenance = self._provenance(study, run, run.run_id, run.digest)
                with self._store.writing(run, provenance, self._cancelled) as folder:
                    if folder is None:
                        stored = self._store.read(run.run_id).result
                        return Outcome(run.run_id, stored, None, None, stored.timings.total, True)
                    ended, late = self._attempt(study, run, run.run_id, run.digest, lease, folder)
                    seconds = time.monotonic() - started
                    return self._conclude(study, run.run_id, folder, ended, late, seconds)
            except SeedwiseError as error:
                reason = FailureReason.NO_SPACE if isinstance(error, _NoSpace) else FailureReason.INTERNAL
                return Outcome(run.run_id, None, reason, str(error), time.monotonic() - started, False)
            except OSError as error:
                reason = FailureReason.NO_SPACE if error.errno == 28 else FailureReason.INTERNAL
                return Outcome(run.run_id, None, reason, str(error), time.monotonic() - started, False)

    def _attempt(
        self, study: Declared, run: PlannedRun, identity: str, digest: str, lease: Lease, folder: Path
    ) -> tuple[Exit, bool]:
        """How the process ended, and whether it was stopped for taking longer than the study allows."""
        launch = Launch(
            backend=run.spec.backend,
            digest=digest,
            run_id=identity,
            out=folder,
            data=self._roots.data,
            models=self._roots.models,
            lease=lease,
            memory_bytes=int(study.memory_gib * (1 << 30)),
            cold=run.spec.device.instructions is not None,
        )
        process = self._runtime.start(launch)
        begun = time.monotonic()
        with self._lock:
            self._active[identity] = (process, begun)
        late = stopped = False
        try:
            while (ended := process.poll()) is None:
                late = late or (not stopped and time.monotonic() - begun > study.timeout_minutes * 60)
                if (late or self._cancelled.is_set()) and not stopped:
                    stopped = True
                    process.stop(STOP_GRACE_SECONDS)
                time.sleep(_POLL_SECONDS)
            return ended, late
        finally:
            with self._lock:
                del self._active[identity]

    def _conclude(
        self, study: Declared, identity: str, folder: Path, ended: Exit, late: bool, seconds: float
    ) -> Outcome:
        """A finished result, or the attempt's failure with a type and the end of its log."""
        log = folder / "backend.log"
        log.unlink(missing_ok=True)  # a run may have put a link there, which would be followed
        log.write_text(ended.log, encoding="utf-8")
        result: RunResult | None = None
        damage: str | None = None
        try:
            result = self._store.result(identity)
        except DamagedRun as error:
            damage = str(error)
        if result is not None and ended.code == ExitCode.COMPLETED:
            return Outcome(identity, result, None, None, seconds, False)
        reason, message = _failure(folder, ended, damage, late, study)
        self._store.record_failure(identity, reason, message, ended.code)
        (folder / "result.json").unlink(missing_ok=True)
        return Outcome(identity, None, reason, message, seconds, False)

    def _refuse_full_disk(self) -> None:
        self._store.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._store.root).free
        if free < _LEAST_FREE_BYTES:
            raise _NoSpace(
                f"{self._store.root}: {free >> 20} MiB free, {_LEAST_FREE_BYTES >> 20} are needed to start a run; "
                "free some space, or set SEEDWISE_HOME to a larger disk, and run again: finished runs are kept"
            )

    def _provenance(self, study: Declared, run: PlannedRun, identity: str, digest: str) -> Provenance:
        return Provenance(
            run_id=identity,
            backend=run.spec.backend,
            digest=digest,
            runtime=self._runtime.name,
            declaration=study.declaration(),
            study=study.name,
            arm=run.arm,
            host=self._surroundings.host,
            git_commit=self._surroundings.git_commit,
            git_dirty=self._surroundings.git_dirty,
            started=now(),
        )


class _NoSpace(EngineError):
    pass


def _failure(folder: Path, ended: Exit, damage: str | None, late: bool, study: Declared) -> tuple[FailureReason, str]:
    if ended.oom_killed:
        return FailureReason.OUT_OF_MEMORY, (
            f"killed at the memory limit of {study.memory_gib:g} GiB; raise memory_gib in the study, or lower the batch size"
        )
    if damage is not None:
        return FailureReason.INTERNAL, damage
    if late:
        return FailureReason.TERMINATED, (
            f"stopped after timeout_minutes = {study.timeout_minutes:g}; what it had saved is kept, and a next call goes on "
            "from there: raise timeout_minutes in the study if it needs longer"
        )
    try:
        left = RunResult.model_validate_json((folder / "result.json").read_bytes())
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
