"""Training by our backends beside the frameworks' own ways of doing the same work.  Part of `nox -s speed`.

Processor seconds of whole processes on one core, in turn, each first in every other turn; the ratio of the medians (theirs over
ours: 1.0 is as fast, more is faster) is in each benchmark's `extra_info`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shuffled import shuffled

from seedwise.assets.prepare import data_root, models_root
from seedwise.plan import make_plan
from seedwise.project import Project, find_project
from seedwise.study import Rows, load_study
from tests.backends.conftest import Contained, backend_python
from tests.backends.workplace import backend_environment

ROOT = Path(__file__).parents[1]
INSIDE = Path(__file__).parent / "inside"
STUDY = ROOT / "benchmarks" / "quick" / "pretrained-vs-random.yaml"
ROWS = Rows(train=320, selection=100, test=10)  # fairseq-train scores no split but that of selection
ROUNDS = 4


@pytest.fixture(scope="module")
def project() -> Project:
    return find_project(ROOT)


def write_spec(project: Project, backend: str, path: Path) -> Path:
    """The study's random arm on fewer rows, by `backend`; random, since then no framework has weights to convert."""
    study = load_study(STUDY).study
    study = study.model_copy(update={"task": study.task.model_copy(update={"rows": ROWS})})
    runs = make_plan(study, project, {}, "cpu", print).runs
    spec = shuffled(next(run.spec for run in runs if run.arm == "random")).model_copy(update={"backend": backend})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(spec.model_dump_json())
    return path


def beside(benchmark: Any, ours: Callable[[Path], float], theirs: Callable[[Path], float], folder: Path) -> None:
    """Does both in turn; each gives the seconds that it took."""
    their_seconds: list[float] = []
    our_seconds: list[float] = []
    both = [("theirs", theirs, their_seconds), ("ours", ours, our_seconds)]

    def one_turn(turn: int) -> None:
        for name, work, seconds in both if turn % 2 else reversed(both):
            seconds.append(work(folder / f"{name}-{turn}"))

    turns = iter(range(1 + ROUNDS))
    benchmark.pedantic(lambda: one_turn(next(turns)), warmup_rounds=1, rounds=ROUNDS, iterations=1)
    trained = [json.loads((folder / f"ours-{turn}" / "result.json").read_text()) for turn in range(1 + ROUNDS)]
    assert all(result["status"] == "completed" for result in trained)
    del their_seconds[0], our_seconds[0]  # the warm-up
    benchmark.extra_info.update(
        theirs_seconds=their_seconds,
        ours_seconds=our_seconds,
        ratio=statistics.median(their_seconds) / statistics.median(our_seconds),
    )
    print(f"\ntheirs {their_seconds}\nours   {our_seconds}\nratio  {benchmark.extra_info['ratio']:.3f}")


@pytest.mark.benchmark(group="fairseq: our backend and its own command line, in turn")
def test_fairseq_beside_its_own_command_line(benchmark: Any, project: Project, tmp_path: Path) -> None:
    spec = write_spec(project, "fairseq", tmp_path / "spec.json")
    python = Contained("fairseq", tmp_path, project.cache, INSIDE)
    roots = [str(data_root(project)), str(models_root(project))]

    def call(script: str, *words: str) -> float:
        done = python(str(INSIDE / script), *words)
        assert done.returncode == 0, done.stderr[-3000:]
        return float(done.stdout.split()[-1])

    def theirs(out: Path) -> float:
        out.mkdir()
        return call("fairseq_train.py", str(spec), *roots, str(out))

    def ours(out: Path) -> float:
        words = ["run", str(spec), "--data", roots[0], "--models", roots[1], "--out", str(out)]
        return call("seconds.py", "-m", "seedwise_fairseq", *words)

    beside(benchmark, ours, theirs, tmp_path)


@pytest.mark.benchmark(group="hf: our backend and a stock script of Trainer, in turn")
def test_hf_beside_a_stock_script(benchmark: Any, project: Project, tmp_path: Path) -> None:
    spec = write_spec(project, "hf", tmp_path / "spec.json")
    python = backend_python("hf")
    roots = [str(data_root(project)), str(models_root(project))]
    # Byte code is there from the warm-up on, as images hold it.
    environment = backend_environment("hf") | {"PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")}
    del environment["PYTHONDONTWRITEBYTECODE"]

    def call(*words: str) -> float:
        done = subprocess.run(
            [python, str(INSIDE / "seconds.py"), *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return float(done.stdout)

    def theirs(out: Path) -> float:
        return call(str(INSIDE / "hf_train.py"), str(spec), *roots, str(out))

    def ours(out: Path) -> float:
        return call("-m", "seedwise_hf", "run", str(spec), "--data", roots[0], "--models", roots[1], "--out", str(out))

    beside(benchmark, ours, theirs, tmp_path)
