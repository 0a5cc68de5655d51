"""What a study says here and contradicts there: faults between fields."""

from __future__ import annotations

from itertools import pairwise

from seedwise.study.metric import METRICS
from seedwise.study.model import Study
from seedwise_contract import Fault


def cross_faults(study: Study) -> list[Fault]:
    """Faults between the fields of a study, each of which is sound by itself."""
    faults = [
        Fault(field=f"reported.{number}.arm", found=said.arm, allowed=f"one of the arms: {', '.join(study.arms)}")
        for number, said in enumerate(study.reported)
        if said.arm not in study.arms
    ]
    if not study.seeds or len(set(study.seeds)) != len(study.seeds):
        faults.append(Fault(field="seeds", found=str(study.seeds), allowed="a count, or a list of distinct seeds"))
    faults += _metric_faults(study)
    if study.part is not None:
        faults.append(Fault(field="part", found="part", allowed="nothing: it is set where a file has `tasks`"))
    names = [claim.name for claim in study.claims]
    for number, claim in enumerate(study.claims):
        if names.index(claim.name) != number:
            faults.append(Fault(field=f"claims.{number}.name", found=claim.name, allowed="each claim has its own name"))
        for side, arm in (("a", claim.a), ("b", claim.b)):
            if arm not in study.arms:
                faults.append(
                    Fault(
                        field=f"claims.{number}.{side}", found=arm, allowed=f"one of the arms: {', '.join(study.arms)}"
                    )
                )
            elif study.arms[arm].baseline:
                faults.append(
                    Fault(
                        field=f"claims.{number}.{side}",
                        found=arm,
                        allowed="not a baseline: those are compared beside the claims",
                    )
                )
        fixed = [arm for arm in (claim.a, claim.b) if arm in study.arms and study.arms[arm].deterministic]
        if claim.design == "paired" and fixed:
            allowed = f"independent: the deterministic {fixed[0]} has no seeds to share"
            faults.append(Fault(field=f"claims.{number}.design", found="paired", allowed=allowed))
        both = [study.arms[arm].draws_rows for arm in (claim.a, claim.b) if arm in study.arms]
        if len(set(both)) > 1:
            allowed = "both arms with rows in vary, or none: else the training sets are compared with the arms"
            faults.append(
                Fault(
                    field=f"claims.{number}",
                    found=f"rows vary in {claim.a if both[0] else claim.b} alone",
                    allowed=allowed,
                )
            )
        if claim.a == claim.b:
            faults.append(
                Fault(field=f"claims.{number}", found=f"{claim.a} against itself", allowed="two different arms")
            )
    counts = study.looks.seeds if study.looks else []
    if counts and (any(later <= first for first, later in pairwise(counts)) or counts[-1] != len(study.seeds)):
        allowed = f"rising numbers of seeds, the last one all {len(study.seeds)} of the study"
        faults.append(Fault(field="looks.seeds", found=str(counts), allowed=allowed))
    return faults


def _metric_faults(study: Study) -> list[Fault]:
    """What does not go with the task's metric."""
    metric = METRICS[study.task.metric]
    faults = []
    selected = [name for name, other in METRICS.items() if other.kind == metric.kind and name == other.selection]
    if study.selection.metric not in ("loss", *selected):
        allowed = f"one of a task with metric {metric.name}: {', '.join(['loss', *selected])}"
        if metric.kind == "causal_lm":
            allowed = "loss: a checkpoint of a language model is selected by it"
        faults.append(Fault(field="selection.metric", found=study.selection.metric, allowed=allowed))
    if metric.kind == "causal_lm":
        return faults
    for name, arm in study.arms.items():
        if arm.loss_on is not None:
            allowed = "nothing: it belongs to metric perplexity"
            faults.append(Fault(field=f"arms.{name}.loss_on", found=arm.loss_on, allowed=allowed))
    if not metric.unit:
        return faults
    for number, claim in enumerate(study.claims):
        if claim.margin is not None and claim.margin >= 1.0:
            allowed = "less than 1: in the metric's own units 0.01 is one point"
            faults.append(Fault(field=f"claims.{number}.margin", found=f"{claim.margin:g}", allowed=allowed))
    for number, said in enumerate(study.reported):
        for place, value in enumerate(said.values):
            if value > 100.0:
                field = f"reported.{number}.values.{place}"
                faults.append(Fault(field=field, found=f"{value:g}", allowed="in percent: at most 100"))
    return faults
