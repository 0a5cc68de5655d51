"""From the outcomes of several tasks to verdicts over them; and the family that the claims on each task and over them are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from seedwise.planning.plan import Plan
from seedwise.stats import (
    DegenerateReason,
    Outcome,
    Question,
    Scope,
    TaskScores,
    Verdict,
    decide_tasks,
    resolve_family,
    sentence,
    standardised,
)
from seedwise.stats.degenerate import Degenerate
from seedwise.stats.judge import degenerate_verdict, frame_of
from seedwise.store.store import Store
from seedwise.study.metric import METRICS
from seedwise.study.model import Claim
from seedwise.study.suite import Suite
from seedwise.verdicts.arms import ArmScores, clusters_of_both, pairs_fault
from seedwise.verdicts.bands import Bands, bands_of
from seedwise.verdicts.comparison import ClaimOutcome, StudyOutcome, compare, said

STANDARDISED = "standard deviations"


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """What was found over the tasks of a suite.  `outcomes` are those of the tasks that could be planned, in the order of the file;
    `open_claims` wait for runs of some task, or for a task.
    """

    suite: Suite
    outcomes: tuple[StudyOutcome, ...]
    claims: tuple[ClaimOutcome, ...]
    open_claims: tuple[Claim, ...]

    @property
    def tasks(self) -> dict[str, StudyOutcome]:
        """Task → what was found on it."""
        return {outcome.study.part.task: outcome for outcome in self.outcomes if outcome.study.part is not None}


def compare_all(
    plans: Sequence[Plan], suites: Sequence[Suite], store: Store, *, require_exact: bool = False
) -> tuple[list[StudyOutcome], list[SuiteOutcome]]:
    """Every study of `plans` compared, in their order; those that are tasks of one of `suites` as one family, and over the tasks."""
    found = {plan.study.name: compare(plan, store, require_exact=require_exact) for plan in plans}
    over = []
    for suite in suites:
        own = [found[name] for name in suite.members if name in found]
        if own:
            over.append(compare_tasks(suite, own, store, require_exact=require_exact))
            found |= {outcome.study.name: outcome for outcome in over[-1].outcomes}
    return [found[plan.study.name] for plan in plans], over


def compare_tasks(
    suite: Suite, outcomes: Sequence[StudyOutcome], store: Store, *, require_exact: bool = False
) -> SuiteOutcome:
    """Decide the claims over the tasks, and resolve the whole family where every claim of it has a verdict."""
    complete = len(outcomes) == len(suite.tasks)
    ready = [claim for claim in suite.claims if complete and all(_has(outcome, claim) for outcome in outcomes)]
    over = [_decide(suite, claim, outcomes, require_exact) for claim in ready]
    verdicts = [claim.verdict for outcome in outcomes for claim in outcome.claims] + over
    if len(verdicts) == suite.family and len({verdict.alpha for verdict in verdicts}) == 1:
        verdicts = list(resolve_family(verdicts))
    resolved = iter(verdicts)
    told = tuple(_with(outcome, resolved) for outcome in outcomes)
    late = any(
        store.started_before(
            outcome.study.declaration(),
            [run for arm in outcome.arms.values() if not arm.baseline for run in arm.runs],
        )
        for outcome in told
    )
    claims = tuple(_outcome(suite, claim, next(resolved), told, late) for claim in ready)
    return SuiteOutcome(suite, told, claims, tuple(claim for claim in suite.claims if claim not in ready))


def _has(outcome: StudyOutcome, claim: Claim) -> bool:
    return claim.a in outcome.arms and claim.b in outcome.arms


def _with(outcome: StudyOutcome, verdicts: Any) -> StudyOutcome:
    """The outcome with the next verdicts as its claims'."""
    claims = []
    for claim in outcome.claims:
        verdict: Verdict = next(verdicts)
        if verdict is not claim.verdict:
            text = said(verdict, claim.a, claim.b, METRICS[outcome.study.task.metric], outcome.study)
            claim = replace(claim, verdict=verdict, sentence=text, status=verdict.claim_status)
        claims.append(claim)
    return replace(outcome, claims=tuple(claims))


