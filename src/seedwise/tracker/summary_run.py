"""The runs above the seeds: one an arm, and one for the whole comparison with its verdicts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from seedwise.report.arm_rows import ArmCost
from seedwise.report.render import FILES
from seedwise.store.store import StoredRun
from seedwise.study.metric import METRICS, Metric
from seedwise.tracker.aliases import mean_key
from seedwise.tracker.content import ARM, COLOUR, KIND, NOTE, Artifact, Point, RunContent
from seedwise.tracker.flatten import MAX_TAG, clean_key, clip
from seedwise.tracker.note import claim_note, comparison_note, verdict_words, with_figure
from seedwise.tracker.seed_run import ended, spec_params, started
from seedwise.verdicts.comparison import ClaimOutcome, StudyOutcome
from seedwise.verdicts.signature import sign
from seedwise_contract import RunStatus

# Okabe and Ito's palette: told apart with any colour vision, in the order in which it is clearest.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#000000")


def arm_colour(outcome: StudyOutcome, arm: str) -> str:
    return COLOURS[list(outcome.study.arms).index(arm) % len(COLOURS)]


def comparison_content(outcome: StudyOutcome, runs: Sequence[StoredRun], reports: tuple[Artifact, ...]) -> RunContent:
    """The parent: each claim's figures as metrics, its outcome and sentence as tags, all of it readable in the note."""
    study = outcome.study
    tags = {
        KIND: "comparison",
        "seedwise.study": study.name,
        "seedwise.declaration": study.declaration(),
        "seedwise.data": study.task.data,
        "seedwise.status": "incomplete" if outcome.missing else "complete",
        "mlflow.source.name": "seedwise",
        "mlflow.source.type": "LOCAL",
        NOTE: comparison_note(outcome),
    }
    if outcome.claims:
        tags["seedwise.verdict"] = clip("; ".join(map(verdict_words, outcome.claims)), MAX_TAG)
    points = [Point("seeds", float(len(runs)))]
    for claim in (*outcome.claims, *outcome.explored):
        prefix = f"seedwise.claim.{claim.name}"
        tags[clean_key(f"{prefix}.outcome")] = claim.verdict.outcome.value
        if claim.verdict.basis is not None:
            tags[clean_key(f"{prefix}.basis")] = claim.verdict.basis.value
        if claim.status is not None:
            tags[clean_key(f"{prefix}.status")] = claim.status.value
        tags[clean_key(f"{prefix}.verdict")] = clip(claim_note(claim), MAX_TAG)
        tags[clean_key(f"{prefix}.sentence")] = clip(claim.sentence, MAX_TAG)
        tags[clean_key(f"{prefix}.declared")] = str(claim.declared).lower()
        tags[clean_key(f"{prefix}.signature")] = clip(str(sign(outcome, claim)), MAX_TAG)
        points += _claim_points(claim, METRICS[study.task.metric])
    return RunContent(
        name=study.name,
        tags=tags,
        params={
            "study": study.name,
            "title": study.title,
            "data": study.task.data,
            "metric": study.task.metric,
            "alpha": f"{study.alpha:g}",
            "arms": ", ".join(study.arms),
            "seeds": ", ".join(map(str, study.seeds)),
        },
        points=tuple(points),
        start=min(map(started, runs)),
        end=None if outcome.missing else max(map(ended, runs)),
        artifacts=reports,
        texts={"verdicts.json": _verdicts_json(outcome)},
    )


def shown(content: RunContent, run: str) -> RunContent:
    """The comparison as its run `run` shall hold it: with the report's figure in the note, where it has one."""
    figure = f"report/{FILES['figure']}"
    if not any(f"{artifact.folder}/{artifact.path.name}" == figure for artifact in content.artifacts):
        return content
    note = with_figure(content.tags[NOTE], "Differences between arms", figure, run)
    return dataclasses.replace(content, tags={**content.tags, NOTE: note})


def arm_content(outcome: StudyOutcome, name: str, runs: Sequence[StoredRun], cost: ArmCost | None = None) -> RunContent:
    """Mean, spread and interval over seeds, and what the arm costs; while runs of it are missing, only how many there are."""
    declared = outcome.study.arms[name]
    metric = outcome.study.task.metric
    scores = outcome.arms.get(name)
    diverged = sum(run.result.status is RunStatus.DIVERGED for run in runs)
    figures: dict[str, float | None] = {"seeds": float(len(runs)), "seeds_diverged": float(diverged)}
    if scores is not None:
        low, high = scores.summary.interval or (None, None)
        figures |= {
            metric: scores.summary.mean,
            mean_key(metric): scores.summary.mean,
            f"{metric}_sd": scores.summary.sd,
        }
        figures |= {f"{metric}_low": low, f"{metric}_high": high}
        figures["time/total_s"] = sum(run.result.timings.total for run in runs) / len(runs)
        figures |= {f"cost/{key}": value for key, value in (cost.model_dump() if cost else {}).items()}
    backends = sorted({run.provenance.digest for run in runs})
    return RunContent(
        name=f"{name} (baseline)" if declared.baseline else name,
        tags={
            KIND: "arm",
            ARM: name,
            "seedwise.study": outcome.study.name,
            "seedwise.declaration": outcome.study.declaration(),
            "seedwise.backend": declared.backend,
            "seedwise.image_digest": clip(", ".join(backends), MAX_TAG),
            "seedwise.data": outcome.study.task.data,
            "seedwise.status": "incomplete" if scores is None else "complete",
            "mlflow.source.name": "seedwise",
            "mlflow.source.type": "LOCAL",
            COLOUR: arm_colour(outcome, name),
            **({"seedwise.model": declared.model} if declared.model else {}),
        },
        params=spec_params(runs[0], seeds=False),
        points=tuple(Point(clean_key(key), value) for key, value in figures.items() if value is not None),
        start=min(map(started, runs)),
        end=None if scores is None else max(map(ended, runs)),
    )


def _claim_points(claim: ClaimOutcome, metric: Metric) -> list[Point]:
    """Differences as the metric has them: A minus B."""
    verdict = claim.verdict
    low, high = metric.own_interval(verdict.interval) or (None, None)
    figures = {
        "estimate": None if verdict.estimate is None else metric.own(verdict.estimate),
        "interval_low": low,
        "interval_high": high,
        "standard_error": verdict.standard_error,
        "df": verdict.df,
        "clusters": None if verdict.n_clusters is None else float(verdict.n_clusters),
        "p": verdict.p,
        "p_adjusted": verdict.p_adjusted,
        "p_exact": verdict.p_exact,
        "floor": verdict.floor,
        "p_tost": verdict.tost.p if verdict.tost else None,
        "p_welch": getattr(verdict.welch, "p", None),
    }
    return [Point(clean_key(f"{claim.name}/{key}"), value) for key, value in figures.items() if value is not None]


def _verdicts_json(outcome: StudyOutcome) -> str:
    def plain(claim: ClaimOutcome) -> dict[str, Any]:
        return {**dataclasses.asdict(claim), "signature": str(sign(outcome, claim))}

    value = {
        "study": outcome.study.name,
        "declaration": outcome.study.declaration(),
        "claims": [plain(claim) for claim in outcome.claims],
        "explored": [plain(claim) for claim in outcome.explored],
        "refused": [{"claim": refused.claim.name, "reason": refused.reason} for refused in outcome.refused],
        "certificates": [certificate.model_dump(mode="json") for certificate in outcome.certificates],
        "open_claims": [claim.name for claim in outcome.open_claims],
        "missing": [run.label for run in outcome.missing],
    }
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
