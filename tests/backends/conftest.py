"""Interpreters of the backends: their environments hold torch or scikit-learn, the harness's holds neither for certain."""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest


@pytest.fixture(scope="session")
def hf_python() -> str:
    python = os.environ.get("SEEDWISE_HF_PYTHON")
    if not python:
        pytest.skip(
            "SEEDWISE_HF_PYTHON is not set: it names the Python of an environment made from backends/hf/cpu.lock"
        )
    return python


@pytest.fixture(scope="session")
def sklearn_python() -> str:
    python = os.environ.get("SEEDWISE_SKLEARN_PYTHON")
    if python:
        return python
    if importlib.util.find_spec("sklearn") is None:
        pytest.skip(
            "SEEDWISE_SKLEARN_PYTHON is not set (the Python of an environment made from backends/sklearn/cpu.lock), "
            "and this environment has no scikit-learn"
        )
    return sys.executable
