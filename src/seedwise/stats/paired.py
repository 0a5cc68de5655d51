"""Designs in which both arms truly share their seeds: seed i of A and seed i of B are one draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from .crossed import CrossedResult, crossed
from .degenerate import Degenerate, DegenerateReason, finite_fault
from .judge import check_rules, degenerate_verdict, judge
from .numeric import FloatArray, as_matrix, as_scores
from .permutation import MAX_ENUMERATIONS
from .verdict import Claim, Outcome, Question, Verdict
from .welch import WelchResult, welch


def crossed_paired(a: ArrayLike, b: ArrayLike, alpha: float = 0.05) -> CrossedResult | Degenerate:
    """Compare two arms on shared examples *and* shared seeds: `a` and `b` are both [S, E], row i being one seed.

    With D[s, i] = a[s, i] - b[s, i] this is the two-way layout of D alone: V1 = var_s(row means of D) / S, V2 =
    var_i(column means of D) / E, V3 = MS_residual(D) / (S E); variance and degrees of freedom as in `crossed`, of
    which this is the case of D against a constant 0. `arm_b` of the result therefore adds nothing.

    Assumes that the seed fixes something that both arms use (the same initial head and the same order of the same
    data, say). Two programs that were merely given the same number share nothing; pairing them then costs degrees of
    freedom and gains nothing. Whether seeds are shared is for the caller to check. Returns `Degenerate` as `crossed`
    does; raises ValueError for arms with a different number of seeds.
    """
    scores_a, scores_b = as_matrix(a, "a"), as_matrix(b, "b")
    _check_pairs(scores_a.shape[0], scores_b.shape[0])
    fault = _fault(scores_a, scores_b)
    if fault is not None:
        return fault
    return crossed(scores_a - scores_b, np.zeros((1, scores_a.shape[1])), alpha, deterministic_b=True)


def welch_paired(a: ArrayLike, b: ArrayLike, alpha: float = 0.05) -> WelchResult | Degenerate:
    """Compare per-seed scores `a` [S] and `b` [S] of shared seeds by the paired t test (Student 1908).

    With the figures of `scipy.stats.ttest_rel`, which gives p = 0 where all differences are equal; here that is
    `Degenerate`. For this test file only. Assumptions and errors as for `crossed_paired`.
    """
    scores_a, scores_b = as_scores(a, "a"), as_scores(b, "b")
    _check_pairs(scores_a.size, scores_b.size)
    fault = finite_fault("a", scores_a) or finite_fault("b", scores_b)
    return fault or welch(scores_a - scores_b, [0.0], alpha, deterministic_b=True)


def decide_paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide a claim from arms that share their seeds: per-example scores [S, E], or per-seed scores [S].

    The rules are those of `decide_crossed` and `decide_scores`; the exact test flips the signs of the S paired
    differences, so its floor is 2 / 2^S: six seeds are needed at .05 where four do unpaired. P(A > B) is the share of
    pairs that A wins, a tie counting half. Assumptions and errors as for `crossed_paired`.
    """
    check_rules(alpha, claim, margin, family_size)
    per_example = np.ndim(a) == 2 or np.ndim(b) == 2
    first: FloatArray = as_matrix(a, "a") if per_example else as_scores(a, "a")
    second: FloatArray = as_matrix(b, "b") if per_example else as_scores(b, "b")
    _check_pairs(first.shape[0], second.shape[0])
    same_examples = per_example and first.shape[1] == second.shape[1]
    # One draw against a constant 0: the floor, the exact test and the seeds needed of that design are those of pairs.
    frame = Verdict(
        outcome=Outcome.INCONCLUSIVE,
        question=Question.SEEDS_AND_EXAMPLES if per_example else Question.SEEDS,
        claim=claim,
        alpha=alpha,
        family_size=family_size,
        n_seeds=(first.shape[0], 1),
        deterministic=(False, True),
        paired=True,
        n_examples=first.shape[1] if same_examples else None,
        margin=margin,
    )
    result = crossed_paired(first, second, alpha) if per_example else welch_paired(first, second, alpha)
    if isinstance(result, Degenerate):
        verdict = degenerate_verdict(frame, result)
    else:
        difference = first - second
        seeds = difference.mean(axis=1) if per_example else difference
        verdict = judge(frame, result, seeds, np.zeros(1), (), rng, max_enumerations)
    return replace(verdict, n_seeds=(first.shape[0], second.shape[0]), deterministic=(False, False))


def refused_pairs(
    n_a: int,
    n_b: int,
    n_examples: int | None,
    why: str,
    *,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
    rng: np.random.Generator | None = None,
) -> Verdict:
    """Return the verdict on arms that were declared paired but share no seeds, as the caller found: DEGENERATE, with `why`.

    Deciding them as independent would be another design than the declared one. Arguments as for `decide_paired`.
    """
    check_rules(alpha, claim, margin, family_size)
    frame = Verdict(
        outcome=Outcome.INCONCLUSIVE,
        question=Question.SEEDS if n_examples is None else Question.SEEDS_AND_EXAMPLES,
        claim=claim,
        alpha=alpha,
        family_size=family_size,
        n_seeds=(n_a, n_b),
        deterministic=(False, False),
        paired=True,
        n_examples=n_examples,
        margin=margin,
    )
    return degenerate_verdict(frame, Degenerate(DegenerateReason.NOT_SHARED, why))


def _check_pairs(n_a: int, n_b: int) -> None:
    if n_a != n_b:
        raise ValueError(f"paired arms need the same seeds; a has {n_a} and b has {n_b}")


def _fault(a: FloatArray, b: FloatArray) -> Degenerate | None:
    if a.shape[1] != b.shape[1]:
        detail = f"a has {a.shape[1]} examples and b has {b.shape[1]}; score both arms on the same examples"
        return Degenerate(DegenerateReason.UNEQUAL_EXAMPLES, detail)
    return finite_fault("a", a) or finite_fault("b", b)
