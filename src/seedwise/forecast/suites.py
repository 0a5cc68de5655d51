"""What the claims over the tasks of a suite can decide, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from seedwise.stats import MIN_SEEDS, floor_paired, floor_unpaired, format_floor, is_attainable
from seedwise.study.model import Claim, Study
from seedwise.study.suite import Suite


def suite_plan(suite: Suite, members: Sequence[Study]) -> list[str]:
    """A line a claim: its question, its exact test's floor, and whether that could confirm it; members are the tasks' studies."""
    lines = [f"{suite.name}: {suite.title}: over its {len(suite.tasks)} tasks, {suite.family} claims in all"]
    for claim in suite.claims:
        floor, over = floor_over_tasks(suite, claim, members[0])
        level = suite.alpha / suite.family
        like = claim.scope == "tasks-like-these"
        question = f"on {'tasks like these' if like else 'these'} {len(suite.tasks)}{'' if like else ' tasks'}"
        scale = "standardised" if suite.standardised else "raw"
        words = f"  {claim.name}: {question}, mean of {scale} differences"
        if len(members[0].seeds) < MIN_SEEDS and not _fixed(members[0], claim):
            lines.append(f"{words}; unattainable: {len(members[0].seeds)} seeds decide nothing")
        elif floor is None:
            lines.append(f"{words}; no exact test")
        else:
            can = "could" if is_attainable(floor, level) else "could not"
            lines.append(
                f"{words}; an exact test over {over} has floor {format_floor(floor)} and {can} confirm it at {level:.3g}"
            )
    return lines


def unattainable_over_tasks(suite: Suite, member: Study, *, require_exact: bool = False) -> list[str]:
    """A sentence for each claim over the tasks that no data of this design could decide."""
    found = []
    required = require_exact or suite.exact == "required"
    for claim in suite.claims:
        floor, over = floor_over_tasks(suite, claim, member)
        level = suite.alpha / suite.family
        if len(member.seeds) < MIN_SEEDS and not _fixed(member, claim):
            found.append(
                f"claim {claim.name} of {suite.name} is unattainable: {len(member.seeds)} seeds decide nothing"
            )
        elif required and claim.type == "superiority" and floor is not None and not is_attainable(floor, level):
            found.append(
                f"claim {claim.name} of {suite.name} is unattainable by its own rule (exact: required): the smallest p of an "
                f"exact test over {over} is {format_floor(floor)}, above {format_floor(level)} (family of {suite.family})"
            )
    return found


def floor_over_tasks(suite: Suite, claim: Claim, member: Study) -> tuple[float | None, str]:
    """The smallest p of the claim's exact companion, and over what that permutes: seeds, or tasks that are a sample."""
    if claim.scope == "tasks-like-these":
        return floor_paired(len(suite.tasks)), f"{len(suite.tasks)} tasks"
    fixed = [member.arms[name].deterministic for name in (claim.a, claim.b)]
    seeds = len(member.seeds)
    if all(fixed):
        return None, "nothing"
    if claim.design == "paired" or any(fixed):
        return floor_paired(seeds), f"{seeds} seeds"
    return floor_unpaired(seeds, seeds), f"{seeds} seeds"


def _fixed(member: Study, claim: Claim) -> bool:
    return all(member.arms[name].deterministic for name in (claim.a, claim.b))
