"""From scores to a verdict: the rules of precedence between floor, superiority and equivalence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .crossed import crossed
from .degenerate import Degenerate
from .judge import check_rules, degenerate_verdict, judge
from .numeric import FloatArray, as_matrix, as_scores
from .permutation import MAX_ENUMERATIONS
from .verdict import Claim, Outcome, Question, Verdict
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
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide a claim from per-example scores `a` [S_A, E] and `b` [S_B, E], higher being better.

    Seeds and examples are both random. The crossed t interval is primary (see `crossed`); Welch and the exact
    test over seeds are companions for this test file, and a note says where they disagree. In order:

    1. DEGENERATE where the crossed analysis is undefined.
    2. UNATTAINABLE where the floor of the exact test over seeds is above alpha / family_size (Holm's first
       step), whatever the claim. With one deterministic arm that test flips the signs of the other arm's
       differences from it, with floor 2 / 2^n, and is exact if those are symmetric about 0. With two there is
       no such test and no floor.
    3. The declared claim: superiority where p <= alpha / family_size, equivalence where TOST has p < alpha /
       family_size.
    4. Failing that, the other of the two, noted as undeclared. The null hypotheses of the two exclude each
       other, so trying both costs nothing in a family of one (Goeman, Solari and Stijnen 2010, doi
       10.1002/sim.4002).
    5. INCONCLUSIVE, with the seeds and the examples that would decide.

    Within a family this is the first step of Holm for every claim, so it never claims too much;
    `resolve_family` then takes the later steps. `rng` is used only above `max_enumerations` arrangements of
    the seeds.

    Raises ValueError for an equivalence claim without margin, a margin that is not positive, an alpha outside
    (0, 0.5), a family_size below 1, and arrays of the wrong shape (see `crossed`).
    """
    check_rules(alpha, claim, margin, family_size)
    scores_a, scores_b = as_matrix(a, "a"), as_matrix(b, "b")
    deterministic = (deterministic_a, deterministic_b)
    result = crossed(scores_a, scores_b, alpha, deterministic_a=deterministic_a, deterministic_b=deterministic_b)
    question = Question.EXAMPLES if all(deterministic) else Question.SEEDS_AND_EXAMPLES
    frame = Verdict(
        outcome=Outcome.INCONCLUSIVE,
        question=question,
        claim=claim,
        alpha=alpha,
        family_size=family_size,
        n_seeds=(scores_a.shape[0], scores_b.shape[0]),
        deterministic=deterministic,
        n_examples=scores_a.shape[1] if scores_a.shape[1] == scores_b.shape[1] else None,
        margin=margin,
    )
    if isinstance(result, Degenerate):
        return degenerate_verdict(frame, result)
    constant = _undeclared_constants((scores_a, scores_b), deterministic)
    return judge(frame, result, scores_a.mean(axis=1), scores_b.mean(axis=1), constant, rng, max_enumerations)


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
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide a claim from per-seed scores [S_A] and [S_B] alone: seeds are random, the test file is fixed.

    For published scores, and for metrics that are no mean over examples. Welch's interval is primary; rules,
    arguments and errors are those of `decide_crossed`.
    """
    check_rules(alpha, claim, margin, family_size)
    a, b = as_scores(scores_a, "scores_a"), as_scores(scores_b, "scores_b")
    deterministic = (deterministic_a, deterministic_b)
    result = welch(a, b, alpha, deterministic_a=deterministic_a, deterministic_b=deterministic_b)
    frame = Verdict(
        outcome=Outcome.INCONCLUSIVE,
        question=Question.SEEDS,
        claim=claim,
        alpha=alpha,
        family_size=family_size,
        n_seeds=(a.size, b.size),
        deterministic=deterministic,
        margin=margin,
    )
    if isinstance(result, Degenerate):
        return degenerate_verdict(frame, result)
    constant = _undeclared_constants((a, b), deterministic)
    return judge(frame, result, a, b, constant, rng, max_enumerations)


def _undeclared_constants(arms: tuple[FloatArray, FloatArray], deterministic: tuple[bool, bool]) -> tuple[str, ...]:
    return tuple(
        name
        for name, scores, declared in zip("AB", arms, deterministic, strict=True)
        if not declared and bool((scores == scores[0]).all())
    )
