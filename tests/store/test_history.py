"""Earlier runs by test file and arm: what a plan and a gate look up, and that they look once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seedwise.forecast import pilot
from seedwise.forecast.claims import forecast
from seedwise.forecast.cost import CostModel
from seedwise.planning.plan import Plan
from seedwise.store import history
from seedwise.store.history import History, arm_kind, runs_of
from seedwise.store.store import Store, StoredRun
from seedwise_contract import RunSpec
from tests.tracker.stores import RECIPE, plan_of, project_in, small_study, write_run


def plans_of(folder: Path, count: int) -> list[Plan]:
    """Studies on one test file whose arms differ by what they learn at."""
    study = small_study()
    plans = []
    for number in range(count):
        optimizer = {**RECIPE["optimizer"], "lr": 1e-4 * (number + 1)}  # type: ignore[dict-item]
        arms = {
            name: arm
            if arm.recipe is None
            else arm.model_copy(update={"recipe": arm.recipe.model_validate({**RECIPE, "optimizer": optimizer})})
            for name, arm in study.arms.items()
        }
        plans.append(plan_of(study.model_copy(update={"name": f"study-{number}", "arms": arms}), project_in(folder)))
    return plans


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Plan], Store]:
    """A store of six studies, whose runs began one study after another."""
    folder = tmp_path_factory.mktemp("many")
    plans, store = plans_of(folder, 7), Store(folder / "runs")
    for number, plan in enumerate(plans[:-1]):
        for run in plan.runs:
            if store.is_done(run.run_id):  # the arm without a recipe is the same in all
                continue
            write_run(store, plan, run)
            path = store.folder(run.run_id or "") / "provenance.json"
            record = store.read(run.run_id or "").provenance
            path.write_text(path.read_text().replace(record.started, f"2026-01-0{number + 1}T00:00:00+00:00"))
    return plans, store


def test_runs_are_looked_at_once_for_all_studies(
    many: tuple[list[Plan], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans, store = many
    asked: list[RunSpec] = []

    def counted(spec: RunSpec) -> str:
        asked.append(spec)
        return arm_kind(spec)

    monkeypatch.setattr(history, "arm_kind", counted)
    runs = runs_of(store)
    earlier = History(runs)
    for plan in plans:
        forecast(plan, store, earlier, CostModel(runs))
    assert len(asked) == len(runs) > 6 * 8


def test_the_runs_of_an_arm_are_those_of_its_name_and_of_its_kind(many: tuple[list[Plan], Store]) -> None:
    plans, store = many
    runs = runs_of(store)
    plan = plans[2]
    renamed = replace(plan, study=plan.study.model_copy(update={"name": "renamed"}))
    for asked, name in ((plan, "random"), (plan, "tfidf"), (renamed, "random"), (renamed, "tfidf")):
        kind = arm_kind(asked.of_arm(name)[0].spec)

        def fits(run: StoredRun, asked: Plan = asked, name: str = name, kind: str = kind) -> bool:
            return (run.provenance.study, run.provenance.arm) == (asked.study.name, name) or arm_kind(run.spec) == kind

        wanted = [run.run_id for run in runs if fits(run)]
        assert [run.run_id for run in History(runs).of_arm(asked, name, kind)] == wanted
        assert wanted


def test_the_arms_that_were_begun_last_stand_in_for_others(
    many: tuple[list[Plan], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans, store = many
    monkeypatch.setattr(pilot, "OTHERS", 3)
    found = pilot.Pilots(plans[-1], store, History(runs_of(store))).basis(plans[-1].study.claims[0])
    assert found is not None
    assert found.source == "same task"
    assert "study-5/pretrained, study-5/random" in found.words
    assert found.words.startswith("from 12 earlier runs on this test file (study-4/")


def test_runs_on_another_test_file_or_by_another_metric_are_no_earlier_ones(many: tuple[list[Plan], Store]) -> None:
    plans, store = many
    plan = plans[0]
    splits = {**plan.data.splits, "test": plan.data.splits["test"].model_copy(update={"sha256": "0" * 64})}
    elsewhere = replace(plan, data=plan.data.model_copy(update={"splits": splits}))
    earlier = History(runs_of(store))
    assert earlier.kinds(plan)
    assert not earlier.kinds(elsewhere)
    assert not earlier.of_arm(elsewhere, "random", arm_kind(plan.of_arm("random")[0].spec))
