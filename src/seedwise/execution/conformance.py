"""The run contract, clause by clause, tried on a backend: what `seedwise backend check` prints.

The clauses are those of docs/contract.md.  Each is tried on the backend itself, with a small data set made here; a clause that
cannot be tried is skipped, and says why.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from seedwise.errors import SeedwiseError
from seedwise.execution.engines.leases import usable_cores
from seedwise.runtimes.base import Exit, Launch, Lease, Process
from seedwise.runtimes.warm import WarmRuntime
from seedwise_contract import Description, ExitCode, RunFiles, RunResult, RunSpec
from seedwise_contract.conformance import breaches
from seedwise_contract.files import read_record, sha256_file, write_json

_GRACE_SECONDS = 90
_POLL_SECONDS = 0.005
_LENGTHS = (1, 10, 100)  # times the epochs, until a run is long enough to be stopped in its middle


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of the contract, and how the backend keeps it."""

    name: str
    outcome: Outcome
    words: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tried: a prepared backend, two specs that differ in their seeds, and where it reads and writes."""

    runtime: WarmRuntime
    backend: str
    digest: str
    description: Description
    specs: tuple[RunSpec, RunSpec]
    data: Path
    models: Path
    work: Path
    memory_bytes: int


class _Broken(Exception):
    """The clause is not kept; the message says what was seen."""


class _Untried(Exception):
    """The clause cannot be tried; the message says why."""


def clauses(subject: Subject) -> Iterator[Clause]:
    """Each clause as it has been tried, in the contract's order."""
    trial = _Trial(subject)
    for name, attempt in trial.attempts().items():
        begun = time.monotonic()
        try:
            outcome, words = Outcome.PASSED, attempt()
        except _Broken as broken:
            outcome, words = Outcome.FAILED, str(broken)
        except _Untried as untried:
            outcome, words = Outcome.SKIPPED, str(untried)
        except (SeedwiseError, OSError, ValueError) as error:
            outcome, words = Outcome.FAILED, f"{type(error).__name__}: {str(error).strip()[-400:]}"
        yield Clause(name, outcome, words, time.monotonic() - begun)


