"""The conformance kit passes a run that conforms, and names each breach of one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seedwise.assets.prepare import data_root
from seedwise_contract.conformance import breaches
from tests.conftest import Small


@pytest.fixture
def folder(small: Small) -> Path:
    small.pytest("benchmarks/small.yaml", "--no-record", "-k", "quick and seed0")
    (found,) = small.runs()
    return found


def test_a_run_of_the_fake_backend_conforms(small: Small, folder: Path) -> None:
    assert breaches(folder, data_root(small.project)) == []


def test_a_curve_is_one_display_an_epoch(small: Small) -> None:
    small.edit("batch_size: 8}", "batch_size: 8, curve: true}")
    small.pytest("benchmarks/small.yaml", "--no-record", "-k", "quick and seed0")
    (folder,) = small.runs()
    data = data_root(small.project)
    assert breaches(folder, data) == []
    whole = (folder / "events.jsonl").read_text().splitlines()
    first = next(number for number, line in enumerate(whole) if '"display":true' in line)
    chosen = next(number for number, line in enumerate(whole) if '"split":"selection"' in line)
    spec = json.loads((folder / "spec.json").read_text())

    def said(lines: list[str], curve: bool = True) -> str:
        (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
        (folder / "spec.json").write_text(json.dumps({**spec, "evaluation": {**spec["evaluation"], "curve": curve}}))
        return "\n".join(one for one in breaches(folder, data) if "sha256" not in one)

    assert said(whole) == ""
    assert "split test was scored for display after updates [30]" in said([*whole[:first], *whole[first + 1 :]])
    assert "split test was scored for display after updates [15, 15, 30]" in said([*whole[: first + 1], *whole[first:]])
    assert "after [] it should be" in said(whole, curve=False)
    marked = [*whole[:chosen], whole[chosen].replace('"display":false', '"display":true'), *whole[chosen + 1 :]]
    assert "selection's scores are never for display" in said(marked)
    assert "the reported split is scored once" in said(
        [line.replace('"display":true', '"display":false') for line in whole]
    )


def test_breaches_are_named(small: Small, folder: Path) -> None:
    lines = (folder / "predictions/test.jsonl").read_text().splitlines()
    (folder / "predictions/test.jsonl").write_text("\n".join(lines[1:]) + "\n")
    events = (folder / "events.jsonl").read_text().splitlines()
    (folder / "events.jsonl").write_text("\n".join([*events[:3], *events[4:]]) + "\n")
    parameters = json.loads((folder / "parameters.json").read_text())
    (folder / "parameters.json").write_text(json.dumps({**parameters, "trainable": 1}))
    (folder / "environment.json").unlink()
    text = "\n".join(breaches(folder, data_root(small.project)))
    for said in (
        "predictions/test.jsonl: sha256 differs",
        "predictions/test.jsonl: ids or labels are not those of the split",
        "test accuracy is",
        "steps are not numbered",
        "totals are not the sums",
        "environment.json: listed in result.json, but not there",
    ):
        assert said in text
