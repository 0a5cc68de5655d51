"""The hf backend on a CUDA device: the same contract, the same bits twice, and the CPU's first loss."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seedwise.execution.engines.leases import usable_gpus
from seedwise_contract import ExitCode, RunStatus
from seedwise_contract.conformance import breaches
from tests.backends.conftest import backend_python
from tests.backends.workplace import INSIDE, Outcome, Workplace, call

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.minutes,
    pytest.mark.skipif(not usable_gpus(), reason="no CUDA device is usable here"),
]
STILL = {"recipe.dropout": {"hidden": 0.0, "attention": 0.0, "classifier": 0.0}}
CUDA: dict[str, Any] = {"device.kind": "cuda"}


@pytest.fixture(scope="module")
def python() -> str:
    return os.environ.get("SEEDWISE_HF_PYTHON") or backend_python("hf", "cuda")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, python: str) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("gpu"))
    made = call([python, str(INSIDE / "make_models.py"), str(place.models)], "hf")
    assert made.returncode == 0, made.stderr
    return place


def ran(place: Workplace, python: str, name: str, changes: dict[str, Any]) -> Outcome:
    told = call(place.command(python, "seedwise_hf", "run", name, place.spec(changes)), "hf")
    assert told.returncode == ExitCode.COMPLETED, told.stderr
    outcome = Outcome(place.out(name))
    assert outcome.result.status is RunStatus.COMPLETED
    assert breaches(outcome.folder, Path(place.data)) == []
    return outcome


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_same_seed_same_bits(place: Workplace, python: str, precision: str) -> None:
    changes = {**CUDA, "recipe.precision": precision}
    one, two = (ran(place, python, f"{precision}-{n}", changes) for n in "12")
    assert one.losses == two.losses
    test = "predictions/test.jsonl"
    assert one.result.files[test] == two.result.files[test]
    assert (one.result.cost.peak_device_bytes or 0) > 0


def test_gpu_starts_where_the_cpu_starts(place: Workplace, python: str) -> None:
    gpu = ran(place, python, "still-gpu", {**CUDA, **STILL})
    cpu = ran(place, python, "still-cpu", STILL)
    assert gpu.initial == cpu.initial
    assert gpu.losses[0] == pytest.approx(cpu.losses[0], abs=1e-5)
