"""Clusters and the rule of the exact test, from run folders to verdicts and to the regression gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedwise.stats import Basis, Clusters, CrossedResult, Outcome, crossed
from seedwise.store.example_scores import clusters_of
from seedwise.store.history import History, example_scores, runs_of
from seedwise.verdicts.comparison import compare
from seedwise.verdicts.regression import Gate, check_arm
from seedwise.verdicts.signature import parse_signature, sign
from tests.report.outcomes import Lab


def test_examples_that_belong_together_are_one_draw() -> None:
    assert clusters_of(("a", "b", "c"), {}) is None
    assert clusters_of(("a", "b", "c"), {"a": "x", "z": "x"}) is None  # the other example of the group is not here
    found = clusters_of(("a", "b", "c", "d"), {"a": "x", "c": "x"})
    assert found is not None
    assert (found.n_clusters, found.of.tolist()) == (3, [0, 1, 0, 2])


def test_a_verdict_of_a_study_counts_the_groups_of_its_data(tmp_path: Path) -> None:
    lab = Lab(tmp_path, examples=200, films=5)
    outcome = lab.run()
    (claim,) = outcome.claims
    a, b = (outcome.arms[name].examples for name in ("pretrained", "random"))
    want = crossed(a, b, clusters=Clusters.by_label(np.arange(200) // 5))
    assert isinstance(want, CrossedResult)
    assert claim.verdict.interval == want.interval
    assert (claim.verdict.n_examples, claim.verdict.n_clusters) == (200, 40)
    assert claim.sensitivity is not None
    assert claim.sensitivity.standard_error == pytest.approx(want.standard_error, rel=0.3)
    signed = sign(outcome, claim)
    assert signed.fields["clusters"].startswith("40@")
    assert parse_signature(str(signed)) == signed


def test_the_exact_test_may_be_required_by_the_study_or_for_once(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "a", seeds=3)
    free = lab.run()
    assert (free.claims[0].verdict.outcome, free.claims[0].verdict.basis) == (Outcome.A_BETTER, Basis.NEAR_NORMAL)
    asked = compare(lab.plan(), lab.store, require_exact=True)
    bound = Lab(tmp_path / "b", seeds=3, rules={"exact": "required"}).run()
    for outcome in (asked, bound):
        assert outcome.claims[0].verdict.outcome is Outcome.UNATTAINABLE
        assert outcome.claims[0].declared
        assert sign(outcome, outcome.claims[0]).fields["exact"] == "required"
    assert asked.study.declaration() == free.study.declaration() != bound.study.declaration()


def test_the_gate_counts_clusters(tmp_path: Path) -> None:
    """Three seeds against three earlier ones of the same arm: the bound is that of the clusters' analysis."""
    words = {}
    for films in (1, 5):
        lab = Lab(tmp_path / str(films), seeds=6, examples=200, films=films, baseline=False)
        lab.run()
        plan = lab.plan()
        now = replace(plan, runs=tuple(run for run in plan.runs if run.seed >= 3))
        told = check_arm("pretrained", now, lab.store, History(runs_of(lab.store)), 0.5)
        assert told.gate is Gate.PASSED
        assert told.result is not None
        assert told.result.n_clusters == (None if films == 1 else 40)
        scores, clusters = example_scores(
            [run for run in runs_of(lab.store) if run.provenance.arm == "pretrained"], lab.store, plan.data.group_of
        )
        by_seed = sorted(range(6), key=lambda i: runs_seed(lab, i))
        want = crossed(scores[by_seed][3:], scores[by_seed][:3], 0.1, clusters=clusters)
        assert isinstance(want, CrossedResult)
        assert told.result.lower == pytest.approx(want.interval[0])
        words[films] = told.words
    assert "on 200 examples in 40 clusters" in words[5]
    assert "clusters" not in words[1]
    assert (
        "rests on seeds that scatter near normally" not in words[5]
    )  # one-sided .05 is the floor of three against three


def runs_seed(lab: Lab, index: int) -> int:
    return [run.spec.seeds.seed for run in runs_of(lab.store) if run.provenance.arm == "pretrained"][index]
