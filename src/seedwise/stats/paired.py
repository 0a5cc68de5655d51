"""Designs in which both arms truly share their seeds: seed i of A and seed i of B are one draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .clusters import Clusters, scores_of_draws
from .crossed import CrossedResult, crossed, layout_fault
from .degenerate import Degenerate, DegenerateReason
from .judge import degenerate_verdict, frame_of, judge
from .notes import notes_on_scores
from .numeric import FloatArray, as_matrix, as_scores
from .permutation import MAX_ENUMERATIONS
from .verdict import Claim, Question, Verdict
from .welch import WelchResult, check_pairs, welch_paired


def crossed_paired(
    a: ArrayLike, b: ArrayLike, alpha: float = 0.05, *, clusters: Clusters | None = None
) -> CrossedResult | Degenerate:
    """Compare two arms on shared examples *and* shared seeds: `a` and `b` are both [S, E], row i being one seed.

    With D[s, i] = a[s, i] - b[s, i] this is the two-way layout of D alone: V1 = var_s(row means of D) / S, V2 =
    var_i(column means of D) / E, V3 = MS_residual(D) / (S E); variance and degrees of freedom as in `crossed`, of
    which this is the case of D against a constant 0. `arm_b` of the result therefore adds nothing.

    Assumes that the seed fixes something that both arms use (the same initial head and the same order of the same
    data, say). Two programs that were merely given the same number share nothing; pairing them then costs degrees of
    freedom and gains nothing. Whether seeds are shared is for the caller to check. Returns `Degenerate` as `crossed`
    does, and takes `clusters` alike; raises ValueError for arms with a different number of seeds.
    """
    scores_a, scores_b = as_matrix(a, "a"), as_matrix(b, "b")
    check_pairs(scores_a.shape[0], scores_b.shape[0])
    fault = layout_fault((scores_a, scores_b), (False, False), clusters)
    if fault is not None:
        return fault
    zero = np.zeros((1, scores_a.shape[1]))
    return crossed(scores_a - scores_b, zero, alpha, deterministic_b=True, clusters=clusters)


def decide_paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
    clusters: Clusters | None = None,
    require_exact: bool = False,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide a claim from arms that share their seeds: per-example scores [S, E], or per-seed scores [S].

    The rules are those of `decide_crossed` and `decide_scores`; the exact test flips the signs of the S paired
    differences, so its floor is 2 / 2^S: six seeds are needed at .05 where four do unpaired. P(A > B) is the share of
    pairs that A wins, a tie counting half. Assumptions and errors as for `crossed_paired`.
    """
    per_example = np.ndim(a) == 2 or np.ndim(b) == 2
    first: FloatArray = as_matrix(a, "a") if per_example else as_scores(a, "a")
    second: FloatArray = as_matrix(b, "b") if per_example else as_scores(b, "b")
    check_pairs(first.shape[0], second.shape[0])
    same_examples = per_example and first.shape[1] == second.shape[1]
    n_examples = first.shape[1] if same_examples else None
    frame = frame_of(
        Question.SEEDS_AND_EXAMPLES if per_example else Question.SEEDS,
        (first.shape[0], second.shape[0]),
        (False, False),
        paired=True,
        alpha=alpha,
        claim=claim,
        margin=margin,
        family_size=family_size,
        require_exact=require_exact,
        n_examples=n_examples if clusters is None else clusters.n_examples,
        n_clusters=None if clusters is None else clusters.n_clusters,
    )
    result: CrossedResult | WelchResult | Degenerate
    if per_example:
        result = crossed_paired(first, second, alpha, clusters=clusters)
    else:
        result = welch_paired(first, second, alpha)
    notes = notes_on_scores(first, second, (True, True))
    if isinstance(result, Degenerate):
        return degenerate_verdict(frame, result, notes)
    if per_example:
        first, second = (scores_of_draws(each, clusters).mean(axis=1) for each in (first, second))
    return judge(frame, result, first, second, notes, rng, max_enumerations)


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
    require_exact: bool = False,
    n_clusters: int | None = None,
) -> Verdict:
    """Return the verdict on arms that were declared paired but share no seeds, as the caller found: DEGENERATE, with `why`.

    Deciding them as independent would be another design than the declared one. Arguments as for `decide_paired`.
    """
    frame = frame_of(
        Question.SEEDS if n_examples is None else Question.SEEDS_AND_EXAMPLES,
        (n_a, n_b),
        (False, False),
        paired=True,
        alpha=alpha,
        claim=claim,
        margin=margin,
        family_size=family_size,
        require_exact=require_exact,
        n_examples=n_examples,
        n_clusters=n_clusters,
    )
    return degenerate_verdict(frame, Degenerate(DegenerateReason.NOT_SHARED, why))
