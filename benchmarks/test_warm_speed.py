"""What a run costs beyond its training, with backends started for each run and with backends kept warm.  Part of `nox -s speed`.

Tiny runs of the hf backend, cold and warm in turn, by the runtimes themselves; the ratio of the medians (cold over warm) is in
each benchmark's `extra_info`, and so is the first warm run, which pays for the server's start.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from turns import in_turn, warmed

from seedwise.images.engine import answers
from seedwise.project import find_project
from seedwise.runtimes.base import Launch, Lease, Runtime, ServingRuntime
from seedwise.runtimes.docker import DockerRuntime
from seedwise.runtimes.venv import VenvRuntime
from seedwise_contract import RunResult
from seedwise_contract.files import write_json
from tests.backends.conftest import backend_python
from tests.backends.workplace import INSIDE, Workplace, call

ROOT = Path(__file__).parents[1]
ROUNDS = 5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("warm"))
    made = call([backend_python("hf"), str(INSIDE / "make_models.py"), str(place.models)])
    assert made.returncode == 0, made.stderr
    for path in (place.folder, *place.folder.rglob("*")):
        path.chmod(0o755)  # a container reads them as another user
    return place


@pytest.fixture(params=["venv", "docker"])
def runtime(request: pytest.FixtureRequest) -> Iterator[ServingRuntime]:
    if request.param == "docker" and (problem := answers()) is not None:
        pytest.skip(f"no Docker engine answers: {problem}")
    kind = VenvRuntime if request.param == "venv" else DockerRuntime
    runtime = kind(find_project(ROOT), "cpu")
    yield runtime
    runtime.close()


@pytest.mark.benchmark(group="seconds of a tiny run beyond its training: cold and warm, in turn")
def test_warm_beside_cold(benchmark: Any, runtime: ServingRuntime, place: Workplace) -> None:
    warm, digest = warmed(runtime)

    def beyond(by: Runtime, name: str) -> float:
        """Seconds of one run from its start to its end, less those of training and evaluation."""
        out = place.folder / "runs" / f"{runtime.name}-{name}"
        out.mkdir(parents=True)
        write_json(out / "spec.json", place.spec())
        begun = time.monotonic()
        process = by.start(
            Launch("hf", digest, out.name, out, place.data, place.models, Lease((0,), ()), memory_bytes=4 << 30)
        )
        while (ended := process.poll()) is None:
            time.sleep(0.01)
        seconds = time.monotonic() - begun
        assert ended.code == 0, ended.log
        timings = RunResult.model_validate_json((out / "result.json").read_bytes()).timings
        return seconds - timings.training - timings.evaluation

    told = in_turn(benchmark, runtime, warm, beyond, ROUNDS)
    assert warm.notes == []
    first, cold, hot = told["first_warm_seconds"], told["cold_seconds"], told["warm_seconds"]
    print(f"\n{runtime.name}: first warm {first:.2f}\ncold {cold}\nwarm {hot}\nratio {told['ratio']:.2f}")
