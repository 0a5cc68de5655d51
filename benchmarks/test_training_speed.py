"""Training by our backends beside the frameworks' own ways of doing the same work.  Part of `nox -s speed`.

Processor seconds of whole processes on one core, in turn, each first in every other turn; the ratio of the medians (theirs over
ours: 1.0 is as fast, more is faster) is in each benchmark's `extra_info`.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from shuffled import shuffled

from seedwise.assets.prepare import data_root, models_root
from seedwise.planning.plan import make_plan
from seedwise.project import Project, find_project
from seedwise.study.load import load_study
from seedwise.study.model import Rows
from tests.backends.conftest import BackendPython

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


def beside(benchmark: Any, project: Project, backend: str, theirs: list[str], folder: Path) -> None:
    """Does the work by `backend` and by `theirs`, a script of INSIDE with its first words, which tells its seconds last."""
    spec = write_spec(project, backend, folder / "spec.json")
    python = BackendPython(backend)
    data, models = str(data_root(project)), str(models_root(project))
    seconds: dict[str, list[float]] = {"theirs": [], "ours": []}

    def take(who: str, turn: int) -> None:
        out = folder / f"{who}-{turn}"
        out.mkdir()
        if who == "theirs":
            script, *words = [*theirs, str(spec), data, models]
        else:
            run = ["run", str(spec), "--data", data, "--models", models, "--out"]
            script, *words = ["seconds.py", "-m", f"seedwise_{backend}", *run]
        done = python(str(INSIDE / script), *words, str(out))
        assert done.returncode == 0, done.stderr[-3000:]
        seconds[who].append(float(done.stdout.split()[-1]))

    def one_turn(turn: int) -> None:
        for who in seconds if turn % 2 else reversed(seconds):
            take(who, turn)

    turns = iter(range(1 + ROUNDS))
    benchmark.pedantic(lambda: one_turn(next(turns)), warmup_rounds=1, rounds=ROUNDS, iterations=1)
    trained = [json.loads((folder / f"ours-{turn}" / "result.json").read_text()) for turn in range(1 + ROUNDS)]
    assert all(result["status"] == "completed" for result in trained)
    counted = {who: told[1:] for who, told in seconds.items()}  # without the warm-up
    benchmark.extra_info.update({f"{who}_seconds": told for who, told in counted.items()})
    benchmark.extra_info["ratio"] = statistics.median(counted["theirs"]) / statistics.median(counted["ours"])
    print(f"\n{counted}\nratio {benchmark.extra_info['ratio']:.3f}")


@pytest.mark.benchmark(group="fairseq: our backend and its own command line, in turn")
def test_fairseq_beside_its_own_command_line(benchmark: Any, project: Project, tmp_path: Path) -> None:
    beside(benchmark, project, "fairseq", ["fairseq_train.py"], tmp_path)


@pytest.mark.benchmark(group="hf: our backend and a stock script of Trainer, in turn")
def test_hf_beside_a_stock_script(benchmark: Any, project: Project, tmp_path: Path) -> None:
    beside(benchmark, project, "hf", ["seconds.py", str(INSIDE / "hf_train.py")], tmp_path)
