"""The fairseq backend on a CUDA device, the hf backend beside it: bits twice, over a stop and on a shared device; first losses; memory."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seedwise.execution.engines.leases import usable_gpus
from seedwise_contract import ExitCode, RunStatus
from seedwise_contract.conformance import breaches
from tests.backends.conftest import backend_python
from tests.backends.variants import STOPPED_AT, STOPS, Job, many, resumed_at
from tests.backends.workplace import INSIDE, Outcome, Workplace, backend_environment, call

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


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("backend", ["fairseq", "hf"])
def test_a_stopped_run_goes_on_to_the_same_bits(
    place: Workplace, pythons: dict[str, str], backend: str, stop: str
) -> None:
    spec, name = place.spec({"backend": backend, **CUDA}), f"{backend} {stop}"
    jobs = [Job(f"{name} whole", spec), Job(name, spec, STOPS[stop]), Job(name, spec)]
    codes = many(lambda *words: call([pythons[backend], *words], backend), place, jobs, backend)
    assert codes == [ExitCode.COMPLETED, ExitCode.TERMINATED, ExitCode.COMPLETED]
    whole, resumed = Outcome(place.out(f"{name} whole")), Outcome(place.out(name))
    assert resumed_at(resumed) == [None, STOPPED_AT[stop]]
    assert resumed.losses == whole.losses
    assert [one.grad_norm for one in resumed.steps] == [one.grad_norm for one in whole.steps]
    assert resumed.result.files[TEST] == whole.result.files[TEST]


@pytest.mark.parametrize("backend", ["fairseq", "hf"])
def test_runs_that_share_a_device_are_as_alone(place: Workplace, pythons: dict[str, str], backend: str) -> None:
    """What `--runs-per-gpu 2` does: two processes, one device."""
    alone = ran(place, pythons, f"{backend} alone", CUDA, backend)
    spec = place.spec({"backend": backend, **CUDA})
    started = [
        subprocess.Popen(
            place.command(pythons[backend], f"seedwise_{backend}", "run", f"{backend} shared {number}", spec),
            env=backend_environment(backend), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for number in "12"
    ]  # fmt: skip
    assert [process.wait(timeout=900) for process in started] == [ExitCode.COMPLETED] * 2
    for number in "12":
        shared = Outcome(place.out(f"{backend} shared {number}"))
        assert shared.losses == alone.losses
        assert shared.result.files[TEST] == alone.result.files[TEST]
