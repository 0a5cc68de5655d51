from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seedwise.errors import EngineError
from seedwise.execution.engines.packing import Load, Machine, expected_bytes, load_of, memory_bytes, pack
from seedwise.planning.plan import Plan, make_plan
from seedwise.project import Project
from seedwise.store.store import Store
from seedwise.study.load import load_study
from seedwise_contract.spec import parse_spec
from tests.conftest import Small
from tests.contract.specs import SPEC

GIB = 1 << 30
LAPTOP = Machine(cores=8, memory_bytes=16 * GIB)
SERVER = Machine(cores=32, memory_bytes=256 * GIB, gpus=2, gpu_bytes=80 * GIB)
SMALL = Load(threads=1, run_bytes=int(1.2 * GIB))


@pytest.mark.parametrize(
    ("machine", "load", "runs_per_gpu", "jobs", "said"),
    [
        (LAPTOP, SMALL, 1, 8, "8 runs at once: 8 cores, 1 thread a run"),
        (LAPTOP, replace(SMALL, threads=3), 1, 2, "2 runs at once: 8 cores, 3 threads a run"),
        (LAPTOP, replace(SMALL, run_bytes=4 * GIB), 1, 3, "3 runs at once: 16.0 GiB of memory, and a run may take 4.0 GiB"),
        (LAPTOP, replace(SMALL, run_bytes=90 * GIB), 1, 1, "1 run at once: 16.0 GiB of memory, and a run may take 90.0 GiB"),
        (LAPTOP, replace(SMALL, threads=9), 1, 1, "1 run at once: 8 cores, 9 threads a run"),
        (SERVER, replace(SMALL, on_gpu=True, on_cpu=False), 1, 2, "2 runs at once: 2 GPUs with 1 run each"),
        (SERVER, replace(SMALL, on_gpu=True), 1, 3, "and one run without a GPU beside them"),
        (SERVER, replace(SMALL, on_gpu=True, on_cpu=False), 4, 8, "8 runs at once: 2 GPUs with 4 runs each"),
        (SERVER, replace(SMALL, on_gpu=True, on_cpu=False, threads=8), 4, 4, "4 runs at once: 32 cores, 8 threads a run"),
    ],
)  # fmt: skip
def test_the_scarcest_decides_and_is_named(
    machine: Machine, load: Load, runs_per_gpu: int, jobs: int, said: str
) -> None:
    packing = pack(machine, load, runs_per_gpu)
    assert packing.jobs == jobs
    assert said in packing.why


def test_what_is_asked_for_is_done_and_what_cores_make_of_it_is_said() -> None:
    assert pack(LAPTOP, SMALL, asked=2).why == "2 runs at once, as asked for"
    packing = pack(LAPTOP, SMALL, asked=20)
    assert (packing.jobs, packing.why) == (8, "8 runs at once, not the 20 asked for: 8 cores, 1 thread a run")


def test_more_runs_than_a_gpu_holds_are_refused_where_one_was_measured() -> None:
    load = replace(SMALL, on_gpu=True, device_bytes=30 * GIB)
    assert pack(SERVER, load, 2).jobs == 5
    with pytest.raises(EngineError, match=r"a run took 30\.0 GiB of a GPU, which has 80\.0 GiB: at most 2 runs"):
        pack(SERVER, load, 3)
    assert pack(replace(SERVER, gpu_bytes=None), load, 3).jobs == 7, "nobody knows, so nobody refuses"


def test_memory_of_a_run_is_measured_or_reckoned_by_its_model(tmp_path: Path) -> None:
    spec = parse_spec(json.dumps(SPEC), "spec")
    (tmp_path / "tiny").mkdir()
    with (tmp_path / "tiny" / "model.safetensors").open("wb") as file:
        file.truncate(GIB // 6)
    assert expected_bytes(spec, tmp_path, 4 * GIB) == pytest.approx(2 * GIB, rel=0.01)
    assert expected_bytes(spec, tmp_path, GIB) == GIB
    assert 1 * GIB < memory_bytes() < 1 << 50


def planned(small: Small) -> Plan:
    return make_plan(load_study(small.study).study, small.project, {"fake": small_digest(small.project)}, "cpu", print)


def small_digest(project: Project) -> str:
    from seedwise.runtimes.venv import VenvRuntime

    digest = VenvRuntime(project, "cpu").digest("fake")
    assert digest is not None
    return digest


def test_finished_runs_tell_what_their_arm_takes(small: Small, tmp_path: Path) -> None:
    assert load_of([planned(small)], Store(small.project.runs), tmp_path) == Load(threads=1, run_bytes=GIB)
    answer = small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0")
    assert "at once: " in answer.stdout
    for folder in small.runs():  # the fake backend does not measure itself
        result = json.loads((folder / "result.json").read_text())
        rate = json.loads((folder / "spec.json").read_text())["method"]["parameters"]["rate"]
        result["cost"]["peak_host_bytes"] = 200 << 20 if rate else 3 * GIB
        (folder / "result.json").write_text(json.dumps(result))
    assert load_of([planned(small)], Store(small.project.runs), tmp_path).run_bytes == 3 * GIB
    small.edit("seeds: 4", "seeds: [0]")
    small.edit("{rate: 0.0}", "{rate: 0.5}")
    assert load_of([planned(small)], Store(small.project.runs), tmp_path).run_bytes == GIB, "this arm is not measured"


def test_runs_per_gpu_is_checked(small: Small) -> None:
    for number, said in (("0", "--runs-per-gpu: found 0"), ("2", "no run of these studies uses a GPU here")):
        answer = small.pytest("benchmarks/small.yaml", "--no-record", "--runs-per-gpu", number)
        assert answer.returncode == 2
        assert said in answer.stdout
