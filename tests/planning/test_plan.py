from __future__ import annotations

from collections.abc import Callable

import pytest

from seedwise.errors import AssetError, InputError
from seedwise.planning.plan import derive_seeds, make_plan, refuse_unsupported
from seedwise.study.load import load_study
from seedwise_contract import Description
from tests.conftest import Small

Notify = Callable[[str], None]


def describe(**changes: object) -> Description:
    value: dict[str, object] = {
        "contract": 1,
        "backend": "fake",
        "version": "1",
        "tasks": ["classification"],
        "methods": ["perceptron"],
        "initialisations": ["none"],
        "precisions": ["fp32"],
        "devices": ["cpu"],
        "deterministic_methods": [],
        "packages": {},
    }
    return Description(**{**value, **changes})  # type: ignore[arg-type]


def test_seed_streams_are_distinct_stable_and_pinned() -> None:
    streams = [(s.initialisation, s.order, s.dropout) for s in map(derive_seeds, range(50))]
    assert len({value for triple in streams for value in triple}) == 150
    assert derive_seeds(0) == derive_seeds(0)
    assert streams[0] == (3757552657, 673228719, 3241444873)  # a change here would rename every run ever made


def test_plan_has_a_run_for_each_arm_and_seed_seed_by_seed(small: Small, no_say: Notify) -> None:
    study = load_study(small.study).study
    plan = make_plan(study, small.project, {"fake": "d"}, "cpu", no_say)
    assert [run.label for run in plan.runs[:3]] == ["quick[seed=0]", "frozen[seed=0]", "quick[seed=1]"]
    assert len({run.run_id for run in plan.runs}) == len(plan.runs) == 8
    assert plan.runs[0].spec.seeds == plan.runs[1].spec.seeds
    again = make_plan(study, small.project, {"fake": "d"}, "cpu", no_say)
    assert again == plan
    other = make_plan(study, small.project, {"fake": "e"}, "cpu", no_say)
    assert not {run.run_id for run in other.runs} & {run.run_id for run in plan.runs}
    unbuilt = make_plan(study, small.project, {"fake": None}, "cpu", no_say)
    assert {run.run_id for run in unbuilt.runs} == {None}


def test_a_deterministic_arm_is_run_once(small: Small, no_say: Notify) -> None:
    small.edit("frozen: {", "frozen: {deterministic: true, ")
    plan = make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
    assert [run.seed for run in plan.of_arm("frozen")] == [0]
    with pytest.raises(InputError, match=r"arms\.frozen\.deterministic: found true"):
        refuse_unsupported(plan, {"fake": describe()})


def test_warmup_ratio_becomes_a_count(small: Small, no_say: Notify) -> None:
    small.edit("{name: constant, warmup_updates: 0}", "{name: linear, warmup_ratio: 0.06}")
    plan = make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
    recipe = plan.runs[0].spec.recipe
    assert recipe is not None
    assert plan.runs[0].spec.total_updates == 30
    assert recipe.schedule.warmup_updates == 1


def test_what_a_backend_does_not_offer_is_refused_for_every_arm_at_once(small: Small, no_say: Notify) -> None:
    plan = make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
    refuse_unsupported(plan, {"fake": describe()})
    with pytest.raises(InputError) as caught:
        refuse_unsupported(plan, {"fake": describe(methods=["full"], precisions=["bf16"])})
    text = str(caught.value)
    for field in ("arms.quick.method.name", "arms.frozen.method.name", "arms.quick.recipe.precision"):
        assert field in text
    assert "offers: full" in text


def test_more_rows_than_there_are_names_the_field(small: Small, no_say: Notify) -> None:
    small.edit("train: 60", "train: 6000")
    with pytest.raises(AssetError, match=r"lower task\.rows\.train"):
        make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
