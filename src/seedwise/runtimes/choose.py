"""Which runtime: containers where an engine answers, else environments; and always why."""

from __future__ import annotations

from typing import Literal

from seedwise.errors import InputError
from seedwise.images.definition import CommandBackend, load_definition
from seedwise.images.engine import answers
from seedwise.project import Project
from seedwise.runtimes.base import ServingRuntime
from seedwise.runtimes.docker import DockerRuntime
from seedwise.runtimes.venv import VenvRuntime

Requested = Literal["auto", "docker", "venv"]

NO_CAGE = "no cage: network, files and memory are not limited"


def choose(project: Project, requested: str, flavour: str) -> tuple[ServingRuntime, str]:
    """The runtime and, in a sentence, why it is this one.  `EngineError` where docker is asked for and none answers."""
    if requested == "docker":
        return DockerRuntime(project, flavour), "as asked for"
    if requested == "venv":
        return VenvRuntime(project, flavour), f"as asked for; {NO_CAGE}"
    if requested != "auto":
        raise InputError(f"--runtime {requested}: there are 'auto', 'docker' and 'venv'")
    backends = load_definition(project).backends.values()
    if all(isinstance(backend, CommandBackend) for backend in backends):
        return VenvRuntime(project, flavour), f"every backend here is a command, none an image; {NO_CAGE}"
    problem = answers()
    if problem is None:
        return DockerRuntime(project, flavour), "a container engine answers"
    return VenvRuntime(project, flavour), f"no container engine answers ({problem}); {NO_CAGE}"
