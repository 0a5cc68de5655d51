"""Asking a backend for something other than a run: one verb, one request, one folder to write into."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel

from seedwise.assets.prepare import data_root
from seedwise.errors import EngineError
from seedwise.execution.engines.leases import usable_cores
from seedwise.project import Project
from seedwise.runtimes.base import Launch, Lease, Runtime
from seedwise_contract import ExitCode
from seedwise_contract.files import write_json


class ToolError(EngineError):
    """A backend refused a request, or failed at it; `exit_code` is the backend's where that says whose fault it is."""


def ask(
    runtime: Runtime,
    project: Project,
    backend: str,
    verb: str,
    request: BaseModel,
    out: Path,
    models: Path,
    memory_gib: float = 8.0,
) -> None:
    """`verb` with `request` (written as `spec.json`), by `backend` as prepared; what it writes lies in `out`.

    `models` is the folder below which it may read.  `ToolError` with what the backend said where it ends with another code than 0.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "spec.json", request)
    data = data_root(project)
    data.mkdir(parents=True, exist_ok=True)
    digest = runtime.digest(backend)
    if digest is None:
        raise ToolError(f"backend {backend} is not built: 'seedwise images build {backend}' builds it")
    process = runtime.start(
        Launch(
            backend=backend,
            digest=digest,
            run_id=verb,
            out=out.resolve(),
            data=data,
            models=models.resolve(),
            lease=Lease(usable_cores()[:1], ()),
            memory_bytes=int(memory_gib * (1 << 30)),
            verb=verb,
        )
    )
    try:
        ended = process.wait()
    except KeyboardInterrupt:
        process.stop(5)
        raise
    if os.name == "posix" and os.getuid() == 0:  # a container of root's wrote as another user
        for path in [out, *out.rglob("*")]:
            os.chown(path, 0, 0, follow_symlinks=False)
    if ended.code != 0:
        error = ToolError(f"backend {backend}, {verb}: exit code {ended.code}:\n{_said(ended.log)}")
        if ended.code in (ExitCode.BAD_SPEC, ExitCode.BAD_DATA):
            error.exit_code = ended.code
        raise error


def _said(log: str) -> str:
    """The end of a log without what frameworks say at every start."""
    lines = [line for line in log.splitlines() if line.strip() and " | INFO | " not in line]
    return "\n".join(lines[-30:])
