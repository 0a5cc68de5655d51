"""The outcome of a claim in a few words, with the arms' names."""

from __future__ import annotations

from seedwise.stats import Outcome
from seedwise.verdicts.comparison import ClaimOutcome


def label_of(claim: ClaimOutcome, margin: str) -> str:
    """`margin` says within what the arms are equivalent where they are."""
    verdict = claim.verdict
    if verdict.outcome is Outcome.UNATTAINABLE:
        few = "too few seeds" if verdict.seeds_are_few else "too few tasks" if verdict.tasks_are_few else ""
        return few or "unattainable by the study's rule"
    return {
        Outcome.A_BETTER: f"{claim.a} better",
        Outcome.B_BETTER: f"{claim.b} better",
        Outcome.EQUIVALENT: f"equivalent within {margin}",
        Outcome.DEGENERATE: "no verdict",
    }.get(verdict.outcome, verdict.outcome.value)
