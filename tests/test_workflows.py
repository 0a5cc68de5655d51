"""Workflows: what they use is pinned, what they call is there, and nobody's words become part of a script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from seedwise.cli import app
from tests.conftest import ROOT

WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / "src/seedwise/templates/workflow.yml"]
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


def jobs_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    assert found["permissions"] == {"contents": "read"}, "more is granted to the job that needs it"
    return dict(found["jobs"])


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, ROOT / "docs/ci.md", ROOT / "docs/publishing.md"], ids=lambda path: path.name
)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not PINNED.fullmatch(each) and not each.startswith("OWNER/")] == []


def test_a_version_is_one_commit_everywhere() -> None:
    used = {each for path in WORKFLOWS for each in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))}
    assert len(used) == len({each.partition("@")[0] for each in used})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_end_and_keep_no_token_and_run_no_words_of_others(path: Path) -> None:
    for job in jobs_of(path).values():
        steps = job["steps"]
        assert "timeout-minutes" in job or not any("run" in step for step in steps)
        for step in steps:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", "").replace("${{ github.run_id }}", "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_is_called_is_there(path: Path) -> None:
    sessions = set(
        re.findall(r"^@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for job in jobs_of(path).values():
        for step in job["steps"]:
            script = step.get("run", "")
            for names in re.findall(r"nox -s ([\w ]+?)(?: --|$)", script, re.MULTILINE):
                assert set(names.split()) <= sessions, names
            for words in re.findall(r"(?:^|/)seedwise ([a-z]+(?: [a-z]+)?)", script, re.MULTILINE):
                answer = CliRunner().invoke(app, [*words.split(), "--help"])
                assert answer.exit_code == 0, answer.output
