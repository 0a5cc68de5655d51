"""Arms whose seeds move some streams of randomness only."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby

import pytest

from seedwise.assets.places import data_root
from seedwise.errors import InputError
from seedwise.planning.plan import derive_seeds, make_plan
from seedwise.report.noise import alike, ways
from seedwise.store.history import arm_kind
from seedwise.study.load import load_study
from seedwise_contract.data import read_split
from tests.conftest import Small, toy_manifest, toy_rows


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


ROWS = "{vary: [initialisation, order, dropout, rows], method: {name: perceptron, parameters: {rate: 1.0}}}"


def test_training_rows_are_drawn_for_each_seed(small: Small, no_say: Callable[[str], None]) -> None:
    small.edit(
        "claims:",
        f"  new: {ROWS}\n  new-rows: {{vary: [rows], method: {{name: perceptron, parameters: {{rate: 1.0}}}}}}\nclaims:",
    )
    study = load_study(small.study).study
    plan = make_plan(study, small.project, {"fake": "d"}, "cpu", no_say)
    again = make_plan(study, small.project, {"fake": "d"}, "cpu", no_say)
    assert [run.run_id for run in plan.runs] == [run.run_id for run in again.runs]
    new, still = plan.of_arm("new"), plan.of_arm("quick")
    assert len({run.spec.task.splits["train"].sha256 for run in new}) == len(study.seeds)
    assert {run.spec.task.splits["test"] for run in new} == {plan.data.splits["test"]}
    assert {run.spec.task.splits["train"] for run in still} == {plan.data.splits["train"]}
    assert [run.spec.seeds for run in new] == [derive_seeds(seed) for seed in study.seeds]
    assert [run.spec.task for run in plan.of_arm("new-rows")] == [run.spec.task for run in new]
    assert arm_kind(new[0].spec) == arm_kind(new[1].spec) != arm_kind(still[0].spec)
    pool = {row["text"] for row in toy_rows(200)}
    held = {
        row.text
        for name in ("selection", "test")
        for row in read_split(still[0].spec.task, name, data_root(small.project))
    }
    for run in new:
        rows = read_split(
            run.spec.task, "train", data_root(small.project)
        )  # ids are distinct, labels known, the digest right
        assert len(rows) == 60
        assert {row.text for row in rows} <= pool - held
    assert any("#2" in row.id for run in new for row in read_split(run.spec.task, "train", data_root(small.project)))
    assert alike(study) == {"new": ["new-rows"]}
    assert ways(study) == {"new", "frozen"}  # new-rows and quick are the same way, with less that varies


def test_rows_of_a_group_are_drawn_together(small: Small, no_say: Callable[[str], None]) -> None:
    assert small.project.data_root is not None
    text = "".join(json.dumps({**row, "film": f"f{n // 4}"}) + "\n" for n, row in enumerate(toy_rows(200)))
    (small.project.data_root / "toy.jsonl").write_text(text)
    manifest = toy_manifest(text).replace("group: null", "group: film")
    (small.project.root / "benchmarks" / "assets" / "toy.yaml").write_text(manifest)
    small.edit("claims:", f"  new: {ROWS}\nclaims:")
    plan = make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)
    film = {row["text"]: n // 4 for n, row in enumerate(toy_rows(200))}
    rows = read_split(plan.of_arm("new")[0].spec.task, "train", data_root(small.project))
    films = [film[row.text] for row in rows]
    assert [len(list(group)) for _, group in groupby(films)][:-1] == [
        4 * (len(list(g)) // 4) for _, g in groupby(films)
    ][:-1]


def test_rows_vary_in_both_arms_of_a_claim_or_in_none(small: Small) -> None:
    small.edit("quick: {", "quick: {vary: [rows], ")
    with pytest.raises(InputError, match=r"claims.0: found rows vary in quick alone"):
        load_study(small.study)


def test_a_verdict_with_new_training_rows_says_so(small: Small) -> None:
    """From the study to its bundle, which is verified: the rows are drawn before the runs, the sentence names what was drawn."""
    for arm in ("quick", "frozen"):
        small.edit(f"{arm}: {{", f"{arm}: {{vary: [initialisation, order, dropout, rows], ")
    ran = small.pytest(str(small.study), "--no-record", timeout=300)
    assert ran.returncode == 0, ran.stdout
    assert "with new training rows too, quick scores higher than frozen" in " ".join(ran.stdout.split())
    packed = small.here("bundle", str(small.study), "--out", str(small.project.root / "small.zip"))
    assert packed.exit_code == 0, packed.output
    verified = small.here("verify", str(small.project.root / "small.zip"))
    assert verified.exit_code == 0, verified.output
