"""One workplace with tiny models of every family, for all tests of the hf backend."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.backends.workplace import Workplace, call, with_models

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="package")
def python(hf_python: str) -> Python:
    return lambda *words: call([hf_python, *words], "hf")


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory, hf_python: str) -> Workplace:
    return with_models(tmp_path_factory.mktemp("hf"), hf_python)
