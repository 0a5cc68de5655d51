"""What an arm costs: time, memory, parameters, and how long it takes to be good enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from seedwise.report.arm_rows import ArmCost
from seedwise.report.facts import read_parameters
from seedwise.store.store import Store, StoredRun
from seedwise.study.metric import METRICS, Metric
from seedwise.verdicts.comparison import StudyOutcome
from seedwise_contract import read_events
from seedwise_contract.events import Evaluation, Step


def target_of(outcome: StudyOutcome, runs: Mapping[str, StoredRun]) -> float | None:
    """The score on the selection split that every trained arm comes to: the worst of the arms' mean scores of their selected
    checkpoints, rounded to the worse side, to a whole percent of a share or a tenth of perplexity.  None where checkpoints
    are selected by something else, or fewer than two arms are trained."""
    metric = METRICS[outcome.study.task.metric]
    if outcome.study.selection.metric != metric.selection:
        return None
    means = []
    for name in outcome.study.arms:
        found = [run for planned in outcome.plan.of_arm(name) if (run := runs.get(planned.run_id or ""))]
        selected = [score for run in found if (score := _selected(run, metric)) is not None]
        if selected:
            means.append(fmean(selected))
    if len(means) < 2:
        return None
    if metric.higher_is_better:
        return math.floor(100.0 * min(means) + 1e-9) / 100.0
    fine = 10.0 ** (metric.digits - 1)
    return math.ceil(fine * max(means) - 1e-9) / fine


def _selected(run: StoredRun, metric: Metric) -> float | None:
    """The score of the run's selected checkpoint on the selection split."""
    selected = run.result.selected
    if selected is None:
        return None
    if selected.metric == metric.name:
        return selected.value
    return run.result.metrics.get("selection", {}).get(metric.name)


def arm_cost(runs: Sequence[StoredRun], store: Store, metric: Metric, target: float | None) -> ArmCost:
    """Over an arm's finished runs, of which there is at least one."""
    costs = [run.result.cost for run in runs]
    tables = [table for run in runs if (table := read_parameters(run, store)) is not None]
    reached = (
        [] if target is None else [s for run in runs if (s := _seconds_to(run, store, metric, target)) is not None]
    )
    return ArmCost(
        seconds_per_run=fmean(run.result.timings.total for run in runs),
        training_seconds=fmean(run.result.timings.training for run in runs),
        train_examples_per_second=_mean([cost.train_examples_per_second for cost in costs]),
        trainable_parameters=max((table.trainable for table in tables), default=None),
        trainable_head=max((table.trainable_head for table in tables), default=None),
        total_parameters=max((table.total for table in tables), default=None),
        seconds_to_target=fmean(reached) if reached else None,
        reached_target=len(reached),
        peak_host_bytes=_largest([cost.peak_host_bytes for cost in costs]),
        peak_device_bytes=_largest([cost.peak_device_bytes for cost in costs]),
        energy_joules=_mean([cost.energy_joules for cost in costs]),
        checkpoint_bytes=_largest([cost.checkpoint_bytes for cost in costs]),
    )


def _seconds_to(run: StoredRun, store: Store, metric: Metric, target: float) -> float | None:
    """Training seconds, evaluations left out, at the first evaluation of the selection split that reaches `target`."""
    if "events.jsonl" not in run.result.files:
        return None
    seconds: float | None = None
    for event in read_events(store.verified(run, "events.jsonl")):
        if isinstance(event, Step):
            seconds = event.seconds
        elif (
            isinstance(event, Evaluation)
            and event.split == "selection"
            and metric.name in event.metrics
            and metric.better(event.metrics[metric.name], target)
        ):
            return seconds
    return None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _largest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
