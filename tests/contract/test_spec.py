from __future__ import annotations

import json

import pytest

from seedwise_contract import RunSpec, SpecError, run_id
from seedwise_contract.spec import parse_spec
from tests.contract.specs import SPEC, spec_with


def parse(value: object) -> RunSpec:
    return parse_spec(json.dumps(value), "spec.json")


def test_every_fault_is_listed_at_once_with_field_value_and_rule() -> None:
    value = spec_with(**{"recipe.epochs": 0, "recipe.optimizer.lr": "fast", "seeds.order": -1, "recipe.warmup": 0.06})
    del value["task"]["metric"]
    with pytest.raises(SpecError) as caught:
        parse(value)
    faults = {fault.field: fault for fault in caught.value.faults}
    assert set(faults) == {"recipe.epochs", "recipe.optimizer.lr", "seeds.order", "recipe.warmup", "task.metric"}
    assert faults["recipe.optimizer.lr"].found == '"fast"'
    assert "greater than or equal to 1" in faults["recipe.epochs"].allowed
    assert faults["task.metric"].found == "nothing"
    assert all(field in str(caught.value) for field in faults)


CAUSAL = {
    "kind": "causal_lm",
    "name": "shop",
    "columns": {"id": "id", "prompt": "question", "answer": "answer"},
    "template": "<human>: {prompt}?  \n <assistant>: {answer}",
    "loss_on": "answer",
    "splits": SPEC["task"]["splits"],
    "metric": "perplexity",
}


def test_each_kind_of_task_has_fields_of_its_own() -> None:
    loss = {"rule": "best", "split": "selection", "metric": "loss"}
    assert parse(spec_with(task=CAUSAL, selection=loss)).task.kind == "causal_lm"
    with pytest.raises(SpecError, match=r"task\.template: found .*end with '\{answer\}'"):
        parse(spec_with(task={**CAUSAL, "template": "{answer} {prompt}"}, selection=loss))
    with pytest.raises(SpecError, match="metric is 'loss'"):
        parse(spec_with(task=CAUSAL))
    running = {**CAUSAL, "columns": {"id": "id", "prompt": None, "answer": "text"}, "template": "{answer}"}
    assert parse(spec_with(task=running, selection=loss)).task.columns.prompt is None
    with pytest.raises(SpecError, match=r"task\.template: found .*'\{answer\}' where columns\.prompt is null"):
        parse(spec_with(task={**running, "template": CAUSAL["template"]}, selection=loss))
    with pytest.raises(SpecError, match=r"must have '\{prompt\}' once"):
        parse(spec_with(task={**CAUSAL, "template": "{answer}"}, selection=loss))
    masked = {**CAUSAL, "kind": "masked_lm", "columns": {"id": "id", "text": "text"}}
    del masked["template"], masked["loss_on"]
    masked["masking"] = {"probability": 0.15, "keep": 0.1, "random": 0.1}
    assert parse(spec_with(task=masked, selection=loss)).task.kind == "masked_lm"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"recipe": None}, "go together"),
        ({"model": None}, "initialisation is 'none'"),
        ({"recipe.schedule.power": 2.0}, "polynomial"),
        ({"task.labels": ["good", "good"]}, "distinct"),
        ({"task.splits.test.file": "../secret"}, "stay below"),
        ({"model.path": "/etc"}, "stay below"),
        ({"selection.split": "test"}, "selection"),
        ({"recipe.optimizer.lr": float("inf")}, "Infinity"),
        ({"recipe.epochs": True}, "integer"),
        ({"recipe.epochs": 2.5}, "integer"),
        ({"contract": 2}, "1"),
    ],
)
def test_incoherent_values_are_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(SpecError, match=word):
        parse(spec_with(**changes))


def test_updates_count_the_short_last_group() -> None:
    assert parse(SPEC).total_updates == 2 * 4  # 50 rows in batches of 16: 16 16 16 2
    assert parse(spec_with(**{"recipe.accumulation": 2})).total_updates == 2 * 2
    lab = spec_with(**{"task.splits.train.rows": 1800, "recipe.batch_size": 8, "recipe.epochs": 5})
    assert parse(lab).total_updates == 1125  # fairseq's count for the lab's recipe


def test_identity_changes_with_everything_that_decides_the_outcome() -> None:
    image = "sha256:" + "a" * 64
    base = run_id(parse(SPEC), image)
    assert base == run_id(parse(json.loads(json.dumps(SPEC, sort_keys=True))), image)
    others = [
        run_id(parse(SPEC), "sha256:" + "b" * 64),
        *(
            run_id(parse(spec_with(**change)), image)
            for change in (
                {"seeds.dropout": 4},
                {"task.splits.train.sha256": "1" * 64},
                {"model.sha256": "1" * 64},
                {"recipe.clip_norm": None},
                {"device.threads": 2},
                {"device.instructions": "avx2"},
            )
        ),
    ]
    assert len({base, *others}) == 1 + len(others)


def test_spec_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(SPEC).backend = "other"  # type: ignore[misc]