class _Trial:
    def __init__(self, subject: Subject) -> None:
        self._on = subject
        self._count = 0
        self._first: RunFiles | None = None

    def attempts(self) -> Mapping[str, Callable[[], str]]:
        return {
            "describe: what it offers, by the schema": self._describe,
            "check: a good spec is taken": self._good,
            "check: every fault of a bad spec is listed at once": self._faults,
            "check: a field that it does not know is refused": self._unknown,
            "check: a method that it does not offer is refused": self._method,
            "run: ends with 0, and leaves every file of the contract": self._run,
            "run: its files have the digests that result.json says": self._digests,
            "run: the same spec gives the same bits": self._same,
            "run: another seed gives another outcome": self._seeds,
            "run: data that are not the declared ones end with 3": self._data,
            "run: SIGTERM saves a state and ends with 143; the same call goes on to the same bits": self._resume,
            "run: no network is needed": self._network,
            "serve: warm runs are cold ones, bit for bit": self._warm,
        }

    def _describe(self) -> str:
        told = self._on.description
        wanted = self._on.specs[0]
        if wanted.method.name not in told.methods:
            raise _Broken(f"the method that is tried, {wanted.method.name}, is not among: {', '.join(told.methods)}")
        missing = [verb for verb in ("describe", "check", "run") if verb not in told.verbs]
        if missing:
            raise _Broken(f"verbs: {', '.join(missing)} missing")
        return f"{told.backend} {told.version}: {', '.join(told.methods)}"

    def _good(self) -> str:
        ended, _ = self._ended(self._spec(), "check")
        _expect(ended, ExitCode.COMPLETED)
        return "no fault found"

    def _faults(self) -> str:
        spec = self._spec()
        spec["evaluation"]["batch_size"] = 0
        spec["device"]["threads"] = 0
        ended, _ = self._ended(spec, "check")
        _expect(ended, ExitCode.BAD_SPEC)
        for field in ("evaluation.batch_size", "device.threads"):
            if field not in ended.log:
                raise _Broken(f"{field} is not named: {_tail(ended)}")
        return "two of two"

    def _unknown(self) -> str:
        spec = self._spec()
        spec["unheard_of"] = 1
        ended, _ = self._ended(spec, "check")
        _expect(ended, ExitCode.BAD_SPEC)
        if "unheard_of" not in ended.log:
            raise _Broken(f"the field is not named: {_tail(ended)}")
        return "named"

    def _method(self) -> str:
        spec = self._spec()
        spec["method"]["name"] = "no-such-method"
        ended, _ = self._ended(spec, "check")
        _expect(ended, ExitCode.BAD_SPEC)
        if "method" not in ended.log:
            raise _Broken(f"the field is not named: {_tail(ended)}")
        return "named"

    def _run(self) -> str:
        ended, files = self._ended(self._spec())
        _expect(ended, ExitCode.COMPLETED)
        found = [one for one in breaches(files.folder, self._on.data) if not _of_digests(one)]
        if found:
            raise _Broken("; ".join(found[:5]))
        self._first = files
        result = _result(files)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in sorted(result.metrics.get("test", {}).items()))
        return f"{result.updates} updates, {shown}"

    def _digests(self) -> str:
        files = self._done()
        found = [one for one in breaches(files.folder, self._on.data) if _of_digests(one)]
        if found:
            raise _Broken("; ".join(found[:5]))
        return f"{len(_result(files).files)} files"

    def _same(self) -> str:
        first = self._done()
        ended, again = self._ended(self._spec())
        _expect(ended, ExitCode.COMPLETED)
        _require_same(first, again)
        return "predictions, metrics and initial weights are equal"

    def _seeds(self) -> str:
        first = self._done()
        ended, other = self._ended(self._on.specs[1].model_dump(mode="json"))
        _expect(ended, ExitCode.COMPLETED)
        differs = _bits(first) != _bits(other)
        declared = self._on.specs[0].method.name in self._on.description.deterministic_methods
        if declared and differs:
            raise _Broken("described as deterministic, but another seed gives another outcome")
        if not declared and not differs:
            raise _Broken(
                "another seed changes nothing: seeds are ignored, or the method is deterministic and not described so"
            )
        return "described as deterministic: the same" if declared else "another"

    def _data(self) -> str:
        spec = self._spec()
        spec["task"]["splits"]["train"]["sha256"] = "0" * 64
        ended, _ = self._ended(spec)
        _expect(ended, ExitCode.BAD_DATA)
        return "refused"

    def _resume(self) -> str:
        self._done()
        if self._on.specs[0].recipe is None:
            raise _Untried("its method has no epochs, so that there is nothing to resume")
        for times in _LENGTHS:
            spec = self._spec()
            spec["recipe"]["epochs"] *= times
            files = self._folder(spec)
            process = self._start(files.folder)
            while (ended := process.poll()) is None and not _has_stepped(files):
                time.sleep(_POLL_SECONDS)
            if ended is not None:
                _expect(ended, ExitCode.COMPLETED)
                continue
            process.stop(_GRACE_SECONDS)
            ended = process.wait()
            if ended.code == ExitCode.COMPLETED:
                continue
            _expect(ended, ExitCode.TERMINATED)
            if not files.state.is_dir() or not any(files.state.iterdir()):
                raise _Broken("ended with 143, but saved no state")
            _expect(self._start(files.folder).wait(), ExitCode.COMPLETED)
            if found := breaches(files.folder, self._on.data):
                raise _Broken(f"resumed, it leaves: {'; '.join(found[:3])}")
            _, whole = self._ended(spec)
            _require_same(whole, files)
            return f"stopped and resumed in {spec['recipe']['epochs']} epochs"
        raise _Untried("its runs end before they can be stopped")

    def _network(self) -> str:
        self._done()
        if self._on.runtime.name != "docker":
            raise _Untried("processes of this machine have its network; with a container engine this is tried")
        return "every run above had none"

    def _warm(self) -> str:
        first = self._done()
        if not self._on.description.serves:
            raise _Untried("it does not offer to serve")
        before = len(self._on.runtime.notes)
        files = self._folder(self._spec())
        ended = self._start(files.folder, cold=False).wait()
        _expect(ended, ExitCode.COMPLETED)
        if notes := self._on.runtime.notes[before:]:
            raise _Broken("; ".join(notes))
        _require_same(first, files)
        return "equal"

    def _spec(self) -> dict[str, Any]:
        value: dict[str, Any] = self._on.specs[0].model_dump(mode="json")
        return value

    def _done(self) -> RunFiles:
        if self._first is None:
            raise _Untried("no run of it has ended well")
        return self._first

    def _folder(self, spec: dict[str, Any]) -> RunFiles:
        self._count += 1
        folder = self._on.work / f"{self._count:02}"
        folder.mkdir(parents=True)
        write_json(folder / "spec.json", spec)
        return RunFiles(folder)

    def _ended(self, spec: dict[str, Any], verb: str = "run") -> tuple[Exit, RunFiles]:
        files = self._folder(spec)
        return self._start(files.folder, verb).wait(), files

    def _start(self, folder: Path, verb: str = "run", *, cold: bool = True) -> Process:
        return self._on.runtime.start(
            Launch(
                backend=self._on.backend,
                digest=self._on.digest,
                run_id=f"check-{folder.name}",
                out=folder.resolve(),
                data=self._on.data,
                models=self._on.models,
                lease=Lease(usable_cores()[: self._on.specs[0].device.threads], ()),
                memory_bytes=self._on.memory_bytes,
                verb=verb,
                cold=cold,
            )
        )


