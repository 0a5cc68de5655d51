"""`seedwise plan`: what claims can decide before anything runs, from which variances, and at what cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from seedwise.forecast.attainable import reach_of, unattainable_claims
from seedwise.forecast.claims import forecast
from seedwise.forecast.cost import CostModel
from seedwise.forecast.pilot import ASSUMED
from seedwise.planning.plan import make_plan
from seedwise.stats import detectable_crossed, power_tost, seeds_for_tost
from seedwise.store.history import History
from seedwise.store.store import Store
from seedwise.study.load import load_study
from seedwise.study.model import Variances
from tests.conftest import Small

Notify = Callable[[str], None]


def planned(small: Small, no_say: Notify, stated: Variances | None = None) -> Any:
    plan = make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
    return forecast(plan, Store(small.project.runs), History(), CostModel([]), stated)


def test_without_runs_the_variances_are_assumed_and_said_to_be(small: Small, no_say: Notify) -> None:
    (found,) = planned(small, no_say)
    assert (found.basis.source, found.basis.components) == ("assumed", ASSUMED)
    assert found.smallest == pytest.approx(detectable_crossed(ASSUMED, 4, 40))
    assert [at.size for at in found.power] == [0.005, 0.01, 0.02, 0.05]
    assert [at.power for at in found.power] == sorted(at.power for at in found.power)
    assert found.reach.floor == pytest.approx(2 / 70)
    assert found.seconds_per_seed is None


def test_stated_variances_and_an_equivalence_claim(small: Small, no_say: Notify) -> None:
    small.edit("b: frozen}", "b: frozen, type: equivalence, margin: 0.02}")
    small.edit("seeds: 4", "seeds: 4\nvariances: {sd_seeds: 0.02, sd_examples: 0.05}")
    (found,) = planned(small, no_say)
    parts = found.basis.components
    assert (found.basis.source, parts.seed_a, parts.example) == ("stated", pytest.approx(4e-4), pytest.approx(0.0025))
    assert found.power[0].power == pytest.approx(power_tost(0.02, parts, 4, 40))
    assert found.power[0].seeds == seeds_for_tost(0.02, parts, 40)
    assert found.smallest > 0.02
    (given,) = planned(small, no_say, Variances(sd_seeds=0.001))
    assert given.smallest < found.smallest or given.basis.components.example > parts.example
    assert "given sd between seeds 0.1 points; assumed" in given.basis.words


def test_pairs_and_families_change_what_is_attainable(small: Small, no_say: Notify) -> None:
    small.edit("b: frozen}", "b: frozen, design: paired}")
    study = load_study(small.study).study
    reach = reach_of(study, study.claims[0])
    assert (reach.floor, reach.attainable, reach.seeds, reach.confirmable) == (0.125, True, 3, False)
    strict = reach_of(study, study.claims[0], require_exact=True)
    assert (strict.floor, strict.attainable, strict.seeds) == (0.125, False, 6)
    small.edit("b: frozen, design: paired}", "b: frozen}\n  - {name: other, a: frozen, b: quick}")
    assert unattainable_claims(load_study(small.study).study) == []
    small.edit("seeds: 4", "exact: required\nseeds: 4")
    said = unattainable_claims(load_study(small.study).study)
    assert len(said) == 2
    assert "by its own rule (exact: required)" in said[0]
    assert "(family of 2); declare 5 seeds" in said[0]


def test_a_plan_says_which_looks_can_decide(small: Small) -> None:
    small.edit("seeds: 4", "seeds: 8\nexact: required\nlooks: {seeds: [4, 8]}")
    text = small.seedwise("plan", "benchmarks/small.yaml").stdout
    assert (
        "look 1 of 2: 4 seeds an arm, each claim at 0.00305 (obrien-fleming); too few seeds to decide anything yet"
        in text
    )
    assert "look 2 of 2: 8 seeds an arm, each claim at 0.049 (obrien-fleming)\n" in text


def test_pilot_runs_are_used_and_the_cost_is_measured(small: Small) -> None:
    small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0 or seed1 or seed2")
    (listed,) = json.loads(small.seedwise("plan", "benchmarks/small.yaml", "--format", "json").stdout)
    (claim,) = listed["claims"]
    assert claim["variances"]["source"] == "pilot"
    assert "from 3 of quick and 3 of frozen finished runs" in claim["variances"]["words"]
    assert claim["variances"]["seed_b"] >= 0
    assert claim["hours_per_seed"] > 0
    assert listed["cost"]["basis"] == ["same runs"]
    small.edit(
        "frozen: {method: {name: perceptron, parameters: {rate: 0.0}}}",
        "frozen: {method: {name: perceptron, parameters: {rate: 0.5}}}",
    )
    text = small.seedwise("plan", "benchmarks/small.yaml").stdout
    assert "variances (same task): from 6 earlier runs on this test file (small/frozen, small/quick)" in text
    assert "by same backend and model and same runs" in text
    assert "floor of the exact test .0286 at level .0500: attainable" in text
    assert "smallest true difference found with 80 % power" in text


def test_an_unattainable_claim_is_refused_under_the_gate(small: Small) -> None:
    small.edit("seeds: 4", "seeds: 3")
    answer = small.seedwise("plan", "benchmarks/small.yaml", "--gate")
    assert answer.returncode == 0
    assert "attainable, resting on seeds that scatter near normally" in answer.stdout
    strict = small.seedwise("plan", "benchmarks/small.yaml", "--gate", "--require-exact")
    assert strict.returncode == 1
    assert "UNATTAINABLE (exact: required): it takes 4 seeds" in strict.stdout
    assert "declare 4 seeds" in strict.stderr
    small.edit("seeds: 3", "seeds: 2")
    few = small.seedwise("plan", "benchmarks/small.yaml", "--gate")
    assert few.returncode == 1
    assert "2 seeds decide nothing; declare 3 seeds" in few.stderr
    assert small.seedwise("plan", "benchmarks/small.yaml").returncode == 0
    wrong = small.seedwise("plan", "benchmarks/small.yaml", "--sd-seeds", "-1")
    assert wrong.returncode == 2
    assert "--sd-seeds -1: must be positive" in wrong.stderr
