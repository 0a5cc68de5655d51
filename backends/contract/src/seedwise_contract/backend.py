"""What a backend implements, and the command line that every backend answers: describe, check, run, serve;
probe where it has it.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Sequence

from seedwise_contract import tools
from seedwise_contract.description import Description
from seedwise_contract.events import EventLog
from seedwise_contract.exits import BackendError, ExitCode, Interrupted, OutOfMemory, SpecError
from seedwise_contract.faults import Fault
from seedwise_contract.files import RunFiles, sha256_file, write_json
from seedwise_contract.results import Cost, FailureReason, RunResult, RunStatus, Timings
from seedwise_contract.serve import can_serve, serve
from seedwise_contract.spec import RunSpec, load_spec


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


class Backend(Protocol):
    def describe(self) -> Description: ...

    def check(self, spec: RunSpec, roots: Roots) -> List[Fault]:
        """Every field that this backend cannot honour; empty where it can run the spec.  Trains nothing."""
        ...

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        """Train, select, score; write predictions, parameters, environment, checkpoint.  `files` may stay empty."""
        ...


class Warmable(Protocol):
    """What a backend may offer beside: its imports, done once for all the runs of a server."""

    def warm(self, threads: int) -> None:
        """Import what `run` needs, with the environment set that libraries read then; start no thread, touch no device."""
        ...


def main(backend: Backend, argv: Optional[Sequence[str]] = None) -> int:
    """Answer one verb; the return value is the process's exit code."""
    parser = argparse.ArgumentParser(description="A Seedwise training backend (run contract, version 1).")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("describe", help="print, as JSON, what this backend can do")
    takes_spec = [("check", "validate a spec; print every fault"), ("run", "train, select, score, write")]
    if hasattr(backend, "probe"):
        takes_spec.append(("probe", "measure the setup at the start of training"))
    for verb, text in takes_spec:
        sub = verbs.add_parser(verb, help=text)
        sub.add_argument("spec", type=Path, help="the run spec, a JSON file")
        sub.add_argument("--data", type=Path, default=Path("/data"), help="root of data files (default /data)")
        sub.add_argument("--models", type=Path, default=Path("/models"), help="root of model folders (default /models)")
        if verb != "check":
            sub.add_argument("--out", type=Path, required=True, help="folder to write into")
    tools.add_verbs(verbs)
    sub = verbs.add_parser("serve", help="stay up: read requests as JSON lines, run each in a process of its own")
    sub.add_argument("--threads", type=int, required=True, help="device.threads of the specs that will come")
    sub.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="device.kind of the specs that will come")
    arguments = parser.parse_args(argv)
    if tools.answers(arguments.verb):
        return tools.answer(backend, arguments)
    if arguments.verb == "describe":
        description = backend.describe()
        offered = [*description.verbs, "serve"] if can_serve() else description.verbs
        print(description.model_copy(update={"verbs": offered}).model_dump_json(indent=2))
        return ExitCode.COMPLETED
    if arguments.verb == "serve":
        warm = getattr(backend, "warm", None)
        if warm is not None:
            warm(arguments.threads)
        return serve(lambda words: main(backend, words), arguments.threads, arguments.device)
    roots = Roots(arguments.data, arguments.models)
    try:
        spec = checked_spec(backend, arguments.spec, roots)
    except BackendError as error:
        print(error, file=sys.stderr)
        if arguments.verb == "run":
            _leave_failure(RunFiles(arguments.out), FailureReason(error.reason), str(error), 0.0)
        return error.exit_code
    if arguments.verb == "check":
        print(f"{arguments.spec}: no fault found")
        return ExitCode.COMPLETED
    if arguments.verb == "probe":
        return probe(backend, spec, roots, arguments.out)
    return run(backend, spec, roots, arguments.out)


def checked_spec(backend: Backend, path: Path, roots: Roots) -> RunSpec:
    """The spec in `path`, or `SpecError` with every fault: of form, and then of what this backend supports."""
    spec = load_spec(path)
    faults = unsupported(spec, backend.describe()) + backend.check(spec, roots)
    if faults:
        raise SpecError(str(path), faults)
    return spec


