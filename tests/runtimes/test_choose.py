"""Which runtime is chosen, and what is said where it cannot be had."""

from __future__ import annotations

import json

import pytest

from seedwise.errors import EngineError, ImageError, InputError
from seedwise.runtimes.choose import choose
from seedwise.runtimes.common import described
from seedwise.runtimes.held import told
from tests.runtimes.conftest import Bench

GOOD = {
    "contract": 1,
    "backend": "probe",
    "version": "1",
    "tasks": [],
    "methods": [],
    "initialisations": [],
    "precisions": [],
    "devices": [],
    "deterministic_methods": [],
    "packages": {},
}


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_environments_are_used_and_it_is_said(bench: Bench) -> None:
    runtime, why = choose(bench.project, "auto", "cpu")
    assert runtime.name == "venv"
    assert why == f"no container engine answers (its socket does not exist); {told('cpu')}"


@pytest.mark.usefixtures("no_engine")
def test_docker_asked_for_without_an_engine_says_what_to_do(bench: Bench) -> None:
    with pytest.raises(EngineError, match=r"no Docker engine answers .* use '--runtime venv'"):
        choose(bench.project, "docker", "cpu")


def test_an_unknown_runtime_is_refused(bench: Bench) -> None:
    with pytest.raises(InputError, match="'auto', 'docker', 'podman', 'apptainer' and 'venv'"):
        choose(bench.project, "lxc", "cpu")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Traceback", "printed no JSON but: Traceback"),
        ("{", "printed no JSON"),
        ('{"contract": 1}', "does not keep to the run contract: backend: found nothing"),
        (json.dumps({**GOOD, "contract": 2}), "speaks version 2 of the run contract"),
        (json.dumps({**GOOD, "backend": "other"}), "calls itself 'other'"),
    ],
)
def test_a_description_that_is_none(bench: Bench, text: str, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        described(bench.project, "probe", "venv:sha256:0", lambda: text)


def test_a_greeting_before_the_description_does_no_harm(bench: Bench) -> None:
    text = "welcome to the framework\n" + json.dumps(GOOD)
    assert described(bench.project, "probe", "venv:sha256:0", lambda: text).backend == "probe"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 100_000, "\x1b[2J{", ""])
def test_a_description_without_end_is_none(bench: Bench, text: str) -> None:
    with pytest.raises(ImageError, match=r"printed no JSON|does not keep"):
        described(bench.project, "probe", "venv:sha256:0", lambda: text)
