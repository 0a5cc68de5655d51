"""Several tasks in a file of scores: verdicts over them, each scope a family of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import seedwise
from seedwise.cli import app
from seedwise.stats import Outcome, Question


def scores(
    tasks: int = 6,
    seeds: int = 4,
    examples: int | None = 60,
    *,
    arms: tuple[str, ...] = ("lora", "full", "head"),
    **ends: Any,
) -> dict[str, list[object]]:
    rng = np.random.default_rng(3)
    level = {"lora": 0.8, "full": 0.82, "head": 0.55}
    rows: list[tuple[object, ...]] = []
    for task in range(tasks):
        for arm in arms:
            for seed in range(seeds):
                chance = level[arm] + 0.02 * rng.normal()
                name = seed + 10 * task if ends.get("own") else seed
                if examples is None:
                    rows.append((f"t{task}", arm, name, chance))
                else:
                    rows += [(f"t{task}", arm, name, i, int(rng.random() < chance)) for i in range(examples)]
    heads = ["task", "arm", "seed", *([] if examples is None else ["example"]), "accuracy"]
    return dict(zip(heads, map(list, zip(*rows, strict=True)), strict=True))


def write(path: Path, columns: dict[str, list[object]]) -> str:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines))
    return str(path)


def test_each_scope_is_a_family_of_its_own() -> None:
    found = seedwise.compare(scores())
    assert len(found.pairs) == 18
    assert {pair.verdict.family_size for pair in found.pairs} == {18}
    assert [pair.task for pair in found.over_tasks] == ["mean of these 6 tasks"] * 3 + ["tasks like these 6"] * 3
    assert {pair.verdict.family_size for pair in found.over_tasks} == {3}
    assert [pair.verdict.question for pair in found.over_tasks[::3]] == [Question.TASKS, Question.LIKE_TASKS]
    assert found.over_tasks[1].verdict.outcome is Outcome.A_BETTER
    assert [bands.task for bands in found.bands][-2:] == ["mean of these 6 tasks", "tasks like these 6"]
    for text in (str(found), found.html()):
        assert "On tasks like these 6, taken as a sample" in text
        assert "On these 6 tasks, over seeds and examples" in text


def test_the_command_gives_one_scope_alone_in_every_format(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", scores())
    run = CliRunner().invoke
    each = json.loads(run(app, ["compare", path, "--format", "json"]).stdout)
    assert {item["task"] for item in each} == {f"t{n}" for n in range(6)}
    suite = json.loads(run(app, ["compare", path, "--scope", "suite", "--format", "json"]).stdout)
    assert [(item["n_tasks"], item["question"]) for item in suite] == [(6, "these tasks: seeds and examples")] * 3
    like = run(app, ["compare", path, "--a", "lora", "--b", "head", "--scope", "tasks-like-these", "--format", "csv"])
    assert len(like.stdout.strip().split("\n")) == 2
    few = write(tmp_path / "few.csv", scores(tasks=3))
    refused = run(app, ["compare", few, "--scope", "tasks-like-these"])
    assert refused.exit_code == 2
    assert "five tasks or more" in refused.output


def test_with_fewer_than_five_tasks_only_the_suite_is_decided() -> None:
    assert {pair.task for pair in seedwise.compare(scores(tasks=4)).over_tasks} == {"mean of these 4 tasks"}


def test_seeds_of_other_names_are_the_tasks_own() -> None:
    found = seedwise.compare(scores(own=True), a="lora", b="head").over_tasks[0].verdict
    assert any("seeds of its own" in note for note in found.notes)
    shared = seedwise.compare(scores(), a="lora", b="head").over_tasks[0].verdict
    assert found.df is not None
    assert shared.df is not None
    assert not any("seeds of its own" in note for note in shared.notes)


def test_scores_of_seeds_alone_answer_for_these_test_files() -> None:
    found = seedwise.compare(scores(examples=None), a="lora", b="head").over_tasks
    assert [pair.verdict.question for pair in found] == [Question.TASKS_ON_FILES, Question.LIKE_TASKS]


def test_one_run_of_each_is_held_over_tasks_like_these_only() -> None:
    found = seedwise.compare(scores(seeds=1, tasks=8), a="lora", b="head")
    assert [pair.task for pair in found.over_tasks] == ["tasks like these 8"]
    assert any("one run of" in notice for notice in found.notices)
    assert "This says nothing about how" in found.over_tasks[0].text


def test_an_arm_that_a_task_lacks_has_no_verdict_over_the_tasks() -> None:
    columns = scores()
    keep = [not (task == "t2" and arm == "head") for task, arm in zip(columns["task"], columns["arm"], strict=True)]
    kept = {name: [v for v, k in zip(values, keep, strict=True) if k] for name, values in columns.items()}
    found = seedwise.compare(kept)
    assert {(pair.a, pair.b) for pair in found.over_tasks} == {("lora", "full")}


@pytest.mark.parametrize(("metric", "unit"), [("perplexity", ""), ("accuracy", "points")])
def test_what_is_no_share_is_standardised(metric: str, unit: str) -> None:
    columns = scores(arms=("lora", "head"))
    rng = np.random.default_rng(1)
    columns["eval_loss" if metric == "perplexity" else "accuracy"] = [
        (3.0 - 2.0 * float(str(value)) + rng.random()) if metric == "perplexity" else value for value in columns["accuracy"]
    ]  # fmt: skip
    if metric == "perplexity":
        del columns["accuracy"]
    found = seedwise.compare(columns)
    text = found.over_tasks[0].text
    assert ("standard deviations" in text) is (metric == "perplexity")
    assert found.over_tasks[0].verdict.outcome is Outcome.A_BETTER
    assert unit in text
