"""Whether the hosts of a cluster can do runs: each is asked by a program of its own there, and answers into the shared folder."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seedwise.errors import SeedwiseError
from seedwise.execution.engines.base import Node
from seedwise.execution.engines.cluster import Cluster
from seedwise.execution.engines.folders import ProjectFolders, folders_of
from seedwise.execution.engines.leases import usable_cores, usable_gpus
from seedwise.execution.engines.packing import gib, memory_bytes
from seedwise.execution.provenance import host_name
from seedwise.project import Project
from seedwise.runtimes.base import Runtime
from seedwise.runtimes.choose import choose
from seedwise.version import __version__
from seedwise_contract.base import ContractModel
from seedwise_contract.files import write_json

FOLDER = ".probes"
_SEEN_SECONDS = 60.0
_CLOCK_SECONDS = 60.0
_FREE_BYTES = 1 << 30  # below it a host runs out within a run or two
_POLL_SECONDS = 0.2


class Question(ProjectFolders):
    """What a host is asked; `folder` is on the shared file system, and holds a file that was written just before."""

    folder: str
    runtime: str
    flavour: str
    digests: dict[str, str]


class Answer(ContractModel):
    """What a host found.  `seen_after` is seconds until it saw the file; `digests` its own, by backend; `clock` in s since 1970."""

    host: str
    python: str
    harness: str
    cores: int
    gpus: int
    memory_bytes: int
    free_bytes: int
    clock: float
    seen_after: float | None
    keeps_runs: bool
    digests: dict[str, str | None]
    fault: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A host of the cluster, what it answered, and what is wrong there in sentences."""

    host: str
    answer: Answer | None
    faults: tuple[str, ...]


def answer(text: str) -> None:
    """On the host: look around, and leave the answer in the folder."""
    question = Question.model_validate_json(text)
    folder, begun = Path(question.folder), time.monotonic()
    while not (there := (folder / "question.json").is_file()) and time.monotonic() - begun < _SEEN_SECONDS:
        time.sleep(_POLL_SECONDS)
    digests: dict[str, str | None] = {}
    fault = None
    try:
        runtime, _ = choose(question.project, question.runtime, question.flavour, question.digests)
        digests = {backend: runtime.digest(backend) for backend in question.digests}
    except (SeedwiseError, OSError) as error:
        fault = str(error)
    found = Answer(
        host=host_name(),
        python=platform.python_version(),
        harness=__version__,
        cores=len(usable_cores()),
        gpus=len(usable_gpus()),
        memory_bytes=memory_bytes(),
        free_bytes=shutil.disk_usage(folder).free,
        clock=time.time(),
        seen_after=round(time.monotonic() - begun, 2) if there else None,
        keeps_runs=_keeps(folder),
        digests=digests,
        fault=fault,
    )
    write_json(folder / f"{found.host}.answer.json", found)


def check(
    cluster: Cluster, project: Project, runtime: Runtime, digests: Mapping[str, str], seconds: float = 120.0
) -> Iterator[Checked]:
    """Every host of the cluster, as its answer comes; those that have not answered after `seconds` last."""
    folder = project.runs / FOLDER / uuid.uuid4().hex[:12]
    folder.mkdir(parents=True)
    try:
        nodes = {node.host: node for node in cluster.capacity()}
        question = Question(
            **folders_of(project),
            folder=str(folder),
            runtime=runtime.name,
            flavour=runtime.flavour,
            digests=dict(digests),
        )
        write_json(folder / "question.json", question)
        cluster.probe(list(nodes.values()), question.model_dump_json())
        left, end = dict(nodes), time.monotonic() + seconds
        while left and time.monotonic() < end:
            for found in _answers(folder):
                node = left.pop(found.host, None) or left.pop(found.host.partition(".")[0], None)
                if node is not None:
                    yield Checked(node.host, found, tuple(_faults(found, node, digests)))
            time.sleep(_POLL_SECONDS)
        for host in left:
            yield Checked(
                host,
                None,
                (
                    f"no answer within {seconds:.0f} s: it is busy, or {project.runs} is another folder there, or it cannot "
                    f"run {sys.executable}",
                ),
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()


def _answers(folder: Path) -> Iterator[Answer]:
    for path in folder.glob("*.answer.json"):
        with suppress(OSError, ValidationError):
            yield Answer.model_validate_json(path.read_bytes())


def _keeps(folder: Path) -> bool:
    """Whether the file system refuses a rename onto a folder with content, on which it rests that no run is ever replaced."""
    names: Sequence[Path] = [folder / f"{os.getpid()}-{uuid.uuid4().hex[:6]}-{word}" for word in ("one", "two")]
    try:
        for place in names:
            place.mkdir()
            (place / "file").write_text(place.name)
        names[1].rename(names[0])
    except OSError:
        return (names[0] / "file").is_file()
    return False


def _faults(found: Answer, node: Node, digests: Mapping[str, str]) -> Iterator[str]:
    here = platform.python_version()
    if found.harness != __version__:
        yield f"Seedwise {found.harness} there, {__version__} here: install the same"
    if found.python.split(".")[:2] != here.split(".")[:2]:
        yield f"Python {found.python} there, {here} here: install the same"
    if found.fault is not None:
        yield found.fault
    for backend, digest in digests.items():
        if found.fault is None and found.digests.get(backend) != digest:
            yield f"backend '{backend}' is {found.digests.get(backend) or 'not built'} there, {digest} here"
    if found.seen_after is None:
        yield f"a file of this host was not seen there within {_SEEN_SECONDS:.0f} s: the folder of runs is not shared"
    if not found.keeps_runs:
        yield "the shared folder lets a rename replace a folder with content: runs would not be safe in it"
    if found.free_bytes < _FREE_BYTES:
        yield f"{gib(found.free_bytes)} free for runs; a run may not have the room"
    if abs(found.clock - time.time()) > _CLOCK_SECONDS:
        yield f"its clock differs by {found.clock - time.time():.0f} s: times in reports will be wrong, runs are not"
    if found.gpus < node.gpus:
        yield f"{found.gpus} GPU(s) usable there, {node.gpus} declared"


if __name__ == "__main__":
    answer(sys.stdin.read())