def _expect(ended: Exit, code: int) -> None:
    if ended.code != code:
        raise _Broken(f"exit code {ended.code} where {int(code)} is due: {_tail(ended)}")


def _tail(ended: Exit) -> str:
    lines = [line.strip() for line in ended.log.splitlines() if line.strip()]
    return " / ".join(lines[-4:])[-400:] or "it said nothing"


def _of_digests(breach: str) -> bool:
    return "sha256" in breach or "result.json's files" in breach or "listed in result.json" in breach


def _result(files: RunFiles) -> RunResult:
    return RunResult.model_validate_json(read_record(files.result))


def _bits(files: RunFiles) -> tuple[object, ...]:
    """What must be equal where runs are said to be: predictions, metrics, what is trained, and its values at the start."""
    parameters = json.loads(files.parameters.read_bytes())
    digests = [sha256_file(files.predictions(split)) for split in ("selection", "test")]
    result = _result(files)
    return (*digests, result.metrics, result.updates, parameters)


def _require_same(first: RunFiles, second: RunFiles) -> None:
    for name, one, other in zip(
        (
            "selection's predictions",
            "the test split's predictions",
            "metrics",
            "the number of updates",
            "parameters.json",
        ),
        _bits(first),
        _bits(second),
        strict=True,
    ):
        if one != other:
            raise _Broken(f"{name} differ")


def _has_stepped(files: RunFiles) -> bool:
    try:
        return b'"step"' in files.events.read_bytes()
    except OSError:
        return False


def as_junit(backend: str, tried: list[Clause]) -> bytes:
    """A JUnit file: a test case a clause."""
    suite = ElementTree.Element(
        "testsuite",
        name=f"run contract: {backend}",
        tests=str(len(tried)),
        failures=str(sum(one.outcome is Outcome.FAILED for one in tried)),
        skipped=str(sum(one.outcome is Outcome.SKIPPED for one in tried)),
        time=f"{sum(one.seconds for one in tried):.3f}",
    )
    for one in tried:
        case = ElementTree.SubElement(suite, "testcase", classname=backend, name=one.name, time=f"{one.seconds:.3f}")
        if one.outcome is Outcome.FAILED:
            ElementTree.SubElement(case, "failure", message=one.words)
        elif one.outcome is Outcome.SKIPPED:
            ElementTree.SubElement(case, "skipped", message=one.words)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
