"""Statements about the best values that a search found: how many times one arm's best is another's."""

from __future__ import annotations

from dataclasses import dataclass

from seedwise.planning.plan import Plan, Tuned
from seedwise.stats import BestRatio, BestValues, Degenerate, best_ratio, best_values
from seedwise.study.model import Ratio


@dataclass(frozen=True, slots=True)
class RatioOutcome:
    """A declared ratio, what was found of it, the sentence that says it, that in short (empty without a verdict), and in a few words."""

    ratio: Ratio
    found: BestRatio | Degenerate
    status: str
    sentence: str
    short: str = ""
    label: str = "no verdict"


def ratio_outcomes(plan: Plan) -> tuple[RatioOutcome, ...]:
    """Each declared ratio of the plan's search, decided at alpha over their number (Bonferroni); none without a search."""
    search = plan.study.search
    if search is None or not plan.tuning:
        return ()
    tuned = {each.arm: each for each in plan.tuning}
    alpha = plan.study.alpha / max(1, len(search.ratios))
    metric = plan.study.selection.metric
    return tuple(_outcome(ratio, tuned[ratio.a], tuned[ratio.b], alpha, metric) for ratio in search.ratios)


def _outcome(ratio: Ratio, a: Tuned, b: Tuned, alpha: float, metric: str) -> RatioOutcome:
    best = _best(a, ratio.field), _best(b, ratio.field)
    found = best_ratio(*best, ratio.ratio, ratio.within, alpha)
    if isinstance(found, Degenerate):
        return RatioOutcome(ratio, found, "undecided", f"No verdict on the ratio: {found.detail}.")
    status = {"within": "supported", "other": "contradicted", "undecided": "undecided"}[found.outcome]
    said = {
        "within": f"it lies within a factor of {ratio.within:g} of {ratio.ratio:g}" if ratio.within else "",
        "other": f"it is not {ratio.ratio:g}"
        + (f", nor within a factor of {ratio.within:g} of it" if ratio.within else ""),
        "undecided": f"these data do not decide whether it is {ratio.ratio:g}"
        + (f", to within a factor of {ratio.within:g}" if ratio.within else "")
        + "; this is no evidence that it is",
    }[found.outcome]
    setting = ratio.field.rpartition(".")[2]
    edges = [
        f"{count} of {one.values.size} seeds of {arm} score best at the {end} value tried, so that the interval has no end there"
        for arm, one in ((ratio.a, found.a), (ratio.b, found.b))
        for count, end in ((one.lowest, "lowest"), (one.highest, "highest"))
        if count
    ]
    edges += [
        f"{one.flat} of {one.values.size} seeds of {arm} score the same at every value tried, and do not tell which is best, so that the "
        "interval has no end on either side"
        for arm, one in ((ratio.a, found.a), (ratio.b, found.b))
        if one.flat
    ]
    low, high = found.interval
    interval = f"{100.0 * (1.0 - alpha):g} % interval {low:.3g} to {_number(high)}"
    times = f"of {ratio.a} is {found.estimate:.3g} times that of {ratio.b}"
    sentence = (
        f"Over {found.a.values.size} seeds of the search, whoever repeats it on this selection split, the best {setting} by {metric} "
        f"{times} ({interval}; {found.df:.1f} df): {said}"
    )
    short = f"The best {setting} {times} ({interval}): {said}"
    sentence, short = (". ".join([first, *edges]) + "." for first in (sentence, short))
    return RatioOutcome(
        ratio, found, status, sentence, short, f"{found.estimate:.3g} times ({low:.3g} to {_number(high)})"
    )


def _best(tuned: Tuned, field: str) -> BestValues:
    """Each seed's best value of the field; of points that share a value, the best one counts."""
    values = sorted({float(point[field]) for point in tuned.points})  # type: ignore[arg-type]
    seeds = range(len(tuned.scores[0]))
    scores = [
        [
            max(line[seed] for point, line in zip(tuned.points, tuned.scores, strict=True) if point[field] == value)
            for value in values
        ]
        for seed in seeds
    ]
    return best_values(values, scores)


def _number(value: float) -> str:
    return "no end" if value == float("inf") else f"{value:.3g}"
