"""The planted cases are what they say, contestants answer on them, and the page counts as one would by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.rivals.cases import CASES, Case
from benchmarks.rivals.run import BLOCK, CONTESTANTS, draw, own_runs, page, rate, row_of
from tests.conftest import ROOT


def test_the_truth_is_that_of_the_draws() -> None:
    case = Case("x", seeds=40, examples=400, shift=0.25)
    drawn = case.draw(np.random.default_rng(3), 60)
    assert drawn.shape == (60, 2, 40, 400)
    difference = drawn.mean(axis=(2, 3))[:, 1] - drawn.mean(axis=(2, 3))[:, 0]
    assert float(difference.mean()) == pytest.approx(case.truth(), abs=4 * float(difference.std()) / 60**0.5)
    assert Case("x", 3, 3, 0.0).truth() == 0.0
    within = drawn.mean(axis=3).var(axis=2, ddof=1).mean() - 0.8 * 0.2 / 400  # about: less what the examples' draws add
    assert 0.7 * case.seed_sd() < within**0.5 < 1.3 * case.seed_sd()


def answered(name: str, folder: Path, seconds: float, *sources: Path) -> dict[str, Any]:
    words = [sys.executable, str(ROOT / "benchmarks" / "rivals" / "contestants.py"), name, str(folder / "out.json")]
    ended = subprocess.run([*words, str(seconds), *map(str, sources)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return found


@pytest.mark.parametrize("name", ["seedwise", "t_test", "mcnemar"])
def test_contestants_of_the_harness_answer(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    plain = Case("better", 4, 300, 1.5)
    np.savez(tmp_path / "cases.npz", better=plain.draw(rng, 3), equal=Case("equal", 4, 300, 0.0).draw(rng, 3))
    said = answered(name, tmp_path, 60, tmp_path / "cases.npz")
    assert said["version"]
    assert {case: len(answers) for case, answers in said["answers"].items()} == {"better": 3, "equal": 3}
    for p, low, high, sign, seconds in said["answers"]["better"]:
        assert p < 0.05
        assert sign == 1
        assert seconds > 0
        assert (low is None) == (name == "mcnemar")
        if low is not None:
            assert 0 < low < high


def test_a_further_call_goes_on_and_asks_of_own_runs_anew(tmp_path: Path) -> None:
    drawn = Case("better", 3, 100, 1.0).draw(np.random.default_rng(1), 4)
    np.savez(tmp_path / "cases.npz", better=drawn)
    np.savez(tmp_path / "own.npz", mine=drawn[:1])
    sources = tmp_path / "own.npz", tmp_path / "cases.npz"
    whole = answered("t_test", tmp_path, 60, *sources)["answers"]
    kept = {"better": [[*whole["better"][0][:4], 99.0]], "mine": [[None, None, None, 0, 99.0]], "gone": []}
    (tmp_path / "out.json").write_text(json.dumps({"version": "1", "answers": kept}))
    again = answered("t_test", tmp_path, 60, *sources)["answers"]
    assert again["better"][0][4] == 99.0  # as it was kept
    assert [answer[:4] for answer in again["better"]] == [answer[:4] for answer in whole["better"]]
    assert again["mine"][0][:4] == whole["mine"][0][:4]
    assert set(again) == {"better", "mine"}


def test_draws_in_blocks_are_as_many_as_asked() -> None:
    case = Case("x", 2, 5, 0.0)
    assert draw(case, np.random.default_rng(1), 2 * BLOCK + 1).shape == (2 * BLOCK + 1, 2, 2, 5)


def test_rates_are_counted_over_the_answers() -> None:
    case = Case("equal", 3, 10, 0.0)
    answers = [
        [0.01, -0.3, -0.1, -1, 1.0],
        [0.5, -0.1, 0.1, 0, 1.0],
        [0.02, 0.1, 0.2, 1, 1.0],
        [0.6, None, None, 0, 1.0],
    ]
    assert [cell.split(" ")[0] for cell in row_of(case, answers * 300)] == [".500", ".250", ".333", "1,200"]
    assert rate(2, 10) == ".200 (.057 to .510)"  # Wilson 1927, by hand: (.2 + 1.92/10 ± 1.96 √(.016 + .96/100)) / 1.384
    assert rate(24, 24) == "1 (.862 to 1)"
    assert rate(0, 0) == "–"


def test_own_runs_are_those_of_right_and_wrong_answers() -> None:
    found = own_runs()
    assert "own: lora-vs-bitfit: lora, bitfit" in found
    assert all(set(np.unique(drawn)) <= {0, 1} and drawn.shape[:2] == (1, 2) for drawn in found.values())


def test_the_page_says_who_was_not_there_and_why() -> None:
    answer: list[Any] = [0.01, 0.0, 0.1, 1, 0.5]
    found = {"version": "1.2", "answers": {**{case.name: [answer] * 4 for case in CASES}, "own: mine": [answer]}}
    text = page({"seedwise": found}, {"mlflow": "no such release"}, "python run.py")
    assert "| MLflow `compare_evaluations` | not run: no such release |" in text
    assert "| Seedwise | 1.2 |" in text
    assert "| Seedwise | 1 (.510 to 1) | 1 (.510 to 1) | 4 | 0.5 |" in text
    assert "| mine | first (p 0.01) |" in text


def test_the_page_in_the_documentation_has_every_contestant() -> None:
    text = (ROOT / "docs" / "results" / "rivals.md").read_text(encoding="utf-8")
    assert all(f"| {one.words} |" in text for one in CONTESTANTS)
    assert all(case.name in text or case.name.removeprefix("equal, ") in text for case in CASES)
