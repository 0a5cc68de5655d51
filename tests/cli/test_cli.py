from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from seedwise.cli import app
from tests.conftest import Small


def test_help_and_version_of_every_command(small: Small) -> None:
    assert small.seedwise("--version").stdout.startswith("seedwise 0")
    answer = small.seedwise("--help")
    assert answer.returncode == 0
    for command in (
        "plan",
        "run",
        "track",
        "report",
        "doctor",
        "images",
        "ui",
        "schema",
        "compare",
        "params",
        "convert",
    ):
        assert command in answer.stdout


def commands_of(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    with group.make_context("seedwise", [], resilient_parsing=True) as context:
        for name in group.list_commands(context):
            yield (*before, name)
            found = group.get_command(context, name)
            if hasattr(found, "list_commands"):
                yield from commands_of(found, (*before, name))


def test_every_command_has_help_that_a_plain_terminal_shows() -> None:
    words = list(commands_of(get_command(app)))
    assert ("images", "push") in words
    for each in words:
        answer = CliRunner().invoke(app, [*each, "--help"], prog_name="seedwise")
        assert answer.exit_code == 0, (each, answer.exception)
        assert answer.stdout.startswith(f"Usage: seedwise {' '.join(each)}"), each


def test_a_mistyped_command_is_told_what_it_may_have_meant() -> None:
    answer = CliRunner().invoke(app, ["benhc"])
    assert answer.exit_code == 2
    assert "Did you mean 'bench'?" in answer.output


def test_plan_shows_runs_done_and_the_time_that_remains(small: Small) -> None:
    before = small.seedwise("plan")
    assert before.returncode == 2
    assert "benchmarks/quick: no such file or folder" in before.stderr
    before = small.seedwise("plan", "benchmarks/small.yaml")
    assert before.returncode == 0, before.stderr
    assert "0 of 8 runs are done; 8 remain; no run like them has been measured yet" in before.stdout
    small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0 or seed1")
    after = small.seedwise("plan", "benchmarks/small.yaml")
    assert "4 of 8 runs are done; 4 remain, about 0.0 min" in after.stdout
    listed = json.loads(small.seedwise("plan", "benchmarks/small.yaml", "--json").stdout)
    assert [run["state"] for run in listed[0]["runs"]] == ["done"] * 4 + ["to do"] * 4


def test_one_run_for_debugging(small: Small) -> None:
    out = small.project.root / "out"
    answer = small.seedwise("run", "benchmarks/small.yaml", "--arm", "quick", "--seed", "2", "--out", str(out))
    assert answer.returncode == 0, answer.stderr
    assert '"status": "completed"' in answer.stdout
    assert json.loads((out / "spec.json").read_text())["seeds"]["seed"] == 2
    again = small.seedwise("run", "benchmarks/small.yaml", "--arm", "quick", "--out", str(out))
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    spec = json.loads((out / "spec.json").read_text())
    spec["recipe"]["epochs"], spec["extra"] = 0, 1
    bad = small.project.root / "bad.json"
    bad.write_text(json.dumps(spec))
    refused = small.seedwise("run", str(bad), "--out", str(out.with_name("other")))
    assert refused.returncode == 2
    assert "recipe.epochs: found 0" in refused.stderr
    assert "extra: found 1" in refused.stderr


def test_report_writes_every_format_or_prints_one(small: Small) -> None:
    small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0 or seed1")
    answer = small.seedwise("report", "benchmarks/small.yaml")
    page = small.project.reports / "small" / "report.html"
    assert answer.stdout.splitlines()[-1] == str(page), answer.stderr
    names = {"report.html", "report.md", "report.tex", "report.csv", "scores.csv", "report.json", "report.stamp.json"}
    names.add("figure.svg")
    assert {path.name for path in page.parent.iterdir()} == names
    assert 'href="small/report.html"' in (small.project.reports / "index.html").read_text()
    for form, name in (("md", "report.md"), ("latex", "report.tex"), ("scores", "scores.csv")):
        assert (
            small.seedwise("report", "benchmarks/small.yaml", "--format", form).stdout
            == (page.with_name(name)).read_text()
        )
    assert small.seedwise("report", "benchmarks/small.yaml", "--format", "pdf").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "benchmarks/small.yaml", "--out", "x"], "--arm"),
        (["run", "benchmarks/small.yaml", "--arm", "none", "--out", "x"], "arms: quick, frozen"),
        (["report", "nowhere.yaml"], "no such file or folder"),
        (["ui"], "no history yet"),
    ],
)
def test_errors_are_one_text_and_a_code(small: Small, arguments: list[str], said: str) -> None:
    answer = small.seedwise(*arguments)
    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_outside_a_project_it_says_so(small: Small, tmp_path_factory: pytest.TempPathFactory) -> None:
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("elsewhere")
    answer = subprocess.run(
        [sys.executable, "-m", "seedwise", "plan"], cwd=folder, env=small.environment, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert "no Seedwise project here" in answer.stderr
