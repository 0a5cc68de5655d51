"""Runs a checked spec with a backend: whatever happens ends in a typed result, or in a resumable state and none."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from seedwise_contract.backend import Backend, unsupported
from seedwise_contract.context import Roots, RunContext
from seedwise_contract.events import EventLog
from seedwise_contract.exits import BackendError, ExitCode, Interrupted, OutOfMemory, SpecError
from seedwise_contract.faults import Fault
from seedwise_contract.files import RunFiles, sha256_file, write_json
from seedwise_contract.probe import REQUEST, RESULT, load_request
from seedwise_contract.processor import hold
from seedwise_contract.results import Cost, FailureReason, RunResult, RunStatus, Timings
from seedwise_contract.spec import RunSpec, load_spec


def checked_spec(backend: Backend, path: Path, roots: Roots) -> RunSpec:
    """The spec in `path`, or `SpecError` with every fault: of form, and then of what this backend supports."""
    spec = load_spec(path)
    faults = unsupported(spec, backend.describe()) + backend.check(spec, roots)
    if faults:
        raise SpecError(str(path), faults)
    return spec


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
            _hold(spec)
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
    leave_failure(files, FailureReason(failure.reason), str(failure), time.monotonic() - started)
    return code


def _hold(spec: RunSpec) -> None:
    """Hold this process's libraries to the device and the instructions that `spec` names."""
    hold(spec.device.instructions)
    if spec.device.kind == "cpu":  # libraries that see a device use it unasked: fairseq clips gradients there
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def probe(backend: Any, spec: RunSpec, roots: Roots, out: Path) -> int:
    """Answer the request in `out` for a checked spec; what goes wrong is told on standard error, and by the exit code."""
    files = RunFiles(out)
    try:
        (out / RESULT).unlink(missing_ok=True)
        if spec.task.kind != "classification":
            allowed = "classification: what a probe compares are a classifier's hidden states and logits"
            raise SpecError(str(out), [Fault(field="task.kind", found=spec.task.kind, allowed=allowed)])
        request = load_request(out / REQUEST)
        context = RunContext(files, roots, EventLog(files.events))
        try:
            _hold(spec)
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


def leave_failure(files: RunFiles, reason: FailureReason, message: str, seconds: float) -> None:
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


def _digests(files: RunFiles) -> dict[str, str]:
    found = {}
    for path in sorted(files.folder.rglob("*")):
        if path.is_symlink():
            continue  # leads to what is none of the run's
        if path.is_file() and path != files.result and not path.name.startswith(".") and path.suffix != ".log":
            found[path.relative_to(files.folder).as_posix()] = sha256_file(path)
    return found
