"""One workplace with tiny models of every family, for all tests of the peft backend."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.backends.workplace import Workplace, call, with_models

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="package")
def python(peft_python: str) -> Python:
    return lambda *words: call([peft_python, *words], "hf", "peft")


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory, peft_python: str) -> Workplace:
    return with_models(tmp_path_factory.mktemp("peft"), peft_python)
