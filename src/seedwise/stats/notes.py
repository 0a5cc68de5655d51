"""What a reader of a verdict has to know beside it: of the data, and of what else holds at the level at which it was decided."""

from __future__ import annotations

from .clusters import FEW_CLUSTERS
from .companion import MOST_SEEDS, exact_of
from .numeric import FloatArray
from .permutation import MAX_ENUMERATIONS, PermutationResult
from .prose import format_floor, p_is
from .verdict import Outcome, Question, Verdict


def notes_on_scores(scores_a: FloatArray, scores_b: FloatArray, deterministic: tuple[bool, bool]) -> tuple[str, ...]:
    """Arms whose seeds all gave the same scores undeclared, and arms that are equal in every seed; a row (or score) a seed."""
    notes = []
    if len(scores_a) > 1 and scores_a.shape == scores_b.shape and bool((scores_a == scores_b).all()):
        notes.append(
            "both arms have the same scores in every seed, as where one set of runs is given twice, or what sets the arms "
            "apart never took effect"
        )
    for name, scores, declared in zip("AB", (scores_a, scores_b), deterministic, strict=True):
        if not declared and len(scores) > 1 and bool((scores == scores[0]).all()):
            notes.append(
                f"every seed of {name} gave the same scores, as where training never leaves a constant answer, or a method "
                "is deterministic"
            )
    return tuple(notes)


def note_without_error(frame: Verdict, seeds_a: FloatArray, seeds_b: FloatArray) -> tuple[str, ...]:
    """What an exact test still says of arms that differ in every seed by the same, so that there is no error to set it against."""
    exact = exact_of(frame, seeds_a, seeds_b, None, MAX_ENUMERATIONS)
    if exact is None or frame.seeds_are_few or exact.p > frame.alpha:
        return ()
    return (
        "no seed of one arm comes near one of the other: an exact test over seeds, which holds for this test file only, gives "
        f"that a chance of {format_floor(exact.p)} between equal arms",
    )


def notes_on_data(verdict: Verdict, exact: PermutationResult | None) -> list[str]:
    """Collapsed seeds, few clusters, and an exact test that was sampled or left out."""
    notes = []
    if verdict.n_clusters is not None and verdict.n_clusters < FEW_CLUSTERS:
        notes.append(
            f"{verdict.n_clusters} clusters are few: with fewer than about {FEW_CLUSTERS} the interval is only roughly of its level"
        )
    for name, count, seeds in zip("AB", verdict.collapsed, verdict.n_seeds, strict=True):
        if count:
            lie, them = ("lies", "it") if count == 1 else ("lie", "them")
            notes.append(
                f"{count} of {seeds} seeds of {name} {lie} far behind the others, as where training collapsed: the interval of a "
                f"mean over such seeds is too narrow, so see what holds without {them}, and compare how often the arms collapse"
            )
    over = "tasks" if verdict.question is Question.LIKE_TASKS else "seeds"
    if exact is None and verdict.floor is not None:
        why = (
            "with so many, the interval's own test is as good"
            if sum(verdict.n_seeds) > MOST_SEEDS
            else "too many arrangements, and no generator to sample them"
        )
        notes.append(f"the exact test over {over} was left out: {why}")
    elif exact is not None and not exact.exact:
        notes.append(f"the test over {over} was sampled with {exact.arrangements} arrangements, not enumerated")
    return notes


def notes_at_level(verdict: Verdict) -> list[str]:
    """What depends on `verdict.level`, and so changes at a later step of Holm."""
    return [*_disagreements(verdict), *_precedence(verdict)]


def _disagreements(verdict: Verdict) -> list[str]:
    """Say where a companion comes to another answer about the difference than the primary analysis.

    An exact test that could not have reached the level disagrees with nothing.
    """
    notes: list[str] = []
    if verdict.p is None:
        return notes
    significant = verdict.p <= verdict.level
    drawn = verdict.question is Question.LIKE_TASKS
    over, holds = ("tasks", "") if drawn else ("seeds", ", which holds for this test file only,")
    if verdict.n_tasks is not None and not drawn:
        holds = ", which holds for these test files only,"
    companions = [] if verdict.floor_is_high else [(f"the exact test over {over}", verdict.p_exact)]
    if verdict.welch is not None:
        companions.append(("the paired t test over seeds" if verdict.paired else "Welch over seeds", verdict.welch.p))
    for name, p in companions:
        if p is not None and (p <= verdict.level) != significant:
            notes.append(
                f"{name}{holds} disagrees with the primary analysis: "
                f"{p_is(p)} against {p_is(verdict.p)}, at {verdict.level:.3g}"
            )
    if verdict.require_exact and significant and verdict.outcome is Outcome.INCONCLUSIVE:
        notes.append("the study requires that the exact test over seeds confirms a difference, which it does not here")
    return notes


def _precedence(verdict: Verdict) -> list[str]:
    """Say what else holds beside the outcome, and where the outcome is not the declared claim.

    That a difference is real *and* within the margin is two finds; only in a family of one do both keep alpha.
    """
    notes = []
    significant = verdict.p_difference is not None and verdict.p_difference <= verdict.level
    equivalent = verdict.tost is not None and verdict.tost.p < verdict.level
    better = verdict.outcome in (Outcome.A_BETTER, Outcome.B_BETTER)
    alone = verdict.family_size == 1
    if alone and better and equivalent:
        notes.append("the difference is also shown to be smaller than the margin")
    if alone and verdict.outcome is Outcome.EQUIVALENT and significant:
        notes.append("the difference is also shown to be other than 0, though smaller than the margin")
    declared = better if verdict.claim == "superiority" else verdict.outcome is Outcome.EQUIVALENT
    if not declared and (better or verdict.outcome is Outcome.EQUIVALENT):
        notes.append(f"the declared claim was {verdict.claim}, so this outcome is secondary")
    p_claim = verdict.p_claim
    if verdict.outcome is Outcome.INCONCLUSIVE and p_claim is not None and verdict.level < p_claim <= verdict.alpha:
        notes.append(
            f"alone in its study this claim would pass {verdict.alpha:g}; at the first step of Holm over "
            f"{verdict.family_size} claims it does not, and a later step may decide"
        )
    return notes
