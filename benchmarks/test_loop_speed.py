"""Pretrained against random, whole, beside a loop of a stock script: by the clock, both in one run.  Part of `nox -s speed -- -k loop`.

People do it so: a script of transformers' Trainer, one process after the other, each with every core, started anew for each arm
and seed.  Ours is the call of pytest on a study of the same arms, seeds, rows and recipe, from an empty store: it starts up,
trains two at a time, scores, decides and writes its report within the time that is taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from seedwise.assets.prepare import data_root, models_root
from seedwise.execution.engines.leases import usable_cores
from seedwise.planning.plan import make_plan
from seedwise.project import find_project
from seedwise.study.load import load_study
from tests.backends.conftest import backend_python

ROOT = Path(__file__).parents[1]
INSIDE = Path(__file__).parent / "inside"
STUDY = ROOT / "benchmarks" / "quick" / "pretrained-vs-random.yaml"
SEEDS = int(os.environ.get("SEEDWISE_LOOP_SEEDS", "0"))  # fewer seeds than the study's, for a shorter look


@pytest.mark.benchmark(group="pretrained against random: a loop of a stock script, and ours")
def test_a_loop(benchmark: Any, tmp_path: Path) -> None:
    project, cores = find_project(ROOT), len(usable_cores())
    path = project.home / "loop" / "study.yaml"  # a study belongs to a project
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"seeds: {SEEDS}" if SEEDS and line.startswith("seeds:") else line for line in STUDY.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    runs = [run for run in make_plan(load_study(path).study, project, {}, "cpu", print).runs if run.arm != "tfidf"]
    python = backend_python("hf")

    def theirs() -> float:
        begun = time.monotonic()
        for number, run in enumerate(runs):
            spec = run.spec.model_copy(update={"device": run.spec.device.model_copy(update={"threads": cores})})
            file, out = tmp_path / f"spec-{number}.json", tmp_path / f"theirs-{number}"
            file.write_text(spec.model_dump_json())
            roots = [str(data_root(project)), str(models_root(project))]
            words = [python, str(INSIDE / "hf_train.py"), str(file), *roots, str(out)]
            subprocess.run(words, check=True, capture_output=True, timeout=3600)
        return time.monotonic() - begun

    def ours() -> float:
        begun = time.monotonic()
        environment = {**os.environ, "SEEDWISE_HOME": str(tmp_path / "home"), "SEEDWISE_RUNTIME": "venv"}
        words = [sys.executable, "-m", "pytest", "-p", "no:benchmark", str(path), "--rootdir", str(ROOT)]
        done = subprocess.run(
            words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=7200, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return time.monotonic() - begun

    seconds: dict[str, float] = {}
    benchmark.pedantic(lambda: seconds.update(ours=ours(), theirs=theirs()), rounds=1, iterations=1)
    benchmark.extra_info.update(
        {f"{who}_seconds": told for who, told in seconds.items()}
        | {"runs": len(runs), "cores": cores, "ratio": seconds["theirs"] / seconds["ours"]}
    )
    print(
        f"\n{len(runs)} runs on {cores} cores: {seconds}; ours takes {seconds['ours'] / seconds['theirs']:.2f} of the loop"
    )
