"""Several tasks in one study file: what they have in common, and the claims over them.

Each task is a `Study` of its own (named `SUITE.TASK`), planned, run and compared as any other; `Suite` is what joins them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from seedwise.study.metric import METRICS
from seedwise.study.model import Claim, Part, Study
from seedwise_contract import Fault, canonical_json
from seedwise_contract.base import ContractModel
from seedwise_contract.spec import Name

MIN_TASKS = 5  # for a claim about tasks like these; `stats.MIN_TASKS`, which brings scipy


class Suite(ContractModel):
    """What several tasks of one study share: `tasks` by name, `members` the names of their studies, in the same order.

    `claims` are those over the tasks; `family` counts every claim of the file, one a task of those on each task, and `each` is
    how many of the latter are declared. `standardised`: differences are divided by the standard deviation of an example's score.
    """

    name: Name
    title: str
    description: str = ""
    tasks: Annotated[tuple[Name, ...], Field(min_length=2)]
    members: tuple[Name, ...]
    alpha: float
    exact: Literal["companion", "required"]
    claims: tuple[Claim, ...]
    family: int
    standardised: bool
    declaration: str


def suite_faults(studies: Sequence[Study], names: Sequence[str]) -> list[Fault]:
    """What contradicts itself between the tasks of a file; `studies` are its tasks', each with every claim of the file."""
    faults = []
    for number, name in enumerate(names):
        if list(names).index(name) != number:
            faults.append(Fault(field=f"tasks.{number}.name", found=name, allowed="each task has its own name"))
    if studies[0].looks is not None:
        faults.append(Fault(field="looks", found="looks", allowed="nothing where there are several tasks"))
    over = [(number, claim) for number, claim in enumerate(studies[0].claims) if claim.scope != "each"]
    first = {study.task.data: number for number, study in reversed(list(enumerate(studies)))}
    for number, study in enumerate(studies if over else ()):
        if first[study.task.data] != number:
            allowed = "data of its own: over tasks that share their examples, variances do not add"
            faults.append(Fault(field=f"tasks.{number}.data", found=study.task.data, allowed=allowed))
    for number, claim in over:
        if claim.scope == "tasks-like-these" and len(names) < MIN_TASKS:
            allowed = f"suite, or {MIN_TASKS} tasks or more: {len(names)} say nothing of tasks like these"
            faults.append(Fault(field=f"claims.{number}.scope", found=claim.scope, allowed=allowed))
        raw_needs = [study.task.metric for study in studies]
        if claim.differences == "raw" and len(set(raw_needs)) > 1:
            allowed = "standardised: the tasks have other metrics, whose differences have no unit in common"
            faults.append(Fault(field=f"claims.{number}.differences", found="raw", allowed=allowed))
    said = {claim.differences for _, claim in over if claim.differences is not None}
    if len(said) > 1:
        faults.append(
            Fault(field="claims", found="raw and standardised differences", allowed="one of them for all claims over the tasks")
        )  # fmt: skip
    return faults


def suite_of(studies: Sequence[Study], names: Sequence[str], name: str, title: str) -> tuple[Suite, list[Study]]:
    """The suite, and each task's study with the claims on each task; `studies` as `suite_faults` takes them, without faults."""
    first = studies[0]
    claims = tuple(claim for claim in first.claims if claim.scope != "each")
    each = [claim for claim in first.claims if claim.scope == "each"]
    bare = [study.model_copy(update={"claims": each}) for study in studies]
    declared = {
        "tasks": [[task, study.declaration()] for task, study in zip(names, studies, strict=True)],
        "claims": [claim.model_dump(mode="json", exclude={"statement"}) for claim in first.claims],
    }  # fmt: skip
    told = [claim.differences for claim in claims if claim.differences is not None]
    metrics = {study.task.metric for study in studies}
    suite = Suite(
        name=name,
        title=title,
        description=first.description,
        tasks=tuple(names),
        members=tuple(study.name for study in studies),
        alpha=first.alpha,
        exact=first.exact,
        claims=claims,
        family=len(each) * len(studies) + len(claims),
        standardised=told[0] == "standardised" if told else len(metrics) > 1 or not METRICS[first.task.metric].unit,
        declaration=hashlib.sha256(canonical_json(declared).encode()).hexdigest(),
    )
    return suite, [
        study.model_copy(
            update={"part": Part(suite=name, task=task, family=suite.family, declaration=suite.declaration)}
        )
        for task, study in zip(names, bare, strict=True)
    ]
