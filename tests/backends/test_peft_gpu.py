"""The peft backend on a CUDA device: the same bits twice and over a stop, the CPU's first loss."""

from __future__ import annotations

from typing import Any

import pytest

from seedwise.execution.engines.leases import usable_gpus
from seedwise_contract import ExitCode
from seedwise_contract.conformance import breaches
from tests.backends.conftest import backend_python
from tests.backends.variants import NO_DROPOUT, STOPPED_AT, STOPS, Job, many, resumed_at
from tests.backends.workplace import INSIDE, Outcome, Workplace, call

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.minutes,
    pytest.mark.skipif(not usable_gpus(), reason="no CUDA device is usable here"),
]
CUDA: dict[str, Any] = {"device.kind": "cuda"}
METHODS: dict[str, dict[str, Any]] = {
    "lora": {"name": "lora", "parameters": {"r": 4, "alpha": 8, "dropout": 0.1, "target_modules": "default"}},
    "bitfit": {"name": "bitfit", "parameters": {}},
}
TEST = "predictions/test.jsonl"
STOP = "stopped in an epoch"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("gpu"))
    made = call([backend_python("peft", "cuda"), str(INSIDE / "make_models.py"), str(place.models)], "hf", "peft")
    assert made.returncode == 0, made.stderr
    return place


@pytest.fixture(scope="module")
def runs(place: Workplace) -> dict[str, Outcome]:
    """Those of a device in one process: whole, again, stopped and gone on, in bfloat16, without dropout; and that on the CPU in another."""
    python = backend_python("peft", "cuda")

    def spec(method: str, changes: dict[str, Any]) -> dict[str, Any]:
        return place.spec({"backend": "peft", "method": METHODS[method], **changes})

    jobs, expected = [], []
    for method in METHODS:
        jobs += [Job(f"{method} {name}", spec(method, CUDA)) for name in ("whole", "again")]
        jobs += [
            Job(f"{method} stopped", spec(method, CUDA), STOPS[STOP]),
            Job(f"{method} stopped", spec(method, CUDA)),
        ]
        jobs += [Job(f"{method} bf16", spec(method, {**CUDA, "recipe.precision": "bf16"}))]
        jobs += [Job(f"{method} still", spec(method, {**CUDA, **NO_DROPOUT}))]
        expected += [ExitCode.COMPLETED] * 2 + [ExitCode.TERMINATED] + [ExitCode.COMPLETED] * 3
    beside = [Job(f"{method} cpu", spec(method, NO_DROPOUT)) for method in METHODS]
    assert many(lambda *words: call([python, *words], "hf", "peft"), place, jobs, "peft") == expected
    assert many(lambda *words: call([python, *words], "hf", "peft"), place, beside, "peft") == [0] * len(beside)
    return {job.name: Outcome(place.out(job.name)) for job in [*jobs, *beside]}


def test_runs_keep_the_contract(runs: dict[str, Outcome], place: Workplace) -> None:
    for name, run in runs.items():
        assert breaches(run.folder, place.data) == [], name


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bits(runs: dict[str, Outcome], method: str) -> None:
    whole, again = runs[f"{method} whole"], runs[f"{method} again"]
    assert whole.losses == again.losses
    assert whole.result.files[TEST] == again.result.files[TEST]
    assert runs[f"{method} bf16"].losses != whole.losses


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_run_goes_on_to_the_same_bits(runs: dict[str, Outcome], method: str) -> None:
    whole, resumed = runs[f"{method} whole"], runs[f"{method} stopped"]
    assert resumed_at(resumed) == [None, STOPPED_AT[STOP]]
    assert resumed.losses == whole.losses
    assert resumed.result.files[TEST] == whole.result.files[TEST]


@pytest.mark.parametrize("method", METHODS)
def test_gpu_starts_where_the_cpu_starts(runs: dict[str, Outcome], method: str) -> None:
    gpu, cpu = runs[f"{method} still"], runs[f"{method} cpu"]
    assert gpu.initial == cpu.initial
    assert gpu.losses[0] == pytest.approx(cpu.losses[0], abs=1e-5)
    assert gpu.parameters["trainable"] == cpu.parameters["trainable"]
