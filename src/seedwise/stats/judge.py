"""The rules that turn an interval, an exact test and a floor into an outcome; see `decide_crossed` for their
order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .apart import seeds_apart
from .crossed import CrossedResult
from .degenerate import Degenerate, DegenerateReason
from .family import is_attainable, smallest_n_paired, smallest_n_unpaired
from .needed import Needed, needed_crossed, needed_welch
from .numeric import FloatArray, check_alpha, check_family_size, check_margin
from .permutation import (
    PermutationResult,
    enumerations_paired,
    enumerations_unpaired,
    floor_paired,
    floor_unpaired,
    permutation_paired,
    permutation_unpaired,
)
from .probability import probability_a_greater
from .sentence import format_p
from .tdist import TostResult, tost
from .verdict import Claim, Outcome, Verdict
from .welch import WelchResult, welch


def check_rules(alpha: float, claim: Claim, margin: float | None, family_size: int) -> None:
    """Raise ValueError for a declaration that no data could be held against."""
    check_alpha(alpha)
    check_family_size(family_size)
    if margin is not None:
        check_margin(margin)
    if claim not in ("superiority", "equivalence"):
        raise ValueError(f"claim must be 'superiority' or 'equivalence'; it is {claim!r}")
    if claim == "equivalence" and margin is None:
        raise ValueError("an equivalence claim needs a margin, declared before the data are seen")


def degenerate_verdict(frame: Verdict, fault: Degenerate) -> Verdict:
    """Return `frame` as DEGENERATE; where seeds are missing, with the number that makes the claim
    attainable."""
    needed = None
    if fault.reason is DegenerateReason.TOO_FEW_SEEDS:
        needed = Needed(seeds_per_arm=_smallest_n(frame), examples=None, approximate=False)
    return replace(frame, outcome=Outcome.DEGENERATE, reason=fault.reason, needed=needed, notes=(fault.detail,))


def judge(
    frame: Verdict,
    result: CrossedResult | WelchResult,
    seeds_a: FloatArray,
    seeds_b: FloatArray,
    constant: tuple[str, ...],
    rng: np.random.Generator | None,
    max_enumerations: int,
) -> Verdict:
    """Fill `frame` from the primary `result` and the per-seed means [S_A], [S_B].

    `constant` names the arms whose seeds all gave the same scores though they were not declared
    deterministic.
    """
    level = frame.alpha / frame.family_size
    test = None
    if frame.margin is not None:
        test = tost(result.estimate, result.standard_error, result.df, frame.margin, frame.alpha)
    floor = _floor(frame)
    exact = _exact(frame, seeds_a, seeds_b, rng, max_enumerations)
    companion = None
    if isinstance(result, CrossedResult):
        over_seeds = welch(
            seeds_a,
            seeds_b,
            frame.alpha,
            deterministic_a=frame.deterministic[0],
            deterministic_b=frame.deterministic[1],
        )
        companion = None if isinstance(over_seeds, Degenerate) else over_seeds

    attainable = floor is None or is_attainable(floor, frame.alpha, frame.family_size)
    outcome = _outcome(frame, result, test, level) if attainable else Outcome.UNATTAINABLE
    verdict = replace(
        frame,
        outcome=outcome,
        estimate=result.estimate,
        interval=result.interval,
        p=result.p,
        p_exact=None if exact is None else exact.p,
        floor=floor,
        p_a_greater_b=probability_a_greater(seeds_a, seeds_b),
        tost=test,
        welch=companion,
    )
    notes = [
        f"every seed of {name} gave the same scores, as where training never leaves a constant answer, or a method is deterministic"
        for name in constant
    ]
    notes.extend(_collapsed(frame, result, seeds_a, seeds_b))
    if exact is None and floor is not None:
        notes.append("the exact test over seeds was left out: too many arrangements, and no generator to sample them")
    elif exact is not None and not exact.exact:
        notes.append(f"the test over seeds was sampled with {exact.arrangements} arrangements, not enumerated")
    notes.extend(_disagreements(verdict, level))
    notes.extend(_precedence(verdict, level))
    return replace(verdict, needed=_needed(verdict, result, level), notes=tuple(notes))


def _outcome(frame: Verdict, result: CrossedResult | WelchResult, test: TostResult | None, level: float) -> Outcome:
    better = None
    if result.p <= level and result.estimate != 0.0:
        better = Outcome.A_BETTER if result.estimate > 0.0 else Outcome.B_BETTER
    equivalent = Outcome.EQUIVALENT if test is not None and test.p < level else None
    order = (better, equivalent) if frame.claim == "superiority" else (equivalent, better)
    return order[0] or order[1] or Outcome.INCONCLUSIVE


def _floor(frame: Verdict) -> float | None:
    """Return the floor of the exact test over seeds; None where no arm has seeds."""
    n_a, n_b = frame.n_seeds
    if all(frame.deterministic):
        return None
    if any(frame.deterministic):
        return floor_paired(n_b if frame.deterministic[0] else n_a)
    return floor_unpaired(n_a, n_b)


def _exact(
    frame: Verdict,
    seeds_a: FloatArray,
    seeds_b: FloatArray,
    rng: np.random.Generator | None,
    max_enumerations: int,
) -> PermutationResult | None:
    if all(frame.deterministic):
        return None
    exact: PermutationResult | Degenerate
    if any(frame.deterministic):
        differences = seeds_a - seeds_b
        if rng is None and enumerations_paired(differences.size) > max_enumerations:
            return None
        exact = permutation_paired(differences, rng=rng, max_enumerations=max_enumerations)
    else:
        if rng is None and enumerations_unpaired(seeds_a.size, seeds_b.size) > max_enumerations:
            return None
        exact = permutation_unpaired(seeds_a, seeds_b, rng=rng, max_enumerations=max_enumerations)
    return None if isinstance(exact, Degenerate) else exact


def _smallest_n(frame: Verdict) -> int:
    smallest = smallest_n_paired if any(frame.deterministic) else smallest_n_unpaired
    return smallest(frame.alpha, frame.family_size)


def _needed(verdict: Verdict, result: CrossedResult | WelchResult, level: float) -> Needed | None:
    if verdict.outcome is Outcome.UNATTAINABLE:
        return Needed(seeds_per_arm=_smallest_n(verdict), examples=None, approximate=False)
    if verdict.outcome is not Outcome.INCONCLUSIVE:
        return None
    target, width = abs(result.estimate), level
    if verdict.claim == "equivalence" and verdict.margin is not None:
        target, width = verdict.margin - abs(result.estimate), 2.0 * level
    if isinstance(result, CrossedResult):
        return needed_crossed(result, target, width)
    return needed_welch(result, target, width, verdict.deterministic)


def _collapsed(
    frame: Verdict, result: CrossedResult | WelchResult, seeds_a: FloatArray, seeds_b: FloatArray
) -> list[str]:
    """Warn of the corner where the interval is off: its simulated coverage is .6 to .9 where one arm collapses at times."""
    notes = []
    arms = (result.arm_a, result.arm_b) if isinstance(result, CrossedResult) else (None, None)
    for name, scores, arm in zip("AB", (seeds_a, seeds_b), arms, strict=True):
        noise = 0.0 if arm is None else float(np.sqrt(arm.v3 * arm.n_seeds))
        count = 0 if frame.paired else seeds_apart(scores, noise)
        if count:
            notes.append(
                f"{count} of {scores.size} seeds of {name} lie far behind the others, as where training collapsed: the interval "
                "of a mean over such seeds is too narrow, so compare how often the arms collapse"
            )
    return notes


def _disagreements(verdict: Verdict, level: float) -> list[str]:
    """Say where a companion comes to another answer about the difference than the primary analysis."""
    notes: list[str] = []
    if verdict.p is None:
        return notes
    significant = verdict.p <= level
    companions = [("the exact test over seeds", verdict.p_exact)]
    if verdict.welch is not None:
        companions.append(("the paired t test over seeds" if verdict.paired else "Welch over seeds", verdict.welch.p))
    for name, p in companions:
        if p is not None and (p <= level) != significant:
            notes.append(
                f"{name}, which holds for this test file only, disagrees with the primary analysis: "
                f"p = {format_p(p)} against {format_p(verdict.p)}, at {level:.3g}"
            )
    return notes


def _precedence(verdict: Verdict, level: float) -> list[str]:
    """Say what else holds beside the outcome, and where the outcome is not the declared claim."""
    notes = []
    significant = verdict.p is not None and verdict.p <= level
    equivalent = verdict.tost is not None and verdict.tost.p < level
    decided_better = verdict.outcome in (Outcome.A_BETTER, Outcome.B_BETTER)
    if decided_better and equivalent:
        notes.append("the difference is also shown to be smaller than the margin")
    if verdict.outcome is Outcome.EQUIVALENT and significant:
        notes.append("the difference is also shown to be other than 0, though smaller than the margin")
    declared = decided_better if verdict.claim == "superiority" else verdict.outcome is Outcome.EQUIVALENT
    if not declared and (decided_better or verdict.outcome is Outcome.EQUIVALENT):
        notes.append(f"the declared claim was {verdict.claim}, so this outcome is secondary")
    p_claim = verdict.p_claim
    if verdict.outcome is Outcome.INCONCLUSIVE and p_claim is not None and level < p_claim <= verdict.alpha:
        notes.append(
            f"alone in its study this claim would pass {verdict.alpha:g}; at the first step of Holm over "
            f"{verdict.family_size} claims it does not, and a later step may decide"
        )
    return notes
