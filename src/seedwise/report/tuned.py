"""What the search of a study tried and chose, what its budget buys, and how many times one arm's best value is another's."""

from __future__ import annotations

import math

import numpy as np

from seedwise.planning.plan import Plan, Tuned
from seedwise.report.arm_rows import Interval, TunedArm
from seedwise.report.comparisons import RatioRow
from seedwise.report.text import number
from seedwise.stats import Degenerate, budget_curve
from seedwise.verdicts.ratios import RatioOutcome, ratio_outcomes


def tuned_arms(plan: Plan) -> tuple[TunedArm, ...]:
    """An entry a searched arm, scores in the selection metric's own numbers."""
    return tuple(_tuned(each, plan.study.selection.metric) for each in plan.tuning)


def ratio_rows(plan: Plan) -> tuple[RatioRow, ...]:
    return tuple(_ratio(outcome) for outcome in ratio_outcomes(plan))


def _ratio(outcome: RatioOutcome) -> RatioRow:
    found = outcome.found
    bare = RatioRow(
        name=outcome.ratio.name,
        statement=outcome.ratio.words,
        status=outcome.status,  # type: ignore[arg-type]
        sentence=outcome.sentence,
    )
    if isinstance(found, Degenerate):
        return bare
    best = ((outcome.ratio.a, found.a), (outcome.ratio.b, found.b))
    return bare.model_copy(
        update={
            "estimate": found.estimate,
            "low": found.interval[0],
            "high": None if math.isinf(found.interval[1]) else found.interval[1],
            "best": tuple((arm, tuple(float(value) for value in one.values)) for arm, one in best),
        }
    )


def ratio_lines(plan: Plan) -> list[str]:
    """A line a ratio, for a terminal."""
    return [f"{one.ratio.name} {one.status}: {one.ratio.words}. {one.sentence}" for one in ratio_outcomes(plan)]


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
