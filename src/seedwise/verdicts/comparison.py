"""From finished runs to verdicts: per-example scores of each arm, then the declared claims and the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedwise.errors import InputError
from seedwise.planning.interim import LookAt, looks_of, note_of, plan_at, reached, seeds_at
from seedwise.planning.plan import Plan, PlannedRun
from seedwise.stats import (
    ClaimStatus,
    Degenerate,
    DegenerateReason,
    MultiBootstrapResult,
    Verdict,
    decide_crossed,
    decide_paired,
    describe,
    multi_bootstrap,
    refused_pairs,
    resolve_family,
    sentence,
)
from seedwise.store.example_scores import Measured, positive_of, read_measured
from seedwise.store.store import Store
from seedwise.study.metric import METRICS, Metric
from seedwise.study.model import Claim, Study
from seedwise.verdicts.arms import ArmScores, clusters_of_both, pairs_fault
from seedwise.verdicts.certificates.certificate import Certificate
from seedwise.verdicts.certificates.need import Shelf
from seedwise_contract import RunStatus

REPORTED_SPLIT = "test"


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """A claim and what came of it.  `declared` is False for comparisons that no study file declared before the runs.

    `status` is what the verdict means for the study file's claim, None for a comparison beside the claims.  `sensitivity`
    resamples seeds and examples; it stands beside the verdict and decides nothing.
    """

    name: str
    statement: str
    a: str
    b: str
    verdict: Verdict
    sentence: str
    declared: bool
    notes: tuple[str, ...]
    status: ClaimStatus | None = None
    sensitivity: MultiBootstrapResult | None = None


@dataclass(frozen=True, slots=True)
class RefusedClaim:
    """A claim across backends that nothing proves to do the same work: no estimate, no p-value, only what is missing."""

    claim: Claim
    reason: str


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """What a study found.  Arms with runs missing are left out, and claims that need them are in `open_claims`.

    Where the study declares looks, `look` is the one that its runs have reached, and everything is of that look's seeds.
    `refused` are claims across backends without a valid certificate; `certificates` those that the claims rest on.
    """

    study: Study
    plan: Plan
    arms: dict[str, ArmScores]
    claims: tuple[ClaimOutcome, ...]
    explored: tuple[ClaimOutcome, ...]
    missing: tuple[PlannedRun, ...]
    open_claims: tuple[Claim, ...]
    look: LookAt | None = None
    refused: tuple[RefusedClaim, ...] = ()
    certificates: tuple[Certificate, ...] = ()


def compare(plan: Plan, store: Store, *, require_exact: bool = False) -> StudyOutcome:
    """Every claim of the study that its finished runs can answer, Holm-corrected as one family; then each baseline.

    `require_exact` asks of the exact test what a study asks with `exact: required`, for this comparison alone.
    """
    look = reached(plan, store.is_done)
    if look is not None:
        plan = plan_at(plan, look)
    missing = tuple(run for run in plan.runs if not store.is_done(run.run_id))
    incomplete = {run.arm for run in missing}
    arms = {name: read_arm(name, plan, store) for name in plan.study.arms if name not in incomplete}
    _refuse_different_examples(list(arms.values()))
    shelf = Shelf.beside(store.root)
    refused = tuple(
        RefusedClaim(claim, reason) for claim in plan.study.claims if (reason := shelf.refusal(plan, claim)) is not None
    )
    barred = [one.claim for one in refused]
    ready = [claim for claim in plan.study.claims if claim.a in arms and claim.b in arms and claim not in barred]
    family = plan.study.family
    rule = _Rule(plan.study, require_exact or plan.study.exact == "required")
    verdicts = tuple(_decide_at(arms[claim.a], arms[claim.b], rule, claim, look) for claim in ready)
    if (
        len(ready) == family and look is None
    ):  # Holm's later steps need the whole family; until then each claim is held to its first step
        verdicts = resolve_family(verdicts)
    declared = tuple(
        _outcome(claim, arms, verdict, rule, plan, store) for claim, verdict in zip(ready, verdicts, strict=True)
    )
    return StudyOutcome(
        study=plan.study,
        plan=plan,
        arms=arms,
        claims=declared,
        explored=_explore(arms, rule, plan),
        missing=missing,
        look=look,
        open_claims=tuple(claim for claim in plan.study.claims if claim not in ready and claim not in barred),
        refused=refused,
        certificates=shelf.certificates(plan),
    )


def read_arm(name: str, plan: Plan, store: Store, *, by_id: bool = False) -> ArmScores:
    """The arm's finished runs with their per-example scores on the reported split, files checked by digest.

    Examples are in the order of the files, or `by_id`.
    """
    metric = METRICS[plan.study.task.metric]
    runs = tuple(store.read(run.run_id) for run in plan.of_arm(name) if run.run_id is not None)
    first: Measured | None = None
    rows: list[NDArray[np.float64] | None] = []
    constant = 0
    for run in runs:
        if run.result.status is RunStatus.DIVERGED and REPORTED_SPLIT not in run.result.metrics:
            rows.append(None)
            continue
        path = store.verified(run, f"predictions/{REPORTED_SPLIT}.jsonl")
        found = read_measured(metric, path, plan.data.group_of, by_id=by_id, positive=positive_of(run.spec))
        constant += found.constant
        if first is not None and found.ids != first.ids:
            raise InputError(f"{path}: other examples, or another order, than the arm's other runs have")
        first = found
        rows.append(found.scores)
    size = plan.data.splits[REPORTED_SPLIT].rows if first is None else first.scores.size
    lost = np.full(size, np.nan if metric.worst is None else metric.worst)
    examples = np.array([lost if row is None else row for row in rows])
    return ArmScores(
        name=name,
        runs=runs,
        example_ids=first.ids if first else (),
        examples=examples,
        metric=metric,
        deterministic=plan.study.arms[name].deterministic,
        baseline=plan.study.arms[name].baseline,
        summary=describe([metric.own(float(score)) for score in examples.mean(axis=1)], plan.study.alpha),
        clusters=first.clusters if first else None,
        constant=constant,
    )


def _refuse_different_examples(arms: Sequence[ArmScores]) -> None:
    for arm in arms[1:]:
        if arm.example_ids and arms[0].example_ids and arm.example_ids != arms[0].example_ids:
            raise InputError(
                f"arms {arms[0].name} and {arm.name} were scored on different examples; they cannot be compared"
            )


@dataclass(frozen=True, slots=True)
class _Rule:
    """The study by whose rules it is decided, and whether the exact test over seeds has to confirm a difference."""

    study: Study
    require_exact: bool


def _decide_at(a: ArmScores, b: ArmScores, rule: _Rule, claim: Claim, look: LookAt | None) -> Verdict:
    """The claim's verdict; at a look at the look's own level, with what earlier looks had decided."""
    study = rule.study
    family = study.family
    if look is None:
        return _decide(a, b, rule, claim, family)
    verdict = _decide(a, b, rule, claim, family, look.level * family)
    earlier = []
    for before in looks_of(study)[: look.number - 1]:
        first = seeds_at(study, before.seeds)
        earlier.append((before, _decide(_only(a, first), _only(b, first), rule, claim, family, before.level * family)))
    return replace(verdict, notes=(*verdict.notes, note_of(look, earlier)))


def _only(arm: ArmScores, seeds: frozenset[int]) -> ArmScores:
    kept = [index for index, seed in enumerate(arm.seeds) if seed in seeds]
    return replace(arm, runs=tuple(arm.runs[index] for index in kept), examples=arm.examples[kept])


def _decide(
    a: ArmScores, b: ArmScores, rule: _Rule, claim: Claim | None, family: int, alpha: float | None = None
) -> Verdict:
    options: dict[str, Any] = {
        "alpha": rule.study.alpha if alpha is None else alpha,
        "claim": claim.type if claim else "superiority",
        "margin": claim.margin if claim else None,
        "family_size": family,
        "require_exact": rule.require_exact,
    }
    clusters, rng = clusters_of_both(a, b), np.random.default_rng(0)
    if claim is not None and claim.design == "paired":
        why = pairs_fault(a, b)
        if why is not None:
            n_examples, n_clusters = len(a.example_ids or b.example_ids), clusters.n_clusters if clusters else None
            return refused_pairs(len(a.runs), len(b.runs), n_examples, why, n_clusters=n_clusters, **options)
        return decide_paired(a.examples, b.examples, clusters=clusters, rng=rng, **options)
    return decide_crossed(
        a.examples,
        b.examples,
        deterministic_a=a.deterministic,
        deterministic_b=b.deterministic,
        clusters=clusters,
        rng=rng,
        **options,
    )


def _outcome(
    claim: Claim, arms: dict[str, ArmScores], verdict: Verdict, rule: _Rule, plan: Plan, store: Store
) -> ClaimOutcome:
    a, b, study = arms[claim.a], arms[claim.b], rule.study
    declaration = study.declaration()
    late = len(store.started_before(declaration, (*a.runs, *b.runs)))
    divergence = _divergence(a, b, rule, claim, study.family, verdict.alpha)
    notes = [*divergence, *_constant(a, b), *_route(a.metric), *_draws(plan, verdict)]
    if late:
        notes.insert(
            0,
            f"exploratory: {late} of the {len(a.runs) + len(b.runs)} runs were started before the study declared what it "
            "declares now (data, seeds, claimed arms, selection, alpha, margins, claims)",
        )
    return ClaimOutcome(
        name=claim.name,
        statement=claim.words,
        a=claim.a,
        b=claim.b,
        verdict=verdict,
        sentence=said(verdict, claim.a, claim.b, a.metric, study),
        declared=not late,
        notes=tuple(notes),
        status=verdict.claim_status,
        sensitivity=None
        if verdict.reason is DegenerateReason.NOT_SHARED
        else _sensitivity(a, b, verdict.alpha, paired=verdict.paired),
    )


def said(verdict: Verdict, a: str, b: str, metric: Metric, study: Study) -> str:
    """The verdict's sentence in the metric's own numbers."""
    drawn = [arm for arm in (a, b) if study.arms[arm].draws_rows]
    training = "" if not drawn else "new training rows too" if len(drawn) == 2 else f"new training rows of {drawn[0]}"
    scale = metric.scale if metric.higher_is_better else -metric.scale
    return sentence(verdict, a, b, metric.name, metric.unit, scale, training)


def _constant(*arms: ArmScores) -> tuple[str, ...]:
    """Runs that give one answer to everything, where the metric is not accuracy: what that is worth by it."""
    worth = {
        "matthews": "which is a Matthews correlation of 0",
        "pearson": "which is a Pearson correlation of 0",
        "spearman": "which is a Spearman correlation of 0",
        "auroc": "whatever it is sure of",
    }
    return tuple(
        f"{arm.constant} of {len(arm.runs)} runs of {arm.name} give one answer to everything"
        + (f", {worth[arm.metric.name]}" if arm.metric.name in worth else "")
        for arm in arms
        if arm.constant and arm.metric.name != "accuracy"
    )


def _route(metric: Metric) -> tuple[str, ...]:
    return () if metric.route is None else (metric.route,)


def _sensitivity(a: ArmScores, b: ArmScores, alpha: float, *, paired: bool = False) -> MultiBootstrapResult | None:
    result = multi_bootstrap(
        a.examples,
        b.examples,
        np.random.default_rng(0),
        alpha,
        paired=paired,
        deterministic_a=a.deterministic,
        deterministic_b=b.deterministic,
        clusters=clusters_of_both(a, b),
    )
    return None if isinstance(result, Degenerate) else result


def _divergence(
    a: ArmScores, b: ArmScores, rule: _Rule, claim: Claim | None, family: int, alpha: float | None = None
) -> list[str]:
    """Diverged runs stay in the verdict; this says what it would be without them, by the same rules."""
    if not any(a.diverged) and not any(b.diverged):
        return []
    left = "there is no score"
    if a.metric.worst is not None:
        left = "every example counts as wrong" if a.metric.name == "accuracy" else f"{a.metric.name} counts as 0"
    counts = (
        f"{sum(a.diverged)} of {len(a.runs)} runs of {a.name} and {sum(b.diverged)} of {len(b.runs)} of {b.name} diverged "
        f"(where no checkpoint was left, {left})"
    )
    lost = [np.array(a.diverged), np.array(b.diverged)]
    if claim is not None and claim.design == "paired" and len(a.runs) == len(b.runs):
        lost = [lost[0] | lost[1]] * 2  # with one of a pair goes the other
    kept_a, kept_b = (
        _only(arm, frozenset(seed for seed, gone in zip(arm.seeds, gone_of, strict=True) if not gone))
        for arm, gone_of in zip((a, b), lost, strict=True)
    )
    if any(len(arm.examples) < (1 if arm.deterministic else 2) for arm in (kept_a, kept_b)):
        return [f"{counts}; too few are left for a comparison without them"]
    without = _decide(kept_a, kept_b, rule, claim, family, alpha)
    return [f"{counts}; without them: {said(without, a.name, b.name, a.metric, rule.study)}"]


def _draws(plan: Plan, verdict: Verdict) -> tuple[str, ...]:
    """What counts as one draw of examples: clusters and where they come from, or that parts of examples repeat."""
    groups = plan.data.groups
    if groups is None:
        return ()
    if verdict.n_clusters is not None:
        of = f"examples of one {groups.column}" if groups.column else "examples of the same text"
        return (f"{of} count as one cluster: {verdict.n_clusters} clusters of {verdict.n_examples} examples",)
    return tuple(
        f"{count} of the reported examples have their {part} in common with another, and count as independent all the same: where "
        f"they belong together, name the column as `group` in the manifest of {plan.data.name}"
        for part, count in groups.alike.items()
    )


def _explore(arms: dict[str, ArmScores], rule: _Rule, plan: Plan) -> tuple[ClaimOutcome, ...]:
    """Each arm against each baseline: no claim, but what a reader asks first."""
    found = []
    for baseline in (arm for arm in arms.values() if arm.baseline):
        for arm in (arm for arm in arms.values() if not arm.baseline):
            verdict = _decide(arm, baseline, rule, None, family=1)
            found.append(
                ClaimOutcome(
                    name=f"{arm.name}-vs-{baseline.name}",
                    statement=f"{arm.name} against the baseline {baseline.name}",
                    a=arm.name,
                    b=baseline.name,
                    verdict=verdict,
                    sentence=said(verdict, arm.name, baseline.name, arm.metric, rule.study),
                    declared=False,
                    notes=(
                        "exploratory: compared beside the declared claims, outside their family",
                        *_divergence(arm, baseline, rule, None, 1),
                        *_constant(arm, baseline),
                        *_route(arm.metric),
                        *_draws(plan, verdict),
                    ),
                    sensitivity=_sensitivity(arm, baseline, rule.study.alpha),
                )
            )
    return tuple(found)
