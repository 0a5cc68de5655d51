"""The store: run folders on disk, the source of truth.  What is there completely is done; what is not is run again."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from seedwise.errors import EngineError, SeedwiseError
from seedwise.regular import read_regular, sha256_regular
from seedwise.store import attempts, ledger
from seedwise.store.hold import held
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
    engine: str = "local"
    job: str | None = Field(default=None, description="the engine's own name of what ran it, where it has one")
    ledger_length: int | None = Field(
        default=None, description="entries that the ledger of declarations had when the run was started"
    )


class Failure(ContractModel):
    """`failure.json`: an attempt that left no result; the run is done again at the next call."""

    reason: FailureReason
    message: str
    exit_code: int
    time: str
    unfit: bool = Field(default=False, description="the host is why, not the run: another one may do it")


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
        return self.result_in(self.folder(identity))

    def result_in(self, folder: Path) -> RunResult | None:
        """The same of a folder that may be an attempt's."""
        try:
            result = _record(RunResult, folder, "result.json")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if result.status is RunStatus.FAILED else result

    def failure(self, identity: str) -> Failure | None:
        """Of the last attempt that left one."""
        return self.failures([identity]).get(identity)

    def failures(self, identities: Iterable[str]) -> dict[str, Failure]:
        """The same of many runs, by one look at the attempts; those without a failure are left out."""
        places = {identity: [self.folder(identity)] for identity in identities}
        for attempt in attempts.everywhere(self.root, places) if places else ():
            places[attempt.name.split(".")[0]].append(attempt)
        found = {}
        for identity, folders in places.items():
            for folder in reversed(folders):
                with suppress(
                    FileNotFoundError, NotADirectoryError, DamagedRun
                ):  # one that tells nothing is made again
                    found[identity] = _record(Failure, folder, "failure.json")
                    break
        return found

    def read(self, identity: str) -> StoredRun:
        """A finished run; `DamagedRun` where its spec is not the one that it is named by."""
        result = self.result(identity)
        folder = self.folder(identity)
        if result is None:
            raise DamagedRun(f"{folder}: not a finished run")
        try:
            spec = _record(RunSpec, folder, "spec.json")
            provenance = _record(Provenance, folder, "provenance.json")
            round(
                datetime.fromisoformat(provenance.started).timestamp() + result.timings.total
            )  # a moment that there is
        except FileNotFoundError as error:
            raise DamagedRun(f"{error.filename}: missing; {_CURE}") from None
        except (ValueError, OverflowError) as error:
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
    def attempt(self, spec: RunSpec, provenance: Provenance, cancelled: Event | None = None) -> Iterator[Path | None]:
        """A folder for one attempt at a run, ready to start; None where another has finished the run.

        Waits while another harness of this host is at it.  A resumable state of an earlier attempt is there again, nothing else.
        """
        identity = provenance.run_id
        with held(self.root, identity, cancelled):
            if self.is_done(identity):
                yield None
                return
            folder = attempts.begin(self.root, identity)
            if provenance.ledger_length is None:
                provenance = provenance.model_copy(update={"ledger_length": self.ledger_length()})
            write_json(folder / "spec.json", spec)
            write_json(folder / "provenance.json", provenance)
            yield folder

    def refuse_unwritable(self) -> None:
        """`EngineError` where nothing can be written into the store: before runs are given out that would all be lost."""
        trial = self.root / attempts.FOLDER / f".written-{uuid.uuid4().hex[:8]}"
        try:
            trial.parent.mkdir(parents=True, exist_ok=True)
            trial.touch()
            trial.unlink()
        except OSError as error:
            raise EngineError(
                f"{self.root}: no run can be written there: {error.strerror or error}; mend it, or set SEEDWISE_HOME to another folder"
            ) from None

    def attempted(self, identity: str) -> Path | None:
        """Where the last attempt at a run lies; None where there is none."""
        return next(reversed(attempts.attempts_of(self.root, identity)), None)

    def publish(self, identity: str, attempt: Path) -> bool:
        """Make a whole attempt the run; False where another one was first, which stays the run."""
        return attempts.publish(self.root, identity, attempt)

    def record_failure(
        self, attempt: Path, reason: FailureReason, message: str, exit_code: int, *, unfit: bool = False
    ) -> Failure:
        failure = Failure(reason=reason, message=message, exit_code=exit_code, time=now(), unfit=unfit)
        with suppress(OSError):  # a full disk may be the very failure; the caller reports it all the same
            write_json(attempt / "failure.json", failure)
        return failure

    def declare(self, declaration: str, looks: Sequence[Mapping[str, float | int]] = ()) -> None:
        """Note when a declaration was first put to work, so that claims made after the runs are told from those before.

        `looks`: the level of each look that it declares.
        """
        ledger.declare(self.root, declaration, now(), looks)

    def declared_before(self, declaration: str, run: StoredRun) -> bool:
        """Whether `declaration` was put to work before `run` was started."""
        return not self.started_before(declaration, [run])

    def started_before(self, declaration: str, runs: Iterable[StoredRun]) -> list[StoredRun]:
        """Those of `runs` that were started before `declaration` was put to work: by the order of the ledger's entries, whatever
        the clocks said; by their times for runs that were started before anything noted their place in it.
        """
        others = [run for run in runs if run.provenance.declaration != declaration]
        if not others:
            return []
        known = self._ledger()
        if declaration not in known.declared:
            return others
        number, time = known.declared[declaration]
        return [run for run in others if not _comes_before(number, time, run, known)]

    def ledger_length(self) -> int:
        """The number that the ledger's next entry will have."""
        return self._ledger().length

    def ledger_lines(self, wanted: Iterable[str]) -> bytes:
        """The ledger's entries that concern these declarations and runs, as JSON lines."""
        return ledger.lines_about(self.root, wanted)

    def _ledger(self) -> ledger.Ledger:
        try:
            return ledger.read_ledger(self.root)
        except OSError as error:
            raise DamagedRun(
                f"{error}; move the ledger away: claims then count as declared after what is there"
            ) from None

    def finished(self) -> Iterator[str]:
        """Ids of all finished runs."""
        if not self.root.is_dir():
            return
        for entry in sorted(os.scandir(self.root), key=lambda entry: entry.name):
            if not entry.name.startswith(".") and self.is_done(entry.name):
                yield entry.name


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


def _comes_before(number: int, time: str, run: StoredRun, known: ledger.Ledger) -> bool:
    """Whether the ledger's entry `number`, of `time`, was there when `run` was started."""
    if run.provenance.ledger_length is not None:
        return number < run.provenance.ledger_length
    started = known.started.get(run.run_id)
    return number < started if started is not None else time <= run.provenance.started


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
