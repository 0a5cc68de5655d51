"""Arms whose seeds move some streams of randomness only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seedwise.errors import InputError
from seedwise.planning.plan import derive_seeds, make_plan
from seedwise.report.noise import alike
from seedwise.study.load import load_study
from tests.conftest import Small


def test_a_stream_that_does_not_vary_stays_at_the_first_seed(small: Small, no_say: Callable[[str], None]) -> None:
    before = load_study(small.study).study.declaration()
    small.edit(
        "claims:", "  quick-order: {vary: [order], method: {name: perceptron, parameters: {rate: 1.0}}}\nclaims:"
    )
    study = load_study(small.study).study
    assert study.declaration() == before  # arms outside the claims are no part of it
    plan = make_plan(study, small.project, {"fake": "d"}, "cpu", no_say)
    first = derive_seeds(0)
    seeds = [run.spec.seeds for run in plan.of_arm("quick-order")]
    assert [each.order for each in seeds] == [derive_seeds(seed).order for seed in study.seeds]
    assert {(each.initialisation, each.dropout) for each in seeds} == {(first.initialisation, first.dropout)}
    assert [run.spec.seeds for run in plan.of_arm("quick")] == [derive_seeds(seed) for seed in study.seeds]
    assert plan.of_arm("quick")[0].run_id == plan.of_arm("quick-order")[0].run_id  # the same run: counted in both
    assert alike(study) == {"quick": ["quick-order"]}


@pytest.mark.parametrize("vary", ["[]", "[order, order]", "[weather]", "order"])
def test_streams_are_named_once(small: Small, vary: str) -> None:
    small.edit("quick: {", f"quick: {{vary: {vary}, ")
    with pytest.raises(InputError, match="vary"):
        load_study(small.study)
