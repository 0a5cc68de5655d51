"""The command line that every backend answers: describe, check, run, serve; probe where it has it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seedwise_contract import tools
from seedwise_contract.backend import Backend
from seedwise_contract.context import Roots
from seedwise_contract.exits import BackendError, ExitCode
from seedwise_contract.files import RunFiles
from seedwise_contract.results import FailureReason
from seedwise_contract.runner import checked_spec, leave_failure, probe, run
from seedwise_contract.serve import can_serve, serve


def main(backend: Backend, argv: Sequence[str] | None = None) -> int:
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
            leave_failure(RunFiles(arguments.out), FailureReason(error.reason), str(error), 0.0)
        return error.exit_code
    if arguments.verb == "check":
        print(f"{arguments.spec}: no fault found")
        return ExitCode.COMPLETED
    if arguments.verb == "probe":
        return probe(backend, spec, roots, arguments.out)
    return run(backend, spec, roots, arguments.out)
