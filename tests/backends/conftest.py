"""Interpreters of the backends: real environments from their lock files, built where they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from docker.errors import DockerException

import docker
from seedwise.errors import ImageError
from seedwise.images.bases import allowed
from seedwise.images.build import build_image, find_image
from seedwise.images.definition import load_definition
from seedwise.images.environments import build_environment
from seedwise.images.sources import sources_of
from seedwise.project import find_project
from tests.backends.workplace import INSIDE, backend_environment
from tests.conftest import ROOT


def backend_python(backend: str, flavour: str = "cpu") -> str:
    """The Python of `backend`'s environment, as the venv runtime uses it."""
    given = os.environ.get(f"SEEDWISE_{backend.upper()}_PYTHON")
    if given:
        return given
    project = find_project(ROOT)
    try:
        return str(
            build_environment(project, sources_of(project, load_definition(project), backend, flavour), print).python
        )
    except ImageError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the environment of backend {backend} cannot be built here: {error}")


@pytest.fixture(scope="session")
def hf_python() -> str:
    return backend_python("hf")


@pytest.fixture(scope="session")
def sklearn_python() -> str:
    return backend_python("sklearn")


class Contained:
    """The Python of a backend whose interpreter this machine need not have: in its image, or one that is named."""

    def __init__(self, backend: str, shared: Path, *readable: Path) -> None:
        self._backend = backend
        self._shared = shared
        self._readable = (INSIDE, *readable)
        self._python = os.environ.get(f"SEEDWISE_{backend.upper()}_PYTHON")
        self._image = None if self._python else _image(backend)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python with `words`; it sees the shared folder, tests/backends/inside and what is readable by their own paths."""
        if self._python:
            command, environment = [self._python, *words], backend_environment(self._backend)
        else:
            command = ["docker", "run", "--rm", "--init", "--network", "none", "--read-only", "--tmpfs", "/tmp:exec"]
            command += ["--user", f"{os.getuid()}:{os.getgid()}", "--cap-drop", "ALL", "-e", "HOME=/tmp", "-w", "/tmp"]
            command += ["-v", f"{self._shared}:{self._shared}"]
            command += [word for path in self._readable for word in ("-v", f"{path}:{path}:ro")]
            command += ["--entrypoint", "python", str(self._image), *words]
            environment = dict(os.environ)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)


def _image(backend: str) -> str:
    if shutil.which("docker") is None:
        pytest.skip(
            "no docker command here; SEEDWISE_FAIRSEQ_PYTHON names a Python with the backend's packages instead"
        )
    project = find_project(ROOT)
    definition = load_definition(project)
    sources = sources_of(project, definition, backend, "cpu")
    base = definition.bases[sources.base]
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.skip(f"no Docker engine answers ({error})")
    here = {tag for image in client.images.list() for tag in image.tags}
    if not here & set(allowed(sources.base, base)):
        pytest.skip(f"no base image {base.reference} or {base.local} here (docker/debian-base.sh builds one)")
    try:
        found = find_image(project, client, sources, base) or build_image(project, client, sources, base, print)
    except ImageError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the image of backend {backend} cannot be built here: {error}")
    finally:
        client.close()
    return found.image_id
