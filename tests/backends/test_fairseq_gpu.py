"""The fairseq backend on a CUDA device: the same bits twice and over a stop, the CPU's and transformers' first losses, memory."""

from __future__ import annotations

import json
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
TEST = "predictions/test.jsonl"


@pytest.fixture(scope="module")
def pythons() -> dict[str, str]:
    return {
        name: os.environ.get(f"SEEDWISE_{name.upper()}_PYTHON") or backend_python(name, "cuda")
        for name in ("fairseq", "hf")
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, pythons: dict[str, str]) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("gpu"))
    made = call([pythons["hf"], str(INSIDE / "make_models.py"), str(place.models)], "hf")
    assert made.returncode == 0, made.stderr
    return place


def ran(
    place: Workplace, pythons: dict[str, str], name: str, changes: dict[str, Any], backend: str = "fairseq"
) -> Outcome:
    spec = place.spec({"backend": backend, **changes})
    told = call(place.command(pythons[backend], f"seedwise_{backend}", "run", name, spec), backend)
    assert told.returncode == ExitCode.COMPLETED, told.stderr
    outcome = Outcome(place.out(name))
    assert outcome.result.status is RunStatus.COMPLETED
    assert breaches(outcome.folder, Path(place.data)) == []
    return outcome


def test_same_seed_same_bits(place: Workplace, pythons: dict[str, str]) -> None:
    one, two = (ran(place, pythons, f"again-{number}", CUDA) for number in "12")
    assert one.losses == two.losses
    assert one.result.files[TEST] == two.result.files[TEST]
    assert (one.result.cost.peak_device_bytes or 0) > 0
    told = json.loads((one.folder / "environment.json").read_text())
    assert told["device"] != "cpu"
    assert told["determinism"]["torch.allow_tf32"] == "False"
    assert told["determinism"]["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_gpu_starts_where_the_cpu_starts(place: Workplace, pythons: dict[str, str]) -> None:
    gpu = ran(place, pythons, "still-gpu", {**CUDA, **STILL})
    cpu = ran(place, pythons, "still-cpu", STILL)
    assert gpu.initial == cpu.initial
    assert gpu.losses[0] == pytest.approx(cpu.losses[0], abs=1e-5)


def test_both_frameworks_start_alike_on_the_device(place: Workplace, pythons: dict[str, str]) -> None:
    ours = ran(place, pythons, "beside-fairseq", {**CUDA, **STILL})
    theirs = ran(place, pythons, "beside-hf", {**CUDA, **STILL}, backend="hf")
    assert ours.losses[0] == pytest.approx(theirs.losses[0], abs=1e-5)


def test_a_device_that_is_too_small_is_told_as_such(place: Workplace, pythons: dict[str, str]) -> None:
    """The device's allocator is held to a sliver of it."""
    spec = place.spec({"backend": "fairseq", **CUDA})
    words = place.command(pythons["fairseq"], "seedwise_fairseq", "run", "small", spec)
    sliver = (
        "import runpy, sys, torch; torch.cuda.set_per_process_memory_fraction(1e-6); "
        "sys.argv = ['seedwise_fairseq', *sys.argv[1:]]; runpy.run_module('seedwise_fairseq', run_name='__main__')"
    )
    told = call([words[0], "-c", sliver, *words[3:]], "fairseq")
    assert told.returncode == ExitCode.OUT_OF_MEMORY, told.stderr
    assert "the device ran out of memory" in Outcome(place.out("small")).result.message