def unsupported(spec: RunSpec, description: Description) -> List[Fault]:
    """Fields whose value lies outside what the backend describes."""
    offers = [
        ("backend", spec.backend, [description.backend]),
        ("task.kind", spec.task.kind, description.tasks),
        ("method.name", spec.method.name, description.methods),
        ("initialisation", spec.initialisation, description.initialisations),
        ("device.kind", spec.device.kind, description.devices),
    ]
    if spec.recipe is not None:
        offers.append(("recipe.precision", spec.recipe.precision, description.precisions))
    return [
        Fault(field=field, found=f'"{found}"', allowed=f"backend {description.backend} offers: {', '.join(offered)}")
        for field, found, offered in offers
        if found not in offered
    ]


def run(backend: Backend, spec: RunSpec, roots: Roots, out: Path) -> int:
    """Run a checked spec into `out`; every way to end leaves a typed result, or a resumable state and none."""
    files = RunFiles(out)
    started = time.monotonic()
    previous = signal.getsignal(signal.SIGTERM)
    try:
        files.predictions("test").parent.mkdir(parents=True, exist_ok=True)
        files.result.unlink(missing_ok=True)
        write_json(files.spec, spec)
        context = RunContext(files, roots, EventLog(files.events))
        signal.signal(signal.SIGTERM, context.request_stop)
        try:
            result = backend.run(spec, context)
            context.events.end(result.status.value)
        finally:
            context.events.close()
        shutil.rmtree(files.state, ignore_errors=True)
        write_json(files.result, result.model_copy(update={"files": _digests(files)}))
        return ExitCode.COMPLETED
    except Interrupted as error:
        print(error, file=sys.stderr)
        return ExitCode.TERMINATED
    except BackendError as error:
        failure, code = error, error.exit_code
        print(error, file=sys.stderr)
    except MemoryError:
        failure, code = OutOfMemory("the host ran out of memory"), ExitCode.OUT_OF_MEMORY
    except (
        Exception
    ) as error:  # the process boundary: whatever it is becomes a typed failure, with its traceback in the log
        traceback.print_exc()
        failure, code = BackendError(f"{type(error).__name__}: {error}"), ExitCode.INTERNAL
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            failure.reason = FailureReason.NO_SPACE.value
    finally:
        signal.signal(signal.SIGTERM, previous)
    _leave_failure(files, FailureReason(failure.reason), str(failure), time.monotonic() - started)
    return code


def probe(backend: Any, spec: RunSpec, roots: Roots, out: Path) -> int:
    """Answer the request in `out` for a checked spec; what goes wrong is told on standard error, and by the exit code."""
    from seedwise_contract.probe import REQUEST, RESULT, load_request

    files = RunFiles(out)
    try:
        (out / RESULT).unlink(missing_ok=True)
        if spec.task.kind != "classification":
            allowed = "classification: what a probe compares are a classifier's hidden states and logits"
            raise SpecError(str(out), [Fault(field="task.kind", found=spec.task.kind, allowed=allowed)])
        request = load_request(out / REQUEST)
        context = RunContext(files, roots, EventLog(files.events))
        try:
            result = backend.probe(spec, request, context)
        finally:
            context.events.close()
        write_json(out / RESULT, result)
        return ExitCode.COMPLETED
    except BackendError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except MemoryError:
        print("the host ran out of memory", file=sys.stderr)
        return ExitCode.OUT_OF_MEMORY
    except Exception:
        traceback.print_exc()
        return ExitCode.INTERNAL


def _digests(files: RunFiles) -> Dict[str, str]:
    found = {}
    for path in sorted(files.folder.rglob("*")):
        if path.is_file() and path != files.result and not path.name.startswith(".") and path.suffix != ".log":
            found[path.relative_to(files.folder).as_posix()] = sha256_file(path)
    return found


def _leave_failure(files: RunFiles, reason: FailureReason, message: str, seconds: float) -> None:
    nothing = Cost(
        train_examples_per_second=None,
        peak_host_bytes=None,
        peak_device_bytes=None,
        energy_joules=None,
        checkpoint_bytes=None,
    )
    result = RunResult(
        contract=1,
        status=RunStatus.FAILED,
        reason=reason,
        message=message,
        metrics={},
        selected=None,
        updates=0,
        timings=Timings(setup=0, training=0, evaluation=0, total=seconds),
        cost=nothing,
        files={},
    )
    try:
        write_json(files.result, result)
    except OSError as error:  # the disk may be what failed; the exit code and the log still tell
        print(f"{files.result}: could not be written: {error}", file=sys.stderr)


def peak_host_bytes() -> Optional[int]:
    """Largest resident size of this process so far, where the platform tells."""
    if os.name != "posix":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
