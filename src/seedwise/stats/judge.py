"""The rules that turn an interval, an exact test and a floor into an outcome; see `decide_crossed` for their
order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .companion import described, exact_of, floor_of, welch_of
from .crossed import CrossedResult
from .degenerate import Degenerate, DegenerateReason
from .needed import Needed, needed_crossed, needed_welch
from .notes import note_without_error, notes_at_level, notes_on_data
from .numeric import FloatArray, check_alpha, check_family_size, check_margin
from .power import fewest_seeds
from .tdist import tost
from .verdict import Basis, Claim, ErrorParts, Outcome, Question, Verdict
from .welch import WelchResult


def frame_of(
    question: Question,
    n_seeds: tuple[int, int],
    deterministic: tuple[bool, bool],
    *,
    alpha: float,
    claim: Claim,
    margin: float | None,
    family_size: int,
    require_exact: bool,
    paired: bool = False,
    n_examples: int | None = None,
    n_clusters: int | None = None,
) -> Verdict:
    """Return a verdict that holds what was declared, and no figure yet.

    Raises ValueError for a declaration that no data could be held against.
    """
    check_alpha(alpha)
    check_family_size(family_size)
    if margin is not None:
        check_margin(margin)
    if claim not in ("superiority", "equivalence"):
        raise ValueError(f"claim must be 'superiority' or 'equivalence'; it is {claim!r}")
    if claim == "equivalence" and margin is None:
        raise ValueError("an equivalence claim needs a margin, declared before the data are seen")
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        question=question,
        claim=claim,
        alpha=alpha,
        level=alpha / family_size,
        family_size=family_size,
        n_seeds=n_seeds,
        deterministic=deterministic,
        paired=paired,
        require_exact=require_exact,
        n_examples=n_examples,
        n_clusters=n_clusters,
        margin=margin,
    )


def degenerate_verdict(
    frame: Verdict,
    fault: Degenerate,
    notes: tuple[str, ...] = (),
    seeds: tuple[FloatArray, FloatArray] | None = None,
) -> Verdict:
    """Return `frame` as DEGENERATE; where seeds are missing, with the number that makes the claim attainable.

    `notes` are those on the scores, `seeds` the per-seed scores of both arms.
    """
    needed = None
    if seeds is not None and fault.reason is DegenerateReason.ZERO_VARIANCE:
        notes = (*notes, *note_without_error(frame, *seeds))
    if fault.reason is DegenerateReason.TOO_FEW_SEEDS:
        needed = Needed(seeds_per_arm=_fewest(frame), examples=None, approximate=False)
    return replace(frame, outcome=Outcome.DEGENERATE, reason=fault.reason, needed=needed, notes=(fault.detail, *notes))


def judge(
    frame: Verdict,
    result: CrossedResult | WelchResult,
    seeds_a: FloatArray,
    seeds_b: FloatArray,
    notes: tuple[str, ...],
    rng: np.random.Generator | None,
    max_enumerations: int,
) -> Verdict:
    """Fill `frame` from the primary `result` and the per-seed scores [S_A], [S_B]; `notes` are those on the scores."""
    exact = exact_of(frame, seeds_a, seeds_b, rng, max_enumerations)
    verdict = replace(
        described(frame, result, seeds_a, seeds_b),
        estimate=result.estimate,
        interval=result.interval,
        standard_error=result.standard_error,
        df=result.df,
        parts=ErrorParts.of(result),
        p=result.p,
        p_exact=None if exact is None else exact.p,
        floor=floor_of(frame),
        welch=welch_of(frame, seeds_a, seeds_b)
        if isinstance(result, CrossedResult) and frame.question is not Question.LIKE_TASKS
        else None,
    )
    verdict = at_level(verdict, frame.level)
    unmet = (
        verdict.seeds_are_few
        or verdict.tasks_are_few
        or (verdict.require_exact and verdict.claim == "superiority" and verdict.floor_is_high)
    )
    verdict = replace(verdict, outcome=Outcome.UNATTAINABLE if unmet else _outcome(verdict))
    return replace(
        verdict,
        basis=basis_of(verdict),
        needed=_needed(verdict, result),
        notes=(*notes, *notes_on_data(verdict, exact), *notes_at_level(verdict)),
    )


def at_level(verdict: Verdict, level: float) -> Verdict:
    """Return `verdict` with the level at which it is decided, and the test of equivalence at that level."""
    test = None
    if (
        verdict.margin is not None
        and verdict.estimate is not None
        and verdict.standard_error
        and verdict.df is not None
    ):
        test = tost(verdict.estimate, verdict.standard_error, verdict.df, verdict.margin, level)
    return replace(verdict, level=level, tost=test)


def basis_of(verdict: Verdict) -> Basis | None:
    """Return what a decided outcome rests on; None where nothing is decided."""
    better = verdict.outcome in (Outcome.A_BETTER, Outcome.B_BETTER)
    if not better and verdict.outcome is not Outcome.EQUIVALENT:
        return None
    over_tasks = verdict.question is Question.LIKE_TASKS
    if all(verdict.deterministic) and not over_tasks:
        return Basis.EXAMPLES
    confirmed = better and verdict.p_exact is not None and verdict.p_exact <= verdict.level
    if over_tasks:
        return Basis.EXACT_TASKS if confirmed else Basis.NEAR_NORMAL_TASKS
    return Basis.EXACT if confirmed else Basis.NEAR_NORMAL


def _outcome(verdict: Verdict) -> Outcome:
    better = equivalent = None
    if verdict.p_difference is not None and verdict.p_difference <= verdict.level and verdict.estimate:
        better = Outcome.A_BETTER if verdict.estimate > 0.0 else Outcome.B_BETTER
    if verdict.tost is not None and verdict.tost.p < verdict.level:
        equivalent = Outcome.EQUIVALENT
    order = (better, equivalent) if verdict.claim == "superiority" else (equivalent, better)
    return order[0] or order[1] or Outcome.INCONCLUSIVE


def _fewest(frame: Verdict) -> int:
    flips = (frame.paired or frame.deterministic[0], frame.paired or frame.deterministic[1])
    return fewest_seeds(frame.level, flips, frame.require_exact and frame.claim == "superiority")


def _needed(verdict: Verdict, result: CrossedResult | WelchResult) -> Needed | None:
    if (
        verdict.outcome is Outcome.UNATTAINABLE
        and not verdict.seeds_are_few
        and verdict.question is Question.LIKE_TASKS
    ):
        return None  # it is tasks that are too few
    if verdict.outcome is Outcome.UNATTAINABLE:
        return Needed(seeds_per_arm=_fewest(verdict), examples=None, approximate=False)
    if verdict.outcome is not Outcome.INCONCLUSIVE:
        return None
    margin = verdict.margin if verdict.claim == "equivalence" else None
    if isinstance(result, CrossedResult):
        return needed_crossed(result, verdict.level, margin)
    fixed = (verdict.deterministic[0], verdict.deterministic[1] or verdict.paired)
    return needed_welch(result, verdict.level, margin, fixed)
