"""The comparison as Markdown, for the description that MLflow shows at the top of its run."""

from __future__ import annotations

from urllib.parse import quote

from seedwise.escaping import markdown
from seedwise.stats import Outcome, p_is
from seedwise.tracker.flatten import MAX_TAG, clip
from seedwise.verdicts.comparison import ClaimOutcome, StudyOutcome


def verdict_words(claim: ClaimOutcome) -> str:
    """What became of the claim, and the outcome with the arms' own names."""
    names = {Outcome.A_BETTER: f"{claim.a} better", Outcome.B_BETTER: f"{claim.b} better"}
    found = names.get(claim.verdict.outcome, claim.verdict.outcome.value)
    return found if claim.status is None else f"{claim.status.value} ({found})"


def comparison_note(outcome: StudyOutcome) -> str:
    study = outcome.study
    lines = [f"**{markdown(study.title)}**", ""]
    for claim in outcome.claims:
        lines += [f"### {claim.name}: {verdict_words(claim)}", "", markdown(claim.sentence), "", *_notes(claim)]
    for refused in outcome.refused:
        lines += [f"### {refused.claim.name}: refused", "", markdown(refused.reason), ""]
    for pending in outcome.open_claims:
        lines += [f"### {pending.name}: not decided yet", "", "Runs are missing.", ""]
    if outcome.arms:
        head = f"| arm | {study.task.metric} | sd | seeds | {_level(study.alpha)} interval |"
        lines += [head, "| --- | --- | --- | --- | --- |"]
        lines += [_arm_row(outcome, name) for name in outcome.arms]
        lines.append("")
    if outcome.explored:
        lines += ["### Beside the claims", "", *(f"- {markdown(claim.sentence)}" for claim in outcome.explored), ""]
    if outcome.missing:
        lines += [f"{len(outcome.missing)} of {len(outcome.plan.runs)} runs are missing.", ""]
    return clip("\n".join(lines).rstrip() + "\n", MAX_TAG)


def with_figure(note: str, title: str, artifact: str, run: str) -> str:
    """The note, and below it the picture `artifact` of the run: an address relative to MLflow's own pages.

    Other pages that show the note show `title` in its place.
    """
    image = f"\n![{markdown(title)}](get-artifact?path={quote(artifact)}&run_uuid={run})\n"
    return note + image if len(note) + len(image) <= MAX_TAG else note


def claim_note(claim: ClaimOutcome) -> str:
    """One line: outcome, p and whether it was declared."""
    p = claim.verdict.p_claim
    shown = "" if p is None else f", {p_is(p)}"
    return f"{verdict_words(claim)}{shown}" + ("" if claim.declared else " (exploratory)")


def _notes(claim: ClaimOutcome) -> list[str]:
    return [*(f"- {markdown(note)}" for note in claim.notes), ""] if claim.notes else []


def _level(alpha: float) -> str:
    return f"{100 * (1 - alpha):g} %"


def _arm_row(outcome: StudyOutcome, name: str) -> str:
    arm = outcome.arms[name]
    summary = arm.summary
    interval = "" if summary.interval is None else f"{summary.interval[0]:.3f} to {summary.interval[1]:.3f}"
    label = f"{name} (baseline)" if arm.baseline else name
    diverged = f", {sum(arm.diverged)} diverged" if any(arm.diverged) else ""
    mean, spread = (("" if value is None else f"{value:.3f}") for value in (summary.mean, summary.sd))
    return f"| {label} | {mean} | {spread} | {len(arm.runs)}{diverged} | {interval} |"
