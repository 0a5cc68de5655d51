"""From scores to a verdict: the rules of precedence between seeds, superiority and equivalence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .clusters import Clusters, scores_of_draws
from .crossed import crossed
from .degenerate import Degenerate, DegenerateReason
from .judge import degenerate_verdict, frame_of, judge
from .notes import notes_on_scores
from .numeric import as_matrix, as_scores
from .permutation import MAX_ENUMERATIONS
from .verdict import Claim, Question, Verdict
from .welch import welch


def decide_crossed(
    a: ArrayLike,
    b: ArrayLike,
    *,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
    clusters: Clusters | None = None,
    require_exact: bool = False,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide a claim from per-example scores `a` [S_A, E] and `b` [S_B, E], higher being better.

    Seeds and examples are both random; with `clusters`, whole clusters of examples are (see `crossed`). The crossed t
    interval is primary; Welch and the exact test over seeds are companions for this test file, and a note says where they
    disagree. In order:

    1. DEGENERATE where the crossed analysis is undefined.
    2. UNATTAINABLE where an arm that is not deterministic has fewer than three seeds: with two the crossed test is wrong
       two to three times too often. With `require_exact` also where a superiority claim's exact test over seeds could not
       reach alpha / family_size (Holm's first step): a rule that a study may set itself. With one deterministic arm that
       test flips the signs of the other arm's differences from it, with floor 2 / 2^n, and is exact if those are
       symmetric about 0. With two there is no such test and no floor.
    3. The declared claim: superiority where p <= alpha / family_size (with `require_exact` of the exact test as well),
       equivalence where TOST has p < alpha / family_size.
    4. Failing that, the other of the two, noted as undeclared. The null hypotheses of the two exclude each
       other, so trying both costs nothing in a family of one (Goeman, Solari and Stijnen 2010, doi
       10.1002/sim.4002).
    5. INCONCLUSIVE, with the seeds and the examples that would decide with 80 % power.

    A decided outcome carries its `basis`: confirmed by the exact test, or resting on seeds that scatter near normally. Within
    a family this is the first step of Holm for every claim, so it never claims too much;
    `resolve_family` then takes the later steps. `rng` is used only above `max_enumerations` arrangements of
    the seeds.

    Raises ValueError for an equivalence claim without margin, a margin that is not positive, an alpha outside
    (0, 0.5), a family_size below 1, and arrays of the wrong shape (see `crossed`).
    """
    scores_a, scores_b = as_matrix(a, "a"), as_matrix(b, "b")
    deterministic = (deterministic_a, deterministic_b)
    n_columns = scores_a.shape[1] if scores_a.shape[1] == scores_b.shape[1] else None
    frame = frame_of(
        Question.EXAMPLES if all(deterministic) else Question.SEEDS_AND_EXAMPLES,
        (scores_a.shape[0], scores_b.shape[0]),
        deterministic,
        alpha=alpha,
        claim=claim,
        margin=margin,
        family_size=family_size,
        require_exact=require_exact,
        n_examples=n_columns if clusters is None else clusters.n_examples,
        n_clusters=None if clusters is None else clusters.n_clusters,
    )
    result = crossed(
        scores_a, scores_b, alpha, deterministic_a=deterministic_a, deterministic_b=deterministic_b, clusters=clusters
    )
    notes = notes_on_scores(scores_a, scores_b, deterministic)
    if isinstance(result, Degenerate) and result.reason is not DegenerateReason.ZERO_VARIANCE:
        return degenerate_verdict(frame, result, notes)
    seeds_a, seeds_b = (scores_of_draws(each, clusters).mean(axis=1) for each in (scores_a, scores_b))
    if isinstance(result, Degenerate):
        return degenerate_verdict(frame, result, notes, (seeds_a, seeds_b))
    return judge(frame, result, seeds_a, seeds_b, notes, rng, max_enumerations)


def decide_scores(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    *,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
    require_exact: bool = False,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide a claim from per-seed scores [S_A] and [S_B] alone: seeds are random, the test file is fixed.

    For published scores, and for metrics that are no mean over examples. Welch's interval is primary; rules,
    arguments and errors are those of `decide_crossed`.
    """
    a, b = as_scores(scores_a, "scores_a"), as_scores(scores_b, "scores_b")
    deterministic = (deterministic_a, deterministic_b)
    frame = frame_of(
        Question.SEEDS,
        (a.size, b.size),
        deterministic,
        alpha=alpha,
        claim=claim,
        margin=margin,
        family_size=family_size,
        require_exact=require_exact,
    )
    result = welch(a, b, alpha, deterministic_a=deterministic_a, deterministic_b=deterministic_b)
    notes = notes_on_scores(a, b, deterministic)
    if isinstance(result, Degenerate):
        return degenerate_verdict(frame, result, notes, (a, b))
    return judge(frame, result, a, b, notes, rng, max_enumerations)
