"""Planted nulls through the command line; the full count is in docs/results/null-files.md."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import null_files  # type: ignore[import-not-found]  # noqa: E402


def test_few_files_without_a_difference_are_called_different() -> None:
    found = null_files.rates(105, 7)
    assert sum(n for _, n, _ in found) == 105
    wrong = sum(bad for _, _, bad in found)
    assert wrong <= 13  # binomial(105, .05) is above that in one of 2,000


def test_the_page_is_that_of_the_command_and_within_the_level() -> None:
    page = (ROOT / "docs" / "results" / "null-files.md").read_text()
    assert f"--files {null_files.FILES} --seed {null_files.SEED}" in page
    (total,) = [line for line in page.splitlines() if line.startswith("| all |")]
    wrong, files = (int(total.split("|")[place]) for place in (3, 2))
    assert wrong / files <= 0.05 + 2 * (0.05 * 0.95 / files) ** 0.5  # tests that keep their level come out around it
