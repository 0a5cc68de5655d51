"""Interpreters of the backends: real environments from their lock files, built where they are missing."""

from __future__ import annotations

import os

import pytest

from seedwise.errors import ImageError
from seedwise.images.definition import load_definition
from seedwise.images.environments import build_environment
from seedwise.images.sources import sources_of
from seedwise.project import find_project
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
