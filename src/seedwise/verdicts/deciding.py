"""Which examples decide a comparison, and how many changed answers would overturn it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedwise.stats import Degenerate, Outcome, Verdict, crossed, crossed_paired
from seedwise.verdicts.arms import ArmScores, clusters_of_both

NAMED = 12  # examples that a reader is pointed to


@dataclass(frozen=True, slots=True)
class Deciding:
    """Of right and wrong answers, one a run and example, on the reported split.

    `ahead` counts the examples on which (A, B) has the larger share of its runs right; `every` those on which every run of that
    arm is right and every run of the other wrong, and `named` are the first of these, by id.  `overturned` is the smallest number of
    examples that the better arm would have to answer wrong in every run for the difference no longer to be claimed, the
    most one-sided ones first, and `answers` how many of its `answers_of` answers that changes: the fragility index of Walsh et al. 2014
    (doi 10.1016/j.jclinepi.2013.10.019), taken over the crossed analysis.  None where no difference is claimed.
    """

    ahead: tuple[int, int]
    every: tuple[int, int]
    named: tuple[tuple[str, ...], tuple[str, ...]]
    overturned: int | None
    answers: int | None
    answers_of: int | None


def deciding(a: ArmScores, b: ArmScores, verdict: Verdict) -> Deciding | None:
    """None where scores of examples are not right or wrong, or the arms do not share their examples."""
    if not a.example_ids or a.examples.shape[1:] != b.examples.shape[1:] or len(a.example_ids) != a.examples.shape[1]:
        return None
    if not all(np.isin(arm.examples, (0.0, 1.0)).all() for arm in (a, b)):
        return None
    shares = a.examples.mean(axis=0), b.examples.mean(axis=0)
    difference = shares[0] - shares[1]
    every = [np.flatnonzero(difference == sign) for sign in (1.0, -1.0)]
    overturned = answers = answers_of = None
    if verdict.outcome in (Outcome.A_BETTER, Outcome.B_BETTER):
        better = a if verdict.outcome is Outcome.A_BETTER else b
        lead = difference if better is a else -difference
        order = np.argsort(-lead, kind="stable")
        order = order[better.examples[:, order].any(axis=0)]  # what no run has right cannot be lost
        overturned = _fewest(a, b, better, order, verdict)
        if overturned is not None:
            answers = int(better.examples[:, order[:overturned]].sum())
            answers_of = better.examples.size
    return Deciding(
        ahead=(int((difference > 0).sum()), int((difference < 0).sum())),
        every=(every[0].size, every[1].size),
        named=(_names(a, every[0]), _names(a, every[1])),
        overturned=overturned,
        answers=answers,
        answers_of=answers_of,
    )


def _names(arm: ArmScores, places: NDArray[np.intp]) -> tuple[str, ...]:
    return tuple(arm.example_ids[place] for place in places[:NAMED])


def _fewest(a: ArmScores, b: ArmScores, better: ArmScores, order: NDArray[np.intp], verdict: Verdict) -> int | None:
    """By halving: each further example that is lost takes away from the lead."""
    low, high = 0, order.size
    if _claimed(a, b, better, order, verdict):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if _claimed(a, b, better, order[:middle], verdict):
            low = middle
        else:
            high = middle
    return high


def _claimed(a: ArmScores, b: ArmScores, better: ArmScores, lost: NDArray[np.intp], verdict: Verdict) -> bool:
    """Whether the better arm is still better at the verdict's own level when its answers to `lost` are wrong."""
    changed = better.examples.copy()
    changed[:, lost] = 0.0
    first, second = (changed if arm is better else arm.examples for arm in (a, b))
    clusters = clusters_of_both(a, b)
    if verdict.paired:
        result = crossed_paired(first, second, verdict.alpha, clusters=clusters)
    else:
        result = crossed(
            first,
            second,
            verdict.alpha,
            deterministic_a=a.deterministic,
            deterministic_b=b.deterministic,
            clusters=clusters,
        )
    if isinstance(result, Degenerate):
        return False
    return result.p <= verdict.level and (result.estimate > 0) == (better is a)
