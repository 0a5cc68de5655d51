"""Numbers published elsewhere beside ours: would runs of ours give them?"""

from __future__ import annotations

import math
from statistics import fmean

from seedwise.report import text
from seedwise.report.arm_rows import Interval
from seedwise.report.comparisons import ReportedRow
from seedwise.stats.tdist import t_interval
from seedwise.study.metric import METRICS, Metric
from seedwise.verdicts.arms import ArmScores
from seedwise.verdicts.comparison import StudyOutcome


def reported_rows(outcome: StudyOutcome) -> tuple[ReportedRow, ...]:
    """One row for each number that the study quotes, accuracies as fractions."""
    return tuple(
        _row(said.source, said.arm, said.values, said.runs or len(said.values), said.note, outcome)
        for said in outcome.study.reported
    )


def _row(source: str, arm: str, values: list[float], runs: int, note: str, outcome: StudyOutcome) -> ReportedRow:
    metric = METRICS[outcome.study.task.metric]
    mean = fmean(values) / metric.scale
    ours = outcome.arms.get(arm)
    expected = prediction_interval(ours, runs, outcome.study.alpha) if ours else None
    return ReportedRow(
        source=source,
        arm=arm,
        values=tuple(value / metric.scale for value in values),
        runs=runs,
        mean=mean,
        ours=ours.summary.mean if ours else None,
        expected=expected,
        within=None if expected is None else expected[0] <= mean <= expected[1],
        statement=_statement(mean, runs, expected, ours, outcome.study.alpha, metric),
        note=note,
    )


def prediction_interval(arm: ArmScores, runs: int, alpha: float) -> Interval | None:
    """Where the mean of `runs` further runs of the arm lies with probability 1 - alpha; None for fewer than two of ours, or
    no variance between them, where a width of 0 would claim certainty.

    mean ± t_{n-1} sd √(1/n + 1/runs) (Hahn and Meeker, Statistical Intervals, section 4.8).  Normal scores; of seeds alone, on
    this test file: what other data or another test file would do is not in it.
    """
    summary = arm.summary
    if arm.deterministic or summary.mean is None or summary.sd is None or summary.interval is None:
        return None
    return t_interval(summary.mean, summary.sd * math.sqrt(1.0 / summary.n + 1.0 / runs), summary.n - 1, alpha)


def _statement(
    mean: float, runs: int, expected: Interval | None, ours: ArmScores | None, alpha: float, metric: Metric
) -> str:
    if ours is None or ours.summary.mean is None:
        return "Ours is not complete yet."
    if expected is None:
        gap = f"{metric.difference(mean - ours.summary.mean)} {metric.unit}".strip()
        why = "one run" if ours.summary.n < 2 else "no variance between our seeds"
        return f"{gap} from ours; with {why} there is nothing to say of chance."
    what = "one such run has its score" if runs == 1 else f"{runs} such runs have their mean"
    low, high = max(metric.bounds[0], expected[0]), min(metric.bounds[1], expected[1])
    where = text.score_interval((low, high), metric.name)
    lead = f"By our seeds, {what} at {where} in {text.percent(1.0 - alpha)} of cases"
    if expected[0] <= mean <= expected[1]:
        return f"{lead}: the reported number lies within."
    beyond, side = (expected[0] - mean, "below") if mean < expected[0] else (mean - expected[1], "above")
    return f"{lead}: the reported number lies {f'{metric.shown(beyond)} {metric.unit}'.strip()} {side}."
