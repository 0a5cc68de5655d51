"""What the search of a study tried and chose, what its budget buys, and how many times one arm's best value is another's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from pydantic import JsonValue

from seedwise.planning.plan import Plan, Tuned
from seedwise.report.arm_rows import Interval, TunedArm
from seedwise.report.comparisons import RatioRow
from seedwise.report.text import setting
from seedwise.stats import Degenerate, budget_curve
from seedwise.study.search import Point
from seedwise.verdicts.ratios import RatioOutcome, ratio_outcomes
from seedwise_contract.spec import SelectionMetric


def tuned_arms(plan: Plan) -> tuple[TunedArm, ...]:
    """An entry a searched arm, scores in the selection metric's own numbers."""
    names = _names(field for arm in plan.tuning for point in arm.points for field in point)
    seeds = () if plan.study.search is None else tuple(plan.study.search.seeds)
    return tuple(_tuned(each, plan.study.selection.metric, names, seeds) for each in plan.tuning)


def ratio_rows(plan: Plan) -> tuple[RatioRow, ...]:
    return tuple(_ratio(outcome) for outcome in ratio_outcomes(plan))


def _ratio(outcome: RatioOutcome) -> RatioRow:
    found = outcome.found
    bare = RatioRow(
        name=outcome.ratio.name,
        statement=outcome.ratio.words,
        status=outcome.status,  # type: ignore[arg-type]
        label=outcome.label,
        sentence=outcome.sentence,
    )
    if isinstance(found, Degenerate):
        return bare
    best = ((outcome.ratio.a, found.a), (outcome.ratio.b, found.b))
    return bare.model_copy(
        update={
            "short": outcome.short,
            "setting": outcome.ratio.field.rpartition(".")[2],
            "estimate": found.estimate,
            "low": found.interval[0],
            "high": None if math.isinf(found.interval[1]) else found.interval[1],
            "best": tuple((arm, tuple(float(value) for value in one.values)) for arm, one in best),
        }
    )


def ratio_lines(plan: Plan) -> list[str]:
    """A line a ratio, for a terminal."""
    return [f"{one.ratio.name} {one.status}: {one.ratio.words}. {one.sentence}" for one in ratio_outcomes(plan)]


def _tuned(found: Tuned, metric: SelectionMetric, names: Mapping[str, str], seeds: tuple[int, ...]) -> TunedArm:
    finite = [mean for mean in found.means if math.isfinite(mean)]
    curve = budget_curve(finite, np.random.default_rng(0)) if finite else ()
    settings = tuple(_settings(point, names) for point in found.points)
    return TunedArm(
        arm=found.arm,
        metric=metric,
        points=tuple(
            (", ".join(f"{name} {setting(value)}" for name, value in point.items()), _known(found.sign * mean))
            for point, mean in zip(settings, found.means, strict=True)
        ),
        chosen=found.chosen,
        seeds=len(found.scores[0]),
        curve=tuple((each.budget, found.sign * each.expected, _own(each.interval, found.sign)) for each in curve),
        settings=settings,
        scores=tuple(tuple(_known(found.sign * score) for score in line) for line in found.scores),
        tried_on=seeds,
    )


def _known(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _own(interval: Interval | None, sign: float) -> Interval | None:
    if interval is None:
        return None
    low, high = sorted(sign * bound for bound in interval)
    return low, high


def _names(fields: Iterable[str]) -> dict[str, str]:
    """What a page calls each field: by its last word, where no other field ends with it."""
    whole = list(dict.fromkeys(fields))
    last = [field.rpartition(".")[2] for field in whole]
    return {field: short if last.count(short) == 1 else field for field, short in zip(whole, last, strict=True)}


def _settings(point: Point, names: Mapping[str, str]) -> dict[str, JsonValue]:
    return {names[field]: value for field, value in point.items()}
