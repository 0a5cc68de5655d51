"""What the search of a study tried and chose, and what its budget buys."""

from __future__ import annotations

import math

import numpy as np

from seedwise.planning.plan import Plan, Tuned
from seedwise.report.model import Interval, TunedArm
from seedwise.report.text import number
from seedwise.stats import budget_curve


def tuned_arms(plan: Plan) -> tuple[TunedArm, ...]:
    """An entry a searched arm, scores in the selection metric's own numbers."""
    return tuple(_tuned(each, plan.study.selection.metric) for each in plan.tuning)


def _tuned(found: Tuned, metric: str) -> TunedArm:
    means = found.means
    finite = [mean for mean in means if math.isfinite(mean)]
    curve = budget_curve(finite, np.random.default_rng(0)) if finite else ()
    return TunedArm(
        arm=found.arm,
        metric=metric,
        points=tuple(
            (_words(point), found.sign * mean if math.isfinite(mean) else None)
            for point, mean in zip(found.points, means, strict=True)
        ),
        chosen=found.chosen,
        seeds=len(found.scores[0]),
        curve=tuple((each.budget, found.sign * each.expected, _own(each.interval, found.sign)) for each in curve),
    )


def _own(interval: Interval | None, sign: float) -> Interval | None:
    if interval is None:
        return None
    low, high = sorted(sign * bound for bound in interval)
    return low, high


def _words(point: object) -> str:
    assert isinstance(point, dict)
    return ", ".join(
        f"{field.rpartition('.')[2]} {number(value) if isinstance(value, float) else value}"
        for field, value in point.items()
    )
