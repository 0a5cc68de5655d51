"""From a run's events to the points of its curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from seedwise.tracker.content import Point
from seedwise.tracker.flatten import clean_key
from seedwise_contract.events import Evaluation, Start, Step


def without_undone(events: Iterable[Any]) -> list[Any]:
    """Events in order, less the steps and evaluations that a resumed run did again."""
    kept: list[Any] = []
    for event in events:
        if isinstance(event, Start) and event.resumed_at is not None:
            resumed = event.resumed_at
            kept = [old for old in kept if not (isinstance(old, Step | Evaluation) and old.update > resumed)]
        kept.append(event)
    return kept


def curves(events: Sequence[Any], reported: str) -> list[Point]:
    """Training by update, selection by update, and both by epoch ('epoch/…').

    A loss that was not finite is NaN, so that a curve shows where it broke off.  The `reported` split's score at the
    selected checkpoint is left out, since it is the result; what was scored for display is by epoch ('test/epoch_…').
    """
    points: list[Point] = []
    epochs: dict[int, list[Step]] = {}
    for event in without_undone(events):
        time = round(event.time * 1000)
        if isinstance(event, Step):
            loss = math.nan if event.loss is None else event.loss
            points.append(Point("train/loss", loss, event.update, time))
            points.append(Point("train/lr", event.lr, event.update, time))
            if event.grad_norm is not None:
                points.append(Point("train/grad_norm", event.grad_norm, event.update, time))
            epochs.setdefault(math.ceil(event.epoch - 1e-9), []).append(event)
        elif isinstance(event, Evaluation) and event.display:
            for name, value in event.metrics.items():
                points.append(Point(clean_key(f"{event.split}/epoch_{name}"), value, round(event.epoch), time))
        elif isinstance(event, Evaluation) and event.split != reported:
            for name, value in event.metrics.items():
                points.append(Point(clean_key(f"{event.split}/{name}"), value, event.update, time))
                points.append(Point(clean_key(f"epoch/{event.split}_{name}"), value, round(event.epoch), time))
    for epoch, steps in epochs.items():
        losses = [math.nan if step.loss is None else step.loss for step in steps]
        points.append(Point("epoch/train_loss", math.fsum(losses) / len(losses), epoch, round(steps[-1].time * 1000)))
    return points
