"""The suite on large stores: planning, verdicts, the MLflow import, and a call that finds everything done.  Part of `nox -s speed`.

`extra_info` holds seconds with the goal beside them, and ratios where there is something to measure against.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from seedwise.planning.plan import Plan, make_plan
from seedwise.runtimes.venv import VenvRuntime
from seedwise.store.store import Store
from seedwise.study.load import load_study
from seedwise.verdicts.comparison import compare
from tests.conftest import STUDY, Small, small_project
from tests.tracker.stores import RECIPE, filled, plan_of, project_in, quiet, small_study, write_run

STUDIES, SEEDS = 10, 50
POINTS, SAMPLE = 200, 3


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A project of 10 studies of 2 arms and 50 seeds, whose store holds all of their 1,000 runs."""
    folder = tmp_path_factory.mktemp("full")
    small = small_project(folder)
    small.study.unlink()
    with patch.dict(os.environ, small.environment):
        digest = VenvRuntime(small.project, "cpu").digest("fake")
        store = Store(small.project.runs)
        for number in range(STUDIES):
            path = small.study.with_name(f"many-{number}.yaml")
            text = STUDY.replace("name: small", f"name: many-{number}").replace("seeds: 4", f"seeds: {SEEDS}")
            path.write_text(text.replace("rate: 0.0", f"rate: 0.{number}1").replace("rate: 1.0", f"rate: 1.{number}1"))
            plan = make_plan(load_study(path).study, small.project, {"fake": digest}, "cpu", quiet)
            for run in plan.runs:
                write_run(store, plan, run, accuracy=0.8 if run.arm == "quick" else 0.6)
    return small


@pytest.mark.benchmark(group="1,000 runs that are done: a call that trains nothing (goal: 5 s)")
def test_a_call_that_finds_everything_done(benchmark: Any, full: Small) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks"]
    call = {"cwd": full.project.root, "env": full.environment, "capture_output": True, "text": True}
    began = time.monotonic()
    first = subprocess.run(command, **call, timeout=3600, check=False)  # imports into MLflow, writes reports
    first_seconds = time.monotonic() - began
    assert first.returncode == 0, first.stdout[-3000:]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    again = benchmark.pedantic(lambda: subprocess.run(command, **call, timeout=600, check=False), rounds=3)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert again.stdout.count("(done before)") == STUDIES * SEEDS * 2
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3
    benchmark.extra_info.update(first_seconds=first_seconds, cpu_seconds=cpu, goal_seconds=5.0)


@pytest.mark.benchmark(group="plan of 10,000 runs (goal: 2 s)")
def test_plan_of_10000_runs(benchmark: Any, tmp_path: Path) -> None:
    project = project_in(tmp_path)
    arms = small_study().arms
    several = {f"arm-{number}": arms["random"].model_dump(mode="python") for number in range(10)}
    claims = [{"name": "one", "a": "arm-0", "b": "arm-1"}]

    def planned(seeds: int) -> Plan:
        return plan_of(small_study(seeds=range(seeds), arms=several, claims=claims), project)

    assert len(benchmark.pedantic(lambda: planned(1000), rounds=5, warmup_rounds=1).runs) == 10_000
    tracemalloc.start()
    kept = planned(1000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    benchmark.extra_info.update(bytes_a_run=held / len(kept.runs), goal_seconds=2.0)
    assert held / len(kept.runs) < 4096


@pytest.mark.benchmark(group="verdicts of 100 claims: 20 arms x 5 seeds x 1,000 examples")
def test_verdicts_of_100_claims(benchmark: Any, tmp_path: Path) -> None:
    arm = small_study().arms["random"].model_dump(mode="python")
    names = [f"arm-{number}" for number in range(20)]
    pairs = [(a, b) for a in names for b in names if a < b][:100]
    study = small_study(
        seeds=range(5),
        task={"data": "rotten-tomatoes", "rows": {"train": 160, "selection": 40, "test": 1000}},
        arms={name: {**arm, "method": {"name": "full", "parameters": {"arm": name}}} for name in names},
        claims=[{"name": f"claim-{number}", "a": a, "b": b} for number, (a, b) in enumerate(pairs)],
    )
    _, store, outcome = filled(tmp_path, study)
    found = benchmark.pedantic(lambda: compare(outcome.plan, store), rounds=1)
    assert len(found.claims) == 100
    benchmark.extra_info["seconds_a_claim"] = benchmark.stats.stats.median / 100


@pytest.mark.benchmark(group="MLflow: runs of 200 points, imported and by log_metric one by one, in turn")
def test_import_beside_log_metric(benchmark: Any, tmp_path: Path) -> None:
    """A run of `SAMPLE` by `log_metric` for its points alone, beside whole runs (points, parameters, files) by the import."""
    from seedwise.tracker import track
    from seedwise.tracker.connection import connected, find_target
    from seedwise.tracker.seed_run import seed_content

    arm = small_study().arms["random"].model_dump(mode="python")
    arm["recipe"] = {**RECIPE, "epochs": 6}

    def study(seeds: range) -> Any:
        return small_study(seeds=seeds, arms={"a": {**arm, "initialisation": "pretrained"}, "b": arm}, claims=[])

    project, store, _ = filled(tmp_path, study(range(50)))
    track([compare(plan_of(study(range(1)), project), store)], project, store, quiet)  # makes the database
    outcome = compare(plan_of(study(range(1, 50)), project), store)
    runs = [run for found in outcome.arms.values() for run in found.runs]
    points = seed_content(runs[0], "s", "a").points
    assert len(points) >= POINTS

    began = time.monotonic()
    with connected(find_target(project)) as client:
        experiment = client.create_experiment("one by one")
        for run in runs[:SAMPLE]:
            identity = client.create_run(experiment).info.run_id
            for point in seed_content(run, "s", "a").points:
                client.log_metric(identity, point.key, point.value, point.time, point.step)
    by_one = (time.monotonic() - began) / SAMPLE
    summary = benchmark.pedantic(lambda: track([outcome], project, store, quiet), rounds=1)
    assert summary.added == len(runs) + 3
    imported = benchmark.stats.stats.median / len(runs)
    benchmark.extra_info.update(
        points_a_run=len(points),
        log_metric_seconds_a_run=by_one,
        import_seconds_a_run=imported,
        ratio=by_one / imported,
    )
    print(f"\nof a run: log_metric {by_one:.2f} s, import {imported:.2f} s, ratio {by_one / imported:.1f}")
