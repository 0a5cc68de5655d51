"""Curves from the runs' events: the selection split and, where runs have it, the reported one by epoch; the training loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from seedwise.planning.plan import Plan
from seedwise.report.curve_rows import Curve, Curves, EpochRow
from seedwise.store.store import Store, StoredRun
from seedwise_contract import read_events
from seedwise_contract.events import Evaluation, Step

LOSS_POINTS = 60  # a curve; what is finer is noise that hides it


def read_curves(plan: Plan, runs: Mapping[str, StoredRun], store: Store) -> Curves:
    """The curves of every finished run, in the order of the study's arms and seeds."""
    selection: list[Curve] = []
    reported: list[Curve] = []
    loss: list[Curve] = []
    updates_per_point: dict[str, int] = {}
    for name in plan.study.arms:
        for planned in plan.of_arm(name):
            run = runs.get(planned.run_id or "")
            if run is None or "events.jsonl" not in run.result.files:
                continue
            events = read_events(store.verified(run, "events.jsonl"))
            for curves, split, display in ((selection, "selection", False), (reported, "test", True)):
                evaluated = _evaluated(events, split, display, plan.study.task.metric)
                if evaluated:
                    curves.append(Curve(arm=name, seed=planned.seed, points=evaluated))
            width = max(1, -(-run.spec.total_updates // LOSS_POINTS))
            trained = _loss(events, width)
            if trained:
                updates_per_point[name] = width
                loss.append(Curve(arm=name, seed=planned.seed, points=trained))
    return Curves(
        selection=tuple(selection),
        reported=tuple(reported),
        by_epoch=summaries(reported),
        loss=tuple(loss),
        updates_per_point=updates_per_point,
    )


def summaries(curves: Sequence[Curve]) -> tuple[EpochRow, ...]:
    """Every arm and epoch, over the runs that have a point there: a diverged run leaves where its curve ends."""
    by_place: dict[tuple[str, float], list[float]] = {}
    for arm in dict.fromkeys(curve.arm for curve in curves):
        points = sorted(point for curve in curves if curve.arm == arm for point in curve.points)
        for epoch, value in points:
            by_place.setdefault((arm, epoch), []).append(value)
    return tuple(
        EpochRow(
            arm=arm,
            epoch=epoch,
            n=len(values),
            mean=fmean(values),
            minimum=values[0],
            maximum=values[-1],
            sd=stdev(values) if len(values) > 1 else None,
        )
        for (arm, epoch), values in by_place.items()
    )


def _evaluated(events: Sequence[object], split: str, display: bool, metric: str) -> tuple[tuple[float, float], ...]:
    """By epoch; where a resumed run evaluated an epoch twice, the later one holds."""
    by_epoch = {
        event.epoch: event.metrics[metric]
        for event in events
        if isinstance(event, Evaluation)
        and (event.split, event.display) == (split, display)
        and metric in event.metrics
    }
    return tuple(sorted(by_epoch.items()))


def _loss(events: Sequence[object], width: int) -> tuple[tuple[float, float], ...]:
    """Means over `width` updates each, at the epoch of the last; updates without a finite loss are left out."""
    steps = {event.update: event for event in events if isinstance(event, Step)}
    groups: dict[int, list[Step]] = {}
    for update in sorted(steps):
        if steps[update].loss is not None:
            groups.setdefault((update - 1) // width, []).append(steps[update])
    return tuple(
        (group[-1].epoch, fmean(step.loss for step in group if step.loss is not None)) for group in groups.values()
    )
