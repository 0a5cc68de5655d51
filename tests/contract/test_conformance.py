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
