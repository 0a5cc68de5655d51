"""Claims looked at before every seed is run: which look the store has reached, and the level at which it decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seedwise.planning.plan import Plan
from seedwise.study.model import Declared, Study

if TYPE_CHECKING:
    from seedwise.stats import Verdict


@dataclass(frozen=True, slots=True)
class LookAt:
    """One declared look: the `number`-th of `of`, with `seeds` an arm; each claim is decided at `level`, two-sided."""

    number: int
    of: int
    seeds: int
    level: float
    spending: str


def looks_of(study: Study) -> tuple[LookAt, ...]:
    """The looks that the study declares; none where it is decided once.

    Each claim of a family spends its own alpha / family, so that Holm's later steps, which a look could not take back, are
    not taken.
    """
    if study.looks is None:
        return ()
    from seedwise.stats import look_levels  # brings scipy, slow to import

    levels = look_levels(study.looks.seeds, study.alpha / max(1, study.family), study.looks.spending)
    return tuple(
        LookAt(number, len(levels), look.seeds, look.level, study.looks.spending)
        for number, look in enumerate(levels, start=1)
    )


def as_declared(declared: Declared) -> list[dict[str, float | int]]:
    """The looks as they stand in the ledger, beside the declaration; none where no study declares."""
    if not isinstance(declared, Study):
        return []
    return [{"look": look.number, "seeds": look.seeds, "level": look.level} for look in looks_of(declared)]


def seeds_at(study: Study, seeds: int) -> frozenset[int]:
    """The study's first `seeds` seeds."""
    return frozenset(study.seeds[:seeds])


def plan_at(plan: Plan, look: LookAt) -> Plan:
    """The plan with the runs of this look only: what is there beyond it waits for the next one."""
    kept = seeds_at(plan.study, look.seeds)
    return replace(plan, runs=tuple(run for run in plan.runs if run.seed in kept))


def reached(plan: Plan, is_done: Callable[[str | None], bool]) -> LookAt | None:
    """The furthest look of which every run of every arm is done; the first where none is; None for a study without looks.

    `is_done` tells of a run's id (None: its backend is not built) whether the run is finished, as `Store.is_done` does.
    """
    found: LookAt | None = None
    for look in looks_of(plan.study):
        if found is not None and not all(is_done(run.run_id) for run in plan_at(plan, look).runs):
            break
        found = look
    return found


def note_of(look: LookAt, earlier: Sequence[tuple[LookAt, Verdict]]) -> str:
    """What a reader of the verdict has to know of the rule."""
    text = (
        f"look {look.number} of {look.of}, declared before ({look.seeds} seeds an arm): decided at {look.level:.3g}, what "
        f"{look.spending} spending leaves this look"
    )
    decided = [f"{at.number} ({at.seeds} seeds): {said.outcome.value}" for at, said in earlier if _decided(said)]
    return f"{text}; decided at look {', '.join(decided)}" if decided else text


def _decided(verdict: Verdict) -> bool:
    from seedwise.stats import Outcome

    return verdict.outcome in (Outcome.A_BETTER, Outcome.B_BETTER, Outcome.EQUIVALENT)
