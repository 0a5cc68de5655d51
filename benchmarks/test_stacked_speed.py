"""Several seeds in one process, their parameters stacked, beside the same passes by turns.  Part of `nox -s speed`.

No backend does it: this is the measurement that keeps it out.  `gain` is seconds by turns over seconds stacked, and no ratio that is
held against an older one.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seedwise.assets.prepare import models_root
from seedwise.execution.engines.leases import usable_gpus
from seedwise.planning.plan import make_plan
from seedwise.project import find_project
from seedwise.study.load import load_study
from tests.backends.conftest import backend_python
from tests.backends.workplace import backend_environment

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "benchmarks" / "quick" / "pretrained-vs-random.yaml"
SCRIPT = Path(__file__).parent / "inside" / "stacked.py"
ROWS, TOKENS, UPDATES = 16, 32, 7


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("seeds", [2, 6])
@pytest.mark.benchmark(group="passes of several seeds, by turns and stacked, in turn")
def test_seeds_stacked_beside_by_turns(benchmark: Any, seeds: int, device: str) -> None:
    if device == "cuda" and not usable_gpus():
        pytest.skip("no GPU here")
    project = find_project(ROOT)
    model = next(run.spec.model for run in make_plan(load_study(STUDY).study, project, {}, "cpu", print).runs)
    assert model is not None
    folder = models_root(project) / model.path
    words = [backend_python("hf"), str(SCRIPT), str(folder), device, *map(str, (seeds, ROWS, TOKENS, UPDATES))]

    def one() -> dict[str, float]:
        done = subprocess.run(words, env=backend_environment("hf"), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        told: dict[str, float] = json.loads(done.stdout)
        return told

    told = benchmark.pedantic(one, rounds=1)
    benchmark.extra_info.update(told, gain=told["by_turns"] / told["stacked"])
    print(
        f"\n{seeds} seeds on {device}: by turns {told['by_turns']:.3f} s, stacked {told['stacked']:.3f} s, apart {told['apart']:.1e}"
    )
