"""Resumable states: complete or not there, of the same spec, the newest alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seedwise_contract import Interrupted, RunFiles, RunSpec, states
from seedwise_contract.results import Selected
from seedwise_contract.states import Best, Progress, update_of
from tests.contract.specs import spec_with


class States(states.States):
    packages = ("pydantic",)

    def write_best(self, best: Best, folder: Path) -> None:
        (folder / "best.json").write_text(json.dumps([best.weights, best.logits]))

    def read_best(self, folder: Path) -> tuple[Any, Any]:
        weights, logits = json.loads((folder / "best.json").read_text())
        return weights, logits


def of(folder: Path, **changes: Any) -> States:
    files = RunFiles(folder)
    files.events.write_text("an event\n")
    return States(files, RunSpec.model_validate_json(json.dumps(spec_with(**changes))))


def leave(these: States, progress: Progress, update: int) -> None:
    these.partial.mkdir(parents=True)
    with pytest.raises(Interrupted, match=f"stopped after update {update} of 8"):
        these.leave(progress, these.partial, update)


def test_what_was_left_is_found(tmp_path: Path) -> None:
    these = of(tmp_path)
    assert these.find() is None
    selected = Selected(epoch=1.0, update=4, metric="accuracy", value=0.5)
    progress = Progress(1, 2.5, 0.5, 0, Best(selected, {"accuracy": 0.5}, [1.0], [2.0]))
    leave(these, progress, 5)
    found = of(tmp_path).find()
    assert found is not None
    assert update_of(found) == 5
    assert these.load(found) == progress
    assert progress.events_bytes == len("an event\n")
    assert of(tmp_path, **{"seeds.order": 77}).find() is None, "another spec would give other bits"


def test_a_newer_state_replaces_the_older_and_a_torn_one_is_passed_over(tmp_path: Path) -> None:
    these = of(tmp_path)
    for update in (3, 6):
        leave(these, Progress(), update)
    assert [folder.name for folder in (tmp_path / "state").iterdir()] == ["update-00000006"]
    torn = tmp_path / "state" / "update-00000007"
    torn.mkdir()
    (torn / "progress.json").write_text('{"finger')
    found = these.find()
    assert found is not None
    assert update_of(found) == 6
    assert these.load(found).best is None
