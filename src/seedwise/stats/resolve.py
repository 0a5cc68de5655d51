"""The later steps of Holm over the declared claims of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .family import holm
from .judge import at_level, basis_of
from .notes import notes_at_level
from .verdict import Outcome, Verdict


def resolve_family(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts of one family with `p_adjusted` filled and with the outcomes that Holm allows.

    Every claim of the study comes in, decided with `family_size` equal to their number; a claim that is
    degenerate or unattainable enters with p = 1 and keeps its outcome. As each was decided at Holm's first
    step, an outcome can only turn from undecided (or from a secondary one) to the declared claim. Then the level, the
    basis and what holds at that level are those of its own step; every other note stays.

    Raises ValueError when the verdicts disagree on alpha, or were decided for another size of family.
    """
    size = len(verdicts)
    if any(verdict.family_size != size for verdict in verdicts):
        sizes = sorted({verdict.family_size for verdict in verdicts})
        raise ValueError(f"{size} verdicts were decided for families of {sizes}; decide them with family_size={size}")
    if len({verdict.alpha for verdict in verdicts}) > 1:
        raise ValueError("the verdicts of one family must share alpha")
    entries = [_entry(verdict) for verdict in verdicts]
    adjusted = holm(entries)
    ranks = {index: rank for rank, index in enumerate(sorted(range(size), key=entries.__getitem__))}
    return tuple(
        _resolve(verdict, p, verdict.alpha / (size - ranks[index]))
        for index, (verdict, p) in enumerate(zip(verdicts, adjusted, strict=True))
    )


def _entry(verdict: Verdict) -> float:
    if verdict.outcome in (Outcome.UNATTAINABLE, Outcome.DEGENERATE) or verdict.p_claim is None:
        return 1.0
    return verdict.p_claim


def _resolve(verdict: Verdict, p_adjusted: float, level: float) -> Verdict:
    if verdict.outcome in (Outcome.UNATTAINABLE, Outcome.DEGENERATE):
        return verdict
    verdict = replace(verdict, p_adjusted=p_adjusted)
    outcome = _declared(verdict) if p_adjusted <= verdict.alpha else verdict.outcome
    if outcome is verdict.outcome:
        return verdict
    before = notes_at_level(verdict)
    kept = [note for note in verdict.notes if note not in before]
    decided = at_level(replace(verdict, outcome=outcome, needed=None), level)
    step = f"decided at a later step of Holm over {verdict.family_size} claims"
    return replace(decided, basis=basis_of(decided), notes=(step, *kept, *notes_at_level(decided)))


def _declared(verdict: Verdict) -> Outcome:
    if verdict.claim == "equivalence":
        return Outcome.EQUIVALENT
    if not verdict.estimate:
        return verdict.outcome
    return Outcome.A_BETTER if verdict.estimate > 0.0 else Outcome.B_BETTER
