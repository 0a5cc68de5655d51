"""`seedwise init` in somebody's repository."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from seedwise.cli import app
from seedwise.project import find_project
from seedwise.study.load import load_study
from tests.conftest import ROOT


def init(folder: Path, *words: str) -> Result:
    with contextlib.chdir(folder):
        return CliRunner().invoke(app, ["init", *words])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_project_is_four_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc")
    answer = init(tmp_path)
    assert answer.exit_code == 0, answer.output
    made = {"seedwise.toml", "studies/first.yaml", ".gitignore", ".github/workflows/seedwise.yml"}
    assert files(tmp_path) == made
    assert (tmp_path / ".gitignore").read_text().splitlines() == [
        "*.pyc",
        "# Seedwise: runs, reports, MLflow history",
        ".seedwise/",
    ]
    assert load_study(tmp_path / "studies" / "first.yaml").study.name == "first"
    workflow = YAML(typ="safe").load((tmp_path / ".github/workflows/seedwise.yml").read_text())
    steps = " ".join(str(step.get("run", "")) for step in workflow["jobs"]["bench"]["steps"])
    assert "seedwise bench studies --gate" in steps
    assert "GITHUB_STEP_SUMMARY" in steps
    project = find_project(tmp_path)
    assert (project.root, project.studies) == (tmp_path, tmp_path / "studies")
    assert project.suite == ROOT
    before = {name: (tmp_path / name).read_text() for name in made}
    (tmp_path / "studies" / "first.yaml").rename(tmp_path / "studies" / "mine.yaml")
    again = init(tmp_path)
    assert again.exit_code == 0
    assert files(tmp_path) == made - {"studies/first.yaml"} | {"studies/mine.yaml"}
    assert (tmp_path / ".gitignore").read_text() == before[".gitignore"]


def test_settings_in_pyproject_mark_a_project_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.seedwise]\nstudies = "experiments"\n')
    answer = init(tmp_path, "--no-workflow")
    assert answer.exit_code == 0, answer.output
    assert files(tmp_path) == {"pyproject.toml", "experiments/first.yaml", ".gitignore"}
    assert find_project(tmp_path / "experiments").studies == tmp_path / "experiments"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("studies = 3", "studies: found 3; a folder below the project is needed"),
        ('studies = "../elsewhere"', "studies: found '../elsewhere'; a folder below the project is needed"),
        ("studies = ", "cannot be read"),
    ],
)
def test_faulty_settings_are_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "seedwise.toml").write_text(text)
    answer = init(tmp_path)
    assert answer.exit_code == 2
    assert said in answer.output
    assert files(tmp_path) == {"seedwise.toml"}


def test_a_checkout_is_a_project_already(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "images.yaml").write_text("")
    assert "is a checkout of Seedwise" in init(tmp_path).output
    assert init(tmp_path, "nowhere").exit_code == 2
