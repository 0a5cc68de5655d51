"""Which runtime: containers where an engine answers, else environments; and always why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from seedwise.errors import InputError
from seedwise.images.definition import CommandBackend, load_definition
from seedwise.images.engine import answers
from seedwise.project import Project
from seedwise.runtimes.base import ServingRuntime
from seedwise.runtimes.held import told
from seedwise.runtimes.venv import VenvRuntime

Requested = Literal["auto", "docker", "podman", "apptainer", "venv"]


def choose(
    project: Project, requested: str, flavour: str, wanted: Iterable[str] | None = None
) -> tuple[ServingRuntime, str]:
    """The runtime and, in a sentence, why it is this one.  `EngineError` where docker is asked for and none answers.

    `wanted` are the backends that it is for; None: every one that is declared.
    """
    if requested == "docker":
        return _docker(project, flavour), "as asked for"
    if requested == "podman":
        from seedwise.runtimes.podman import PodmanRuntime  # Docker's SDK is not in the core

        return PodmanRuntime(project, flavour), "as asked for"
    if requested == "apptainer":
        from seedwise.runtimes.apptainer import ApptainerRuntime  # nor for this one

        return ApptainerRuntime(project, flavour), "as asked for"
    if requested == "venv":
        return VenvRuntime(project, flavour), f"as asked for; {told(flavour)}"
    if requested != "auto":
        raise InputError(f"--runtime {requested}: there are 'auto', 'docker', 'podman', 'apptainer' and 'venv'")
    declared = load_definition(project).backends
    backends = [declared[name] for name in (declared if wanted is None else wanted) if name in declared]
    if backends and all(isinstance(backend, CommandBackend) for backend in backends):
        return VenvRuntime(project, flavour), f"every backend here is a command, none an image; {told(flavour)}"
    problem = answers()
    if problem is None:
        return _docker(project, flavour), "a container engine answers"
    return VenvRuntime(project, flavour), f"no container engine answers ({problem}); {told(flavour)}"


def _docker(project: Project, flavour: str) -> ServingRuntime:
    from seedwise.runtimes.docker import DockerRuntime  # its SDK is not in the core

    return DockerRuntime(project, flavour)
