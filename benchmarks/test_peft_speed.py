"""Methods of the peft backend beside full fine-tuning, and beside a bare loop of torch with peft.  Part of `nox -s speed`.

Whole processes, one core, turn and turn about, on the same rows in the same order.  `extra_info` holds, for each method, medians of
seconds and of training examples a second, and their ratios: over `full`, and over the bare loop (1.0 is as fast, more is faster).
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from shuffled import shuffled

from seedwise.assets.prepare import data_root, models_root
from seedwise.planning.plan import make_plan
from seedwise.project import find_project
from seedwise.study.load import load_study
from seedwise.study.model import Rows
from tests.backends.conftest import backend_python
from tests.backends.workplace import backend_environment

ROOT = Path(__file__).parents[1]
LOOP = Path(__file__).parent / "inside" / "peft_train.py"
STUDY = ROOT / "benchmarks" / "peft" / "peft-methods.yaml"
ROWS = Rows(train=160, selection=50, test=50)
METHODS = ("full", "lora", "bitfit", "head")
ROUNDS = 3


@pytest.mark.benchmark(group="peft: methods, and a bare loop, in turn")
def test_methods_beside_full_and_a_bare_loop(benchmark: Any, tmp_path: Path) -> None:
    project, python = find_project(ROOT), backend_python("peft")
    study = load_study(STUDY).study
    study = study.model_copy(update={"task": study.task.model_copy(update={"rows": ROWS})})
    specs, examples = {}, 0
    for run in make_plan(study, project, {}, "cpu", print).runs:
        if run.arm in METHODS and run.seed == study.seeds[0]:
            specs[run.arm] = tmp_path / f"{run.arm}.json"
            specs[run.arm].write_text(shuffled(run.spec).model_dump_json())
            assert run.spec.recipe is not None
            examples = ROWS.train * run.spec.recipe.epochs
    roots = [str(data_root(project)), str(models_root(project))]
    rates: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def call(*words: str) -> str:
        done = subprocess.run(
            [python, *words], env=backend_environment("hf", "peft"), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def one_turn(turn: int) -> None:
        for method in METHODS:
            out = tmp_path / f"{method}-{turn}"
            bare, _ = map(float, call(str(LOOP), str(specs[method]), *roots, f"{out}-bare").split()[-2:])
            words = ["run", str(specs[method]), "--data", roots[0], "--models", roots[1], "--out", str(out)]
            call("-m", "seedwise_peft", *words)
            result = json.loads((out / "result.json").read_text())
            assert result["status"] == "completed"
            rates[method]["bare"].append(examples / bare)
            rates[method]["ours"].append(result["cost"]["train_examples_per_second"])

    turns = iter(range(ROUNDS))
    benchmark.pedantic(lambda: one_turn(next(turns)), rounds=ROUNDS, iterations=1)
    middle = {method: {who: statistics.median(told) for who, told in rates[method].items()} for method in METHODS}
    for method in METHODS:
        benchmark.extra_info[method] = {
            **{f"{who}_examples_per_second": value for who, value in middle[method].items()},
            "over_full": middle[method]["ours"] / middle["full"]["ours"],
            "over_bare": middle[method]["ours"] / middle[method]["bare"],
        }
        print(f"\n{method:7} {benchmark.extra_info[method]}", end="")
    assert middle["lora"]["ours"] > middle["full"]["ours"], "what is frozen is not paid for"
    assert middle["bitfit"]["ours"] > middle["full"]["ours"]
    assert middle["head"]["ours"] > 1.5 * middle["full"]["ours"], (
        "with the encoder frozen nothing is led back through it"
    )
