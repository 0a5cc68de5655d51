"""From study outcomes to the report model: reading, flattening, counting; no judgement beyond the verdicts' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from seedwise.planning.plan import PlannedRun
from seedwise.report import text
from seedwise.report.answers import read_answered
from seedwise.report.arm_rows import ArmRow, Score
from seedwise.report.comparisons import Comparison, ErrorParts, Hinge, OpenClaim, RefusedClaim
from seedwise.report.cost import arm_cost, target_of
from seedwise.report.curves import read_curves
from seedwise.report.facts import read_provenance
from seedwise.report.inputs import finished_runs, library_versions, report_inputs
from seedwise.report.label import label_of
from seedwise.report.methods import methods, recipes
from seedwise.report.model import FORMAT, Look, ReportModel, StudyReport
from seedwise.report.noise import noise_rows, ways
from seedwise.report.origins import Data
from seedwise.report.reported import reported_rows
from seedwise.report.source import read_source
from seedwise.report.standing import standings
from seedwise.report.tuned import ratio_rows, tuned_arms
from seedwise.store.store import Failure, Store, StoredRun
from seedwise.study.metric import METRICS
from seedwise.study.model import Claim, Study
from seedwise.study.search import is_search
from seedwise.verdicts.comparison import ClaimOutcome, StudyOutcome
from seedwise.verdicts.deciding import deciding
from seedwise.verdicts.signature import sign
from seedwise.version import __version__


def build(outcomes: Sequence[StudyOutcome], store: Store) -> ReportModel:
    """The report of `outcomes`; reads the finished runs' events, parameters and environments from `store`."""
    return ReportModel(
        format=FORMAT,
        inputs=report_inputs(outcomes, store),
        versions={"seedwise": __version__, **library_versions()},
        studies=tuple(_study(outcome, store) for outcome in outcomes),
    )


def _study(outcome: StudyOutcome, store: Store) -> StudyReport:
    study = outcome.study
    runs = finished_runs(outcome, store)
    timed = any("events.jsonl" in run.result.files for run in runs.values())  # a bundle holds no events
    target = target_of(outcome, runs) if timed else None
    claims = tuple(_comparison(outcome, claim) for claim in outcome.claims)
    explored = tuple(_comparison(outcome, claim) for claim in outcome.explored)
    return StudyReport(
        name=study.name,
        title=study.title,
        description=study.description.strip(),
        metric=study.task.metric,
        alpha=study.alpha,
        seeds=tuple(study.seeds),
        look=None if outcome.look is None else Look(**asdict(outcome.look)),
        claims=claims,
        explored=explored,
        open_claims=tuple(_open(claim, outcome) for claim in outcome.open_claims),
        refused_claims=tuple(
            RefusedClaim(name=refused.claim.name, statement=refused.claim.words, reason=refused.reason)
            for refused in outcome.refused
        ),
        certificates=outcome.certificates,
        planned=len(outcome.plan.runs),
        finished=sum(run.run_id in runs for run in outcome.plan.runs),
        arms=tuple(_arm(name, outcome, runs, store, target) for name in study.arms),
        target=target,
        reported=reported_rows(outcome),
        recipes=recipes(outcome.plan),
        curves=read_curves(outcome.plan, runs, store),
        answers=read_answered(outcome.plan, runs, store),
        standings=standings(outcome, store),
        noise=noise_rows(outcome),
        tuned=tuned_arms(outcome.plan),
        ratios=ratio_rows(outcome.plan),
        methods=methods(outcome, (*claims, *explored)),
        data=_data(outcome),
        provenance=read_provenance(outcome.plan, runs, store),
        source=read_source(outcome.plan, runs.values()),
    )


def _arm(name: str, outcome: StudyOutcome, runs: Mapping[str, StoredRun], store: Store, target: float | None) -> ArmRow:
    arm = outcome.study.arms[name]
    scores = outcome.arms.get(name)
    planned = outcome.plan.of_arm(name)
    finished = [run for each in planned if (run := runs.get(each.run_id or ""))]
    recomputed = dict(zip((run.run_id for run in scores.runs), scores.scores, strict=True)) if scores else {}
    known = [score for score in scores.scores if score is not None] if scores else []
    failures = store.failures(run.run_id for run in planned if run.run_id is not None and run.run_id not in runs)
    return ArmRow(
        name=name,
        backend=arm.backend,
        model=arm.model,
        initialisation=arm.initialisation,
        method=arm.method.name,
        method_parameters=arm.method.parameters,
        baseline=arm.baseline,
        deterministic=arm.deterministic,
        complete=scores is not None,
        scores=tuple(_score(run, runs, recomputed, outcome.study, failures) for run in planned),
        n=scores.summary.n if scores else None,
        mean=scores.summary.mean if scores else None,
        sd=scores.summary.sd if scores else None,
        interval=scores.summary.interval if scores else None,
        minimum=min(known, default=None),
        maximum=max(known, default=None),
        cost=arm_cost(finished, store, METRICS[outcome.study.task.metric], target) if finished else None,
        way=not is_search(outcome.study) and name in ways(outcome.study),
    )


