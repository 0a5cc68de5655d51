"""From a start to the first update of training: of a run by itself, cold and warm, and of the whole suite.  Part of `nox -s speed`.

The quick study's pretrained arm in environments; `ratio` is cold over warm.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from turns import in_turn, warmed

from seedwise.assets.prepare import data_root, models_root
from seedwise.planning.plan import make_plan
from seedwise.project import find_project
from seedwise.runtimes.base import Launch, Lease, Runtime
from seedwise.runtimes.venv import VenvRuntime
from seedwise.study.load import load_study
from seedwise_contract.files import write_json

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "benchmarks" / "quick" / "pretrained-vs-random.yaml"
ROUNDS = 3


def until_first_update(events: Callable[[], list[Path]], begun: float) -> float:
    while not any('"event":"step"' in path.read_text() for path in events()):
        assert time.monotonic() - begun < 600
        time.sleep(0.01)
    return time.monotonic() - begun


@pytest.mark.benchmark(group="start to first update: a run, cold and warm in turn")
def test_a_run(benchmark: Any, tmp_path: Path) -> None:
    project = find_project(ROOT)
    runtime = VenvRuntime(project, "cpu")
    warm, digest = warmed(runtime)
    plan = make_plan(load_study(STUDY).study, project, {}, "cpu", print)
    spec = next(run.spec for run in plan.runs if run.arm == "pretrained")

    def seconds(by: Runtime, name: str) -> float:
        out = tmp_path / "runs" / name
        out.mkdir(parents=True)
        write_json(out / "spec.json", spec)
        roots = {"data": data_root(project), "models": models_root(project)}
        begun = time.monotonic()
        process = by.start(Launch("hf", digest, name, out, lease=Lease((0,), ()), memory_bytes=4 << 30, **roots))
        told = until_first_update(lambda: [out / "events.jsonl"] if (out / "events.jsonl").exists() else [], begun)
        process.stop(0 if by is runtime else 20)
        process.wait()
        return told

    told = in_turn(benchmark, runtime, warm, seconds, ROUNDS)
    print(f"\nfirst update after: cold {told['cold_seconds']}, warm {told['warm_seconds']}, ratio {told['ratio']:.1f}")


@pytest.mark.benchmark(group="start to first update: the suite, cold")
def test_the_suite(benchmark: Any, tmp_path: Path) -> None:
    """`pytest STUDY` with environments and assets there, and nothing run yet."""
    told: list[float] = []

    def once() -> None:
        home = tmp_path / str(len(told))
        command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", str(STUDY), "--runtime", "venv", "--no-record"]
        environment = {**os.environ, "SEEDWISE_HOME": str(home), "SEEDWISE_DEVICE": "cpu"}
        begun = time.monotonic()
        process = subprocess.Popen(
            [*command, "-k", "pretrained and seed0"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        try:
            told.append(until_first_update(lambda: list(home.glob("runs/*/events.jsonl")), begun))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=120)

    benchmark.pedantic(once, rounds=ROUNDS, iterations=1)
    benchmark.extra_info["seconds"] = told
    print(f"\nfirst update after {told}")
