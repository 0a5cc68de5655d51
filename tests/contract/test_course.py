"""The course of a training, with scores made up: what is kept, what is told, and what a stop leaves."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from seedwise_contract import RunFiles, RunSpec, read_events
from seedwise_contract.context import Roots, RunContext
from seedwise_contract.course import Course, Diverged, Scored, Stopped
from seedwise_contract.events import EventLog, last_progress
from seedwise_contract.states import Progress
from tests.contract.specs import spec_with

PER_EPOCH = 4  # 50 rows in batches of 16


class Scores:
    """Accuracy of each split by update; scoring a split named in `stop` is stopped, one in `broken` is not finite."""

    def __init__(self, selection: list[float], test: list[float], stop: str = "", broken: str = "") -> None:
        self.by_split = {"selection": selection, "test": test}
        self.stop, self.broken = stop, broken
        self.asked: list[str] = []

    def at(self, epoch: int) -> Any:
        def score(split: str) -> Scored:
            self.asked.append(split)
            if split == self.stop:
                raise Stopped
            value = self.by_split[split][epoch - 1]
            loss = math.nan if split == self.broken else 1 - value
            return Scored([value], split != self.broken, {"accuracy": value, "loss": loss})

        return score


def course(folder: Path, **changes: Any) -> Course:
    spec = RunSpec.model_validate_json(json.dumps(spec_with(**changes)))
    files = RunFiles(folder)
    return Course(spec, RunContext(files, Roots(folder, folder), EventLog(files.events)), Progress())


def test_the_best_is_chosen_by_selection_alone(tmp_path: Path) -> None:
    """Whether or not the reported split, which would choose otherwise, is displayed."""
    kept = []
    for curve in (False, True):
        scores = Scores([0.8, 0.7], [0.1, 0.9])
        one = course(tmp_path / str(curve), **{"evaluation.curve": curve})
        for epoch in (1, 2):
            one.select(epoch * PER_EPOCH, scores.at(epoch), lambda epoch=epoch: f"weights {epoch}")
        best = one.progress.best
        assert best is not None
        kept.append((best.selected, best.metrics, best.weights, best.logits, one.progress.evaluated_epochs))
        assert scores.asked == (["selection", "test"] if curve else ["selection"]) * 2
        events = read_events(tmp_path / str(curve) / "events.jsonl")
        shown = [(e.update, e.epoch, e.metrics["accuracy"]) for e in events if e.display]
        assert shown == ([(4, 1.0, 0.1), (8, 2.0, 0.9)] if curve else [])
        assert [e.metrics["accuracy"] for e in events if not e.display] == [0.8, 0.7]
        assert {e.split for e in events if e.display} <= {"test"}
    assert kept[0] == kept[1]
    assert kept[0][2] == "weights 1"


@pytest.mark.parametrize("split", ["selection", "test"])
def test_a_stop_while_scoring_leaves_no_half_of_an_epoch(tmp_path: Path, split: str) -> None:
    one = course(tmp_path, **{"evaluation.curve": True})
    with pytest.raises(Stopped):
        one.select(PER_EPOCH, Scores([0.8], [0.1], stop=split).at(1), lambda: "weights")
    assert read_events(tmp_path / "events.jsonl") == []
    assert one.progress.best is None
    assert one.unselected(PER_EPOCH)
    one.select(PER_EPOCH, Scores([0.8], [0.1]).at(1), lambda: "weights")
    assert not one.unselected(PER_EPOCH)
    assert [e.split for e in read_events(tmp_path / "events.jsonl")] == ["selection", "test"]


def test_scores_that_are_not_finite(tmp_path: Path) -> None:
    """Of the selection split they end the run; of what is only displayed, they are left out."""
    one = course(tmp_path, **{"evaluation.curve": True})
    one.select(PER_EPOCH, Scores([0.8], [0.1], broken="test").at(1), lambda: "weights")
    assert read_events(tmp_path / "events.jsonl")[-1].metrics == {"accuracy": 0.1}
    with pytest.raises(Diverged, match="scores after update 8"):
        one.select(2 * PER_EPOCH, Scores([0.8, 0.8], [0.1, 0.1], broken="selection").at(2), lambda: "weights")
    assert len(read_events(tmp_path / "events.jsonl")) == 2
    with pytest.raises(Diverged, match="reported split"):
        one.report(Scores([0.8], [0.1], broken="test").at(1))
    with pytest.raises(Diverged, match="loss of update 9"):
        one.step(9, 2.25, math.nan, 0.1, math.inf)
    assert [read_events(tmp_path / "events.jsonl")[-1].loss, one.progress.evaluated_epochs] == [None, 1]


def test_what_is_displayed_is_no_progress(tmp_path: Path) -> None:
    one = course(tmp_path, **{"evaluation.curve": True})
    one.step(4, 1.0, 0.5, 0.1, 1.0)
    one.select(PER_EPOCH, Scores([0.8], [0.1]).at(1), lambda: "weights")
    newest = last_progress(tmp_path / "events.jsonl")
    assert newest is not None
    assert (newest["split"], newest["metrics"]["accuracy"]) == ("selection", 0.8)
