"""Interpreters of the backends: real environments from their lock files, built where they are missing."""

from __future__ import annotations

import os
import subprocess

import pytest

from seedwise.errors import ImageError
from seedwise.images.definition import load_definition
from seedwise.images.environments import build_environment
from seedwise.images.sources import sources_of
from seedwise.project import find_project
from tests.backends.workplace import backend_environment
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
def peft_python() -> str:
    return backend_python("peft")


@pytest.fixture(scope="session")
def sklearn_python() -> str:
    return backend_python("sklearn")


class BackendPython:
    """The Python of a backend's environment, called with words; it sees the sources of the checkout."""

    def __init__(self, backend: str) -> None:
        self.path = backend_python(backend)
        self._environment = backend_environment(backend)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self.path, *words]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=900, check=False)
