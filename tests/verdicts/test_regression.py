"""The regression gate: an arm against its earlier runs in the store, end to end with the fake backend."""

from __future__ import annotations

import pytest

from tests.conftest import Small

GATE = ("benchmarks/small.yaml", "--no-record", "--regression-gate", "0.15")


@pytest.fixture
def before(small: Small) -> Small:
    """Six seeds of two arms, run before."""
    small.edit("seeds: 4", "seeds: 6")
    first = small.pytest(*GATE)
    assert first.returncode == 0, first.stdout
    assert "quick: no earlier runs on this test file; these become the reference" in first.stdout
    return small


def test_a_changed_backend_that_learns_as_well_passes_and_one_that_does_not_fails(before: Small) -> None:
    again = before.pytest(*GATE)
    assert "no earlier runs" in again.stdout  # nothing changed: the runs are the reference themselves
    backend = before.project.root / "fakes" / "fake_backend.py"
    text = backend.read_text()
    backend.write_text(text + "\n# another version, which does the same\n")
    same = before.pytest(*GATE, "-k", "quick")
    assert same.returncode == 0, same.stdout
    assert (
        "quick against 6 earlier runs (6 seeds, 1 version of image or recipe): accuracy changed by +0.00" in same.stdout
    )
    assert "raises a false alarm in" in same.stdout

    backend.write_text(text.replace("weights[word] += rate", "weights[word] -= rate"))
    worse = before.pytest(*GATE, "-k", "quick")
    assert worse.returncode == 1
    assert (
        "regression gate (not shown to be no worse): quick against 12 earlier runs (6 seeds, 2 versions" in worse.stdout
    )
    assert "a loss of the margin passes in at most 5 %" in worse.stdout


def test_too_few_seeds_are_undecidable_and_no_pass(before: Small) -> None:
    backend = before.project.root / "fakes" / "fake_backend.py"
    backend.write_text(backend.read_text() + "\n# another version\n")
    before.edit("seeds: 6", "seeds: [7]")
    answer = before.pytest(*GATE, "-k", "quick")
    assert answer.returncode == 1
    assert "regression gate (undecidable): quick against 6 earlier runs" in answer.stdout
    wrong = before.pytest("benchmarks/small.yaml", "--regression-gate", "5")
    assert wrong.returncode != 0
    assert "--regression-gate 5: a margin between 0 and 1 is needed" in wrong.stdout
