"""`plan` and `params` from numbers alone, in a folder that is no project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seedwise.cli import app


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.parametrize(
    ("sd", "difference", "seeds"),
    [
        (0.0038, 0.02, 3),
        (0.0038, 0.01, 4),
        (0.0038, 0.0075, 6),
        (0.0038, 0.005, 11),
        (0.0892, 0.02, 314),
        (0.0892, 0.01, 1250),
    ],
)
def test_f33_how_many_seeds(sd: float, difference: float, seeds: int) -> None:
    answer = call("plan", "--sd-seeds", sd, "--difference", difference, "--json")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["seeds_per_arm"] == pytest.approx(seeds, abs=1 if seeds > 1000 else 0)
    assert f"difference {difference:g}: " in call("plan", "--sd-seeds", sd, "--difference", difference).stdout


def test_f33_with_the_floor() -> None:
    assert "4 for an exact test to confirm it" in call("plan", "--sd-seeds", 0.0038, "--difference", 0.02).stdout


def test_f33_what_numbers_lack() -> None:
    assert "--sd-seeds" in call("plan", "--difference", 0.01).stderr
    assert "belong together" in call("plan", "--sd-seeds", 0.01, "--difference", 0.01, "--sd-examples", 0.4).stderr
    answer = call("plan", "--sd-seeds", 0.01, "--difference", 0.03, "--sd-examples", 0.4, "--examples", 5000, "--json")
    assert json.loads(answer.stdout)["seeds_per_arm"] >= 3


def test_f33_params_by_sizes() -> None:
    sizes = {"layers": 12, "hidden": 768, "feed-forward": 3072, "heads": 12, "positions": 512, "vocabulary": 50265}
    answer = call("params", *(part for name, value in sizes.items() for part in (f"--{name}", value)))
    assert answer.exit_code == 0, answer.output
    assert "124,647,170" in answer.stdout
    assert "no Seedwise project" in call("params", "roberta-base").stderr
