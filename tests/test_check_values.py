"""docs/results/check-values.md: every command on the page prints what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedwise.cli import app

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "results" / "check-values.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n\$ seedwise (.*?)\n(.*?)\n```", PAGE, flags=re.DOTALL)
MINUS = "\N{MINUS SIGN}"
NUMBER = re.compile(r"-?\d*\.\d+(?:e-?\d+)?")


def test_the_page_has_both_comparisons() -> None:
    assert len(BLOCKS) == 7


@pytest.mark.parametrize(("command", "printed"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_the_command_prints_what_the_page_says(command: str, printed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    answer = CliRunner().invoke(app, shlex.split(command))
    assert answer.exit_code == 0, answer.output
    said = answer.stdout.rstrip()
    assert NUMBER.sub("#", said) == NUMBER.sub("#", printed)
    found, wanted = (list(map(float, NUMBER.findall(text))) for text in (said, printed))
    assert found == pytest.approx(wanted, rel=1e-9)  # another build of numpy may differ in the last digits


def test_the_table_is_what_the_commands_print() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(("| pretrained", "| fairseq"))]
    said = [json.loads(printed) for command, printed in BLOCKS if command.endswith("json")]
    for row, verdict, p in zip(rows, said, (f"{said[0]['p']:.3e}".replace("e-05", "e-5"), ".2892"), strict=True):
        low, high = (f"{bound:.3f}".replace("-", MINUS) for bound in verdict["interval"])
        exact, floor = (f"{verdict[name]:.3f}".lstrip("0") for name in ("p_exact", "floor"))
        assert f"| {exact} ({floor}) | {p} | {low} to {high} |" in row
        assert row.endswith(f"| {verdict['verdict']} |")
    assert f"{said[1]['p']:.4f}" == "0.2892"
    printed = [text for command, text in BLOCKS if "--margin" in command]
    found = [re.search(r"equivalence within ±\d points p = (\.\d+)", text) for text in printed]
    assert ", ".join(match[1] for match in found if match) in rows[1]


def test_the_lab_reports_table_rests_on_near_normal_seeds_with_its_floor() -> None:
    said = [json.loads(printed) for command, printed in BLOCKS if command.endswith("json")]
    assert (said[0]["verdict"], said[0]["basis"]) == ("A better", "seeds that scatter near normally")
    assert "pretrained scores higher than random" in said[0]["sentence"]
    assert "no exact test over so few seeds could confirm it (floor .100)" in said[0]["sentence"]