def bands_over(found: SuiteOutcome) -> Bands | None:
    """Groups of arms that are not told apart over these very tasks, by all their pairs as one family of its own: exploratory.

    None for fewer than three arms that are complete on every task, a pair without a verdict, or metrics that differ, of which an arm has
    no mean.
    """
    suite, outcomes = found.suite, found.outcomes
    if suite.standardised or len(outcomes) < len(suite.tasks):
        return None
    first = outcomes[0]
    names = [name for name in first.arms if all(name in outcome.arms for outcome in outcomes)]
    pairs = list(combinations(names, 2))
    if len(names) < 3:
        return None
    verdicts = tuple(
        _decide(suite, Claim(name="pair", a=a, b=b, scope="suite"), outcomes, False, family=len(pairs))
        for a, b in pairs
    )
    if any(verdict.outcome in (Outcome.DEGENERATE, Outcome.UNATTAINABLE) for verdict in verdicts):
        return None
    better = []
    for (a, b), verdict in zip(pairs, resolve_family(verdicts), strict=True):
        better += [(a, b)] if verdict.outcome is Outcome.A_BETTER else []
        better += [(b, a)] if verdict.outcome is Outcome.B_BETTER else []
    means = {name: float(np.mean([outcome.arms[name].examples.mean() for outcome in outcomes])) for name in names}
    metric = first.arms[names[0]].metric
    sign = 1.0 if metric.higher_is_better else -1.0
    return bands_of(means, better, sign=sign, scale=metric.scale, metric=f"mean {metric.name}{metric.axis}", task=None)


def _decide(
    suite: Suite, claim: Claim, outcomes: Sequence[StudyOutcome], require_exact: bool, family: int | None = None
) -> Verdict:
    arms = [(outcome.arms[claim.a], outcome.arms[claim.b]) for outcome in outcomes]
    options: dict[str, Any] = {
        "alpha": suite.alpha,
        "claim": claim.type,
        "margin": claim.margin,
        "family_size": family or suite.family,
        "require_exact": require_exact or suite.exact == "required",
    }
    fixed = (arms[0][0].deterministic, arms[0][1].deterministic)
    paired = claim.design == "paired"
    if paired:
        for task, (a, b) in zip(suite.tasks, arms, strict=True):
            why = pairs_fault(a, b)
            if why is not None:
                frame = frame_of(Question.TASKS, (len(a.runs), len(b.runs)), fixed, paired=True, **options)
                reason = Degenerate(DegenerateReason.NOT_SHARED, f"task {task}: {why}")
                return degenerate_verdict(replace(frame, n_tasks=len(arms)), reason)
    tasks: Sequence[TaskScores] = [
        TaskScores(task, a.examples, b.examples, clusters_of_both(a, b))
        for task, (a, b) in zip(suite.tasks, arms, strict=True)
    ]
    if suite.standardised:
        tasks = standardised(tasks)
    scope: Scope = "tasks-like-these" if claim.scope == "tasks-like-these" else "suite"
    return decide_tasks(
        tasks,
        scope,
        deterministic_a=fixed[0],
        deterministic_b=fixed[1],
        paired=paired,
        rng=np.random.default_rng(0),
        **options,
    )


def _outcome(
    suite: Suite, claim: Claim, verdict: Verdict, outcomes: Sequence[StudyOutcome], late: bool
) -> ClaimOutcome:
    arms = [outcome.arms[name] for outcome in outcomes for name in (claim.a, claim.b)]
    notes = []
    if late:
        notes.append("exploratory: runs of some task were started before the study declared what it declares now")
    if suite.standardised:
        notes.append(
            "tasks are averaged as standardised differences: each divided by the standard deviation of an example's score, so that "
            "a higher one is better whatever the metric"
        )
    routes = dict.fromkeys(arm.metric.route for arm in arms if arm.metric.route is not None)
    lost = sum(sum(arm.diverged) for arm in arms)
    if lost:
        notes.append(f"{lost} of the {sum(len(arm.runs) for arm in arms)} runs diverged, and stay in")
    return ClaimOutcome(
        name=claim.name,
        statement=claim.words,
        a=claim.a,
        b=claim.b,
        verdict=verdict,
        sentence=words_over_tasks(suite, verdict, claim.a, claim.b, arms[0]),
        declared=not late,
        notes=(*notes, *routes),
        status=verdict.claim_status,
    )


def words_over_tasks(suite: Suite, verdict: Verdict, a: str, b: str, arm: ArmScores) -> str:
    """The sentence of a verdict over tasks: in points of the metric that they share, or in standard deviations."""
    if suite.standardised:
        return sentence(verdict, a, b, "mean standardised score", STANDARDISED, 1.0)
    metric = arm.metric
    scale = metric.scale if metric.higher_is_better else -metric.scale
    return sentence(verdict, a, b, f"mean {metric.name}", metric.unit, scale)


def matrix_of(outcome: SuiteOutcome) -> Mapping[str, Mapping[str, ArmScores | None]]:
    """Arm → task → the arm's scores there; None where runs are missing."""
    names = dict.fromkeys(name for each in outcome.outcomes for name in each.study.arms)
    return {name: {task: each.arms.get(name) for task, each in outcome.tasks.items()} for name in names}
