"""Words of the page alone: an undecided verdict in short, and what a comparison hangs on."""

from __future__ import annotations

from collections.abc import Sequence

from seedwise.report import text
from seedwise.report.arm_rows import TunedArm
from seedwise.report.comparisons import Comparison, Decided, RatioRow, ReportedRow
from seedwise.study.metric import METRICS, MetricName


def brief(claim: Comparison, metric: MetricName) -> str | None:
    """An inconclusive verdict in two or three sentences, the whole one standing behind it; None for every other outcome."""
    if claim.outcome != "inconclusive" or claim.estimate is None:
        return None
    options = []
    if claim.seeds_needed is not None:
        options.append(f"{text.plural(claim.seeds_needed, 'seed')} an arm")
    if claim.examples_needed is not None:
        options.append(f"{claim.examples_needed:,} examples like these")
    margin = f"{text.margin(claim.margin, metric)} {METRICS[metric].unit}".strip()
    return undecided(claim, _difference(claim, metric), margin, options)


def undecided(
    claim: Decided,
    difference: str,
    margin: str,
    needed: Sequence[str],
    alone: str = "More seeds alone, or more examples alone,",
) -> str:
    """What is not decided, the `difference` as it was found, and what would decide it: one of `needed`, or nothing `alone`."""
    what, no_evidence = f"which of {claim.a} and {claim.b} is better", "are equal"
    if claim.claim == "equivalence":
        what, no_evidence = f"whether {claim.a} and {claim.b} are equivalent within {margin}", "differ"
    enough = f"About {' or '.join(needed)} would decide it" if needed else f"{alone} would hardly decide it"
    verdict = f"These data do not decide {what}: {difference}. That is no evidence that they {no_evidence}."
    return f"{verdict} {enough}, if the estimate is right."


def _difference(claim: Comparison, metric: MetricName) -> str:
    estimate = f"{text.difference(claim.estimate, metric)} {METRICS[metric].unit}".strip()
    interval = text.difference_interval(claim.interval, metric)
    return (
        f"{metric} of {claim.a} minus {claim.b} is {estimate} ({text.percent(1.0 - claim.alpha)} interval {interval})"
    )


def best_by_seed(ratio: RatioRow) -> str:
    """Each arm's best values, in the order of the search's seeds."""
    return "; ".join(
        f"{arm} {', '.join(text.number(float(f'{value:.2g}')) for value in values)}" for arm, values in ratio.best
    )


def how_many(row: ReportedRow) -> str:
    """Of how many runs a number reported elsewhere is."""
    return "one run" if row.runs == 1 else f"mean of {row.runs}"


def settings_of(tuned: Sequence[TunedArm]) -> list[str]:
    """The settings that any arm is searched over."""
    return list(dict.fromkeys(name for arm in tuned for point in arm.settings for name in point))


def hinge_head(claim: Comparison) -> str:
    """What a reader sees before unfolding the examples."""
    assert claim.hinge is not None
    found = claim.hinge
    if found.overturned is not None and found.answers is not None and found.answers_of is not None:
        share = text.percent(round(found.answers / found.answers_of, 3))
        return (
            f"Overturned by {text.plural(found.answers, 'changed answer')} of {found.answers_of:,} ({share}), to "
            f"{text.plural(found.overturned, 'example')}"
        )
    return f"Where they differ: {found.ahead[0]:,} examples for {claim.a}, {found.ahead[1]:,} for {claim.b}"


def hinge_words(claim: Comparison) -> tuple[str, ...]:
    """The examples behind it, as sentences."""
    assert claim.hinge is not None
    found = claim.hinge
    told = [
        f"More runs of {claim.a} than of {claim.b} are right on {text.plural(found.ahead[0], 'example')}, more of {claim.b} on "
        f"{found.ahead[1]:,} (shares of an arm's runs)."
    ]
    for arm, other, count, ids in zip((claim.a, claim.b), (claim.b, claim.a), found.every, found.named, strict=True):
        if count:
            which = ", ".join(ids) + (f" and {count - len(ids):,} more" if count > len(ids) else "")
            told.append(f"Every run of {arm} is right and every run of {other} wrong on {count:,}: {which}.")
    if found.overturned is not None:
        better = claim.a if claim.outcome == "A better" else claim.b
        told.append(
            f"If {better} had these answers wrong, the most one-sided examples first, no difference would be claimed at the level used "
            "(fragility index, Walsh et al. 2014, over the crossed analysis)."
        )
    return tuple(told)
