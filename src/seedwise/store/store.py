"""The store: run folders on disk, the source of truth.  What is there completely is done; what is not is run again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field, ValidationError

from seedwise.errors import EngineError, SeedwiseError
from seedwise.planning.plan import PlannedRun
from seedwise.regular import read_regular, sha256_regular
from seedwise.runtimes.staging import recover
from seedwise_contract import FailureReason, RunFiles, RunResult, RunStatus, faults_of, run_id
from seedwise_contract.base import ContractModel
from seedwise_contract.files import write_json
from seedwise_contract.spec import RunSpec

_CURE = "move the run's folder away to run it again"
_Model = TypeVar("_Model", bound=BaseModel)


class Provenance(ContractModel):
    """`provenance.json`: what the harness knows of a run when it starts, beside the spec."""

    run_id: str
    backend: str
    digest: str
    runtime: str
    declaration: str = Field(description="digest of the study's declaration when the run was started")
    study: str
    arm: str
    host: str
    git_commit: str | None
    git_dirty: bool | None
    started: str


class Failure(ContractModel):
    """`failure.json`: an attempt that left no result; the run is done again at the next call."""

    reason: FailureReason
    message: str
    exit_code: int
    time: str


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A finished run, read back."""

    run_id: str
    folder: Path
    spec: RunSpec
    result: RunResult
    provenance: Provenance

    @property
    def files(self) -> RunFiles:
        return RunFiles(self.folder)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Which line of the ledger, and what time, a declaration was first put to work at, and the line of a run's last start."""

    declared: dict[str, tuple[int, str]]
    started: dict[str, int]


class DamagedRun(SeedwiseError):
    """A finished run's files are not what its result says."""

    exit_code = 6


