"""What a comparison hangs on: counted by hand on small tables, and overturned where it says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedwise.stats import Outcome, decide_crossed
from seedwise.verdicts.arms import ArmScores
from seedwise.verdicts.deciding import NAMED, deciding
from tests.report.outcomes import Lab


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> tuple[ArmScores, ArmScores]:
    lab = Lab(tmp_path_factory.mktemp("lab"), seeds=4, examples=200, baseline=False)
    found = lab.run().arms
    return found["pretrained"], found["random"]


def scored(arm: ArmScores, examples: list[list[float]]) -> ArmScores:
    table = np.array(examples, dtype=float)
    return replace(arm, examples=table, example_ids=tuple(f"e{n}" for n in range(table.shape[1])), clusters=None)


def test_examples_are_counted_by_the_shares_of_runs_that_are_right(arms: tuple[ArmScores, ArmScores]) -> None:
    a = scored(arms[0], [[1, 1, 0, 0, 1], [1, 0, 0, 0, 1], [1, 0, 0, 1, 1]])
    b = scored(arms[1], [[0, 0, 1, 1, 1], [0, 0, 1, 0, 1]])
    found = deciding(a, b, decide_crossed(a.examples, b.examples))
    assert found is not None
    assert found.ahead == (2, 2)
    assert found.every == (1, 1)
    assert found.named == (("e0",), ("e2",))
    assert found.overturned is None  # nothing is claimed of so little


def test_what_it_says_overturns_it_does_and_one_less_does_not(arms: tuple[ArmScores, ArmScores]) -> None:
    a, b = arms
    verdict = decide_crossed(a.examples, b.examples, clusters=a.clusters)
    assert verdict.outcome is Outcome.A_BETTER
    found = deciding(a, b, verdict)
    assert found is not None
    assert found.overturned is not None
    lead = a.examples.mean(axis=0) - b.examples.mean(axis=0)
    order = np.argsort(-lead, kind="stable")
    for lost, outcome in ((found.overturned, Outcome.INCONCLUSIVE), (found.overturned - 1, Outcome.A_BETTER)):
        changed = a.examples.copy()
        changed[:, order[:lost]] = 0.0
        assert decide_crossed(changed, b.examples, clusters=a.clusters).outcome is outcome
        if lost == found.overturned:
            assert found.answers == int((a.examples != changed).sum())
    assert found.answers_of == a.examples.size
    assert len(found.named[0]) <= NAMED
    mirrored = deciding(b, a, decide_crossed(b.examples, a.examples, clusters=a.clusters))
    assert mirrored is not None
    assert (mirrored.overturned, mirrored.answers, mirrored.ahead) == (
        found.overturned,
        found.answers,
        found.ahead[::-1],
    )


def test_of_scores_that_are_not_right_or_wrong_it_says_nothing(arms: tuple[ArmScores, ArmScores]) -> None:
    a = scored(arms[0], [[0.5, 1, 0], [1, 1, 0]])
    b = scored(arms[1], [[0, 1, 0], [1, 0, 0]])
    assert deciding(a, b, decide_crossed(a.examples, b.examples)) is None


def test_a_deterministic_arm_and_clusters_are_taken_as_the_verdict_takes_them(tmp_path: Path) -> None:
    outcome = Lab(tmp_path, seeds=4, examples=200, films=5).run()
    for claim in (*outcome.claims, *outcome.explored):
        found = deciding(outcome.arms[claim.a], outcome.arms[claim.b], claim.verdict)
        assert found is not None
        decided = claim.verdict.outcome in (Outcome.A_BETTER, Outcome.B_BETTER)
        assert (found.overturned is not None) == decided
