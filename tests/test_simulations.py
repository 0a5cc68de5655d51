"""The simulation command runs and says what it found; what it finds in full is in docs/results/simulations.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import simulations  # type: ignore[import-not-found]  # noqa: E402


def test_the_command_writes_every_table_the_same_each_time(tmp_path: Path) -> None:
    texts = []
    for name in ("one.md", "two.md"):
        simulations.main(["--repetitions", "20", "--seed", "3", "--out", str(tmp_path / name)])
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    for heading in ("## Size", "## Power and coverage", "## The other rules", "## Seeds added look by look"):
        assert heading in texts[0]
    assert "--repetitions 20 --seed 3" in texts[0]
    refused = subprocess.run(
        [sys.executable, "benchmarks/simulations.py", "--repetitions", "1"], cwd=ROOT, capture_output=True, text=True
    )
    assert "at least 20" in refused.stderr


def test_without_options_the_command_makes_the_page_in_the_documentation() -> None:
    page = (ROOT / "docs" / "results" / "simulations.md").read_text()
    assert f"--repetitions {simulations.REPETITIONS} --seed {simulations.SEED}` (or `nox -s simulate`)" in page
    assert f"drawn anew {simulations.REPETITIONS:,} times a cell" in page


def test_the_true_difference_is_that_of_very_many_draws() -> None:
    model = simulations.Model("x", examples=2000, shift=0.5, collapse=(0.0, 0.2))
    rng = np.random.default_rng(1)
    drawn = [float(scores[0].mean() - scores[1].mean()) for scores in simulations.repeated(model, 20, 40, rng)]
    assert np.mean(drawn) == pytest.approx(model.truth(), abs=4 * np.std(drawn) / 40**0.5)