def _score(
    planned: PlannedRun,
    runs: Mapping[str, StoredRun],
    recomputed: Mapping[str, float | None],
    study: Study,
    failures: Mapping[str, Failure],
) -> Score:
    """`recomputed` are the scores that the arm's summary is made of; a run of an incomplete arm gives its own."""
    run = runs.get(planned.run_id) if planned.run_id else None
    if run is None:
        failure = failures.get(planned.run_id or "")
        return Score(
            seed=planned.seed,
            run_id=planned.run_id,
            status="missing",
            score=None,
            selected_epoch=None,
            selected_value=None,
            reason=f"{failure.reason.value}: {failure.message}" if failure else None,
        )
    selected = run.result.selected
    return Score(
        seed=planned.seed,
        run_id=run.run_id,
        status="diverged" if run.result.status.value == "diverged" else "completed",
        score=recomputed.get(run.run_id, run.result.metrics.get("test", {}).get(study.task.metric)),
        selected_epoch=selected.epoch if selected else None,
        selected_value=selected.value if selected else None,
        reason=run.result.message,
    )


def _comparison(outcome: StudyOutcome, claim: ClaimOutcome) -> Comparison:
    verdict, metric = claim.verdict, METRICS[outcome.study.task.metric]
    found = deciding(outcome.arms[claim.a], outcome.arms[claim.b], verdict)
    return Comparison(
        name=claim.name,
        statement=claim.statement,
        a=claim.a,
        b=claim.b,
        outcome=verdict.outcome.value,
        status=claim.status.value if claim.status else None,
        label=label_of(claim, f"{text.margin(verdict.margin, metric.name)} {metric.unit}".strip()),
        sentence=claim.sentence,
        declared=claim.declared,
        question=verdict.question.value,
        claim=verdict.claim,
        alpha=verdict.alpha,
        family_size=verdict.family_size,
        level=verdict.level,
        n_seeds=verdict.n_seeds,
        n_examples=verdict.n_examples,
        n_clusters=verdict.n_clusters,
        estimate=None if verdict.estimate is None else metric.own(verdict.estimate),
        interval=metric.own_interval(verdict.interval),
        standard_error=verdict.standard_error,
        df=verdict.df,
        parts=None if verdict.parts is None else ErrorParts(**asdict(verdict.parts)),
        p=verdict.p,
        p_adjusted=verdict.p_adjusted,
        p_exact=verdict.p_exact,
        floor=verdict.floor,
        require_exact=verdict.require_exact,
        basis=verdict.basis.value if verdict.basis else None,
        collapse_bound=verdict.collapse_bound,
        p_a_greater_b=verdict.p_a_greater_b,
        p_a_greater_b_interval=verdict.p_a_greater_b_interval,
        margin=verdict.margin,
        tost_p=verdict.tost.p if verdict.tost else None,
        tost_interval=metric.own_interval(verdict.tost.interval) if verdict.tost else None,
        welch_p=verdict.welch.p if verdict.welch else None,
        welch_interval=metric.own_interval(verdict.welch.interval) if verdict.welch else None,
        multi_bootstrap_p=claim.sensitivity.p if claim.sensitivity else None,
        multi_bootstrap_interval=metric.own_interval(claim.sensitivity.interval) if claim.sensitivity else None,
        seeds_needed=verdict.needed.seeds_per_arm if verdict.needed else None,
        examples_needed=verdict.needed.examples if verdict.needed else None,
        notes=claim.notes,
        signature=str(sign(outcome, claim)),
        hinge=None if found is None else Hinge(**asdict(found)),
    )


def _open(claim: Claim, outcome: StudyOutcome) -> OpenClaim:
    return OpenClaim(
        name=claim.name,
        statement=claim.words,
        a=claim.a,
        b=claim.b,
        claim=claim.type,
        margin=claim.margin,
        waiting_for=tuple(run.label for run in outcome.missing if run.arm in (claim.a, claim.b)),
    )


def _data(outcome: StudyOutcome) -> Data:
    data = outcome.plan.data
    return Data(
        name=data.name,
        title=data.title,
        citation=data.citation.strip(),
        licence=data.licence,
        labels=tuple(data.labels),
        rows={name: split.rows for name, split in data.splits.items()},
        sha256={name: split.sha256 for name, split in data.splits.items()},
        facts=data.facts,
    )