class Store:
    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, identity: str) -> Path:
        return self.root / identity

    def is_done(self, identity: str | None) -> bool:
        return identity is not None and self.result(identity) is not None

    def result(self, identity: str) -> RunResult | None:
        """The result of a finished run (completed or diverged), or None where it has to be run (again)."""
        try:
            result = _record(RunResult, self.folder(identity), "result.json")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if result.status is RunStatus.FAILED else result

    def failure(self, identity: str) -> Failure | None:
        try:
            return _record(Failure, self.folder(identity), "failure.json")
        except (FileNotFoundError, NotADirectoryError, DamagedRun):  # an attempt that tells nothing is made again
            return None

    def read(self, identity: str) -> StoredRun:
        """A finished run; `DamagedRun` where its spec is not the one that it is named by."""
        result = self.result(identity)
        folder = self.folder(identity)
        if result is None:
            raise DamagedRun(f"{folder}: not a finished run")
        try:
            spec = _record(RunSpec, folder, "spec.json")
            provenance = _record(Provenance, folder, "provenance.json")
            datetime.fromisoformat(provenance.started)
        except FileNotFoundError as error:
            raise DamagedRun(f"{error.filename}: missing; {_CURE}") from None
        except ValueError as error:
            raise DamagedRun(f"{folder / 'provenance.json'}: started: {error}; {_CURE}") from None
        if run_id(spec, provenance.digest) != identity:
            raise DamagedRun(f"{folder}: spec.json or provenance.json was changed: they do not give this run's id")
        return StoredRun(identity, folder, spec, result, provenance)

    def verified(self, run: StoredRun, name: str) -> Path:
        """A file of a finished run whose sha256 is the one in its result; `DamagedRun` otherwise."""
        path = run.folder / name
        try:
            same = sha256_regular(run.folder, name) == run.result.files.get(name)
        except FileNotFoundError:
            same = False
        except OSError as error:
            raise DamagedRun(f"{error}; {_CURE}") from None
        if not same:
            raise DamagedRun(f"{path}: missing, or changed since the run ended; {_CURE}")
        return path

    @contextmanager
    def writing(self, run: PlannedRun, provenance: Provenance, cancelled: Event | None = None) -> Iterator[Path | None]:
        """A folder made ready for one attempt, held against other harnesses; None where another has finished the run.

        Waits while another harness is at it.  A resumable state of an earlier attempt stays; everything else that it left
        goes.
        """
        folder = self.folder(provenance.run_id)
        lock = FileLock(self.root / ".locks" / f"{provenance.run_id}.lock")
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                lock.acquire(timeout=1)
                break
            except Timeout:
                if cancelled is not None and cancelled.is_set():
                    raise EngineError(f"{folder}: another harness is at this run, and this one was stopped") from None
        try:
            recover(folder)
            folder.mkdir(exist_ok=True)
            if self.is_done(provenance.run_id):
                yield None
                return
            if not (folder / "state").is_dir():
                _empty(folder)
            for name in ("result.json", "failure.json"):
                (folder / name).unlink(missing_ok=True)
            self._note({"run": provenance.run_id, "time": provenance.started})
            write_json(folder / "spec.json", run.spec)
            write_json(folder / "provenance.json", provenance)
            yield folder
        finally:
            lock.release()

    def record_failure(self, identity: str, reason: FailureReason, message: str, exit_code: int) -> Failure:
        failure = Failure(reason=reason, message=message, exit_code=exit_code, time=now())
        with suppress(OSError):  # a full disk may be the very failure; the caller reports it all the same
            write_json(self.folder(identity) / "failure.json", failure)
        return failure

    def declare(self, declaration: str, looks: Sequence[Mapping[str, float | int]] = ()) -> None:
        """Note when a declaration was first put to work, so that claims made after the runs are told from those before.

        `looks`: the level of each look that it declares.
        """
        path = self.root / ".declarations.jsonl"
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".declarations.lock"):
            if declaration not in self._ledger().declared:
                said: dict[str, object] = {"declaration": declaration, "time": now()}
                _append(path, said | ({"looks": list(looks)} if looks else {}))

    def declared_before(self, declaration: str, run: StoredRun) -> bool:
        """Whether `declaration` was put to work before `run` was started: by the order of the ledger's lines, whatever the clock
        said; by their times for runs that were started before the ledger named runs.
        """
        if run.provenance.declaration == declaration:
            return True
        ledger = self._ledger()
        if declaration not in ledger.declared:
            return False
        line, time = ledger.declared[declaration]
        started = ledger.started.get(run.run_id)
        return line < started if started is not None else time <= run.provenance.started

    def _note(self, said: Mapping[str, object]) -> None:
        with FileLock(self.root / ".declarations.lock"):
            _append(self.root / ".declarations.jsonl", said)

    def _ledger(self) -> Ledger:
        ledger = Ledger({}, {})
        try:
            lines = read_regular(self.root, ".declarations.jsonl").decode(errors="replace").split("\n")
        except FileNotFoundError:
            return ledger
        except OSError as error:
            raise DamagedRun(
                f"{error}; move the ledger away: claims then count as declared after what is there"
            ) from None
        for number, line in enumerate(lines):
            with suppress(ValueError, KeyError, TypeError, RecursionError):  # a line cut short by a crash
                said = json.loads(line)
                if "run" in said:
                    ledger.started[str(said["run"])] = number  # the last attempt is the one that may have left a result
                else:
                    ledger.declared.setdefault(str(said["declaration"]), (number, str(said["time"])))
        return ledger

    def finished(self) -> Iterator[str]:
        """Ids of all finished runs."""
        if not self.root.is_dir():
            return
        for entry in sorted(os.scandir(self.root), key=lambda entry: entry.name):
            if not entry.name.startswith(".") and self.is_done(entry.name):
                yield entry.name


def _append(path: Path, said: Mapping[str, object]) -> None:
    """One line at the end, on a line of its own also where a crash cut the last one short."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        size = os.fstat(handle).st_size
        cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (("\n" if cut else "") + json.dumps(said) + "\n").encode())
    finally:
        os.close(handle)


def _record(model: type[_Model], folder: Path, name: str) -> _Model:
    """A JSON file of a run; `DamagedRun` where it is none of the contract's, `FileNotFoundError` where there is none."""
    try:
        return model.model_validate_json(read_regular(folder, name))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except ValidationError as error:
        fault = faults_of(error)[0]
        raise DamagedRun(
            f"{folder / name}: not a {name.removesuffix('.json')} of the contract ({error.error_count()} fault(s), the first "
            f"{fault}); {_CURE}"
        ) from None
    except OSError as error:
        raise DamagedRun(f"{error}; {_CURE}") from None


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
