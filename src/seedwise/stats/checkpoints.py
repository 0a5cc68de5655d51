"""Single runs: one checkpoint of each arm, or one against several seeds. What the runs are, not what the methods give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .clusters import Clusters, scores_of_draws
from .crossed import CrossedResult, crossed
from .degenerate import Degenerate, DegenerateReason
from .judge import degenerate_verdict, frame_of, judge
from .mcnemar import McNemarResult, mcnemar
from .noncentral import POWER
from .numeric import FloatArray, as_matrix, as_scores
from .permutation import MAX_ENUMERATIONS
from .power import Components, power_crossed
from .prediction import Prediction, predict
from .verdict import Claim, Question, Verdict
from .welch import welch

SEEDS_SHOWN = (3, 5, 10)


def decide_checkpoints(
    a: ArrayLike,
    b: ArrayLike,
    *,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
    clusters: Clusters | None = None,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide between arms of which one or both have a single run, higher scores being better.

    An arm with one row is one checkpoint, taken as it is. Per-example scores, both [1, E]: which of *these two checkpoints* is
    better on such examples, by the t interval over (clustered) examples of their differences, with McNemar's exact test beside
    it where scores are 0 and 1; nothing is said about the methods. One of them [S, E]: whether *this checkpoint* is better
    than the other method, whoever reruns that, on such examples (the crossed interval against a fixed arm). Per-seed scores
    [S] and [1]: the same on this test file. In the last two `prediction` tells where one more run of the seeded
    arm should lie, and so whether the single run looks like one of them. Rules, further arguments and errors are those of
    `decide_crossed`; raises ValueError where neither arm has a single run.
    """
    per_example = np.ndim(a) == 2 or np.ndim(b) == 2
    first: FloatArray = as_matrix(a, "a") if per_example else as_scores(a, "a")
    second: FloatArray = as_matrix(b, "b") if per_example else as_scores(b, "b")
    fixed = (first.shape[0] == 1, second.shape[0] == 1)
    if not any(fixed):
        raise ValueError("neither arm has a single run; decide them over their seeds")
    same = per_example and first.shape[1] == second.shape[1]
    question = Question.CHECKPOINTS if all(fixed) else Question.CHECKPOINT
    n_examples = first.shape[1] if same else None
    frame = frame_of(
        question if per_example else Question.CHECKPOINT_ON_FILE,
        (first.shape[0], second.shape[0]),
        fixed,
        alpha=alpha,
        claim=claim,
        margin=margin,
        family_size=family_size,
        require_exact=False,
        n_examples=n_examples if clusters is None else clusters.n_examples,
        n_clusters=None if clusters is None else clusters.n_clusters,
    )
    if not per_example and all(fixed):
        return degenerate_verdict(
            frame,
            Degenerate(
                DegenerateReason.TOO_FEW_SEEDS,
                "each arm has one run and one score, and nothing to measure an error by; give scores of examples, or more seeds",
            ),
        )
    options = {"deterministic_a": fixed[0], "deterministic_b": fixed[1]}
    if per_example:
        result = crossed(first, second, alpha, **options, clusters=clusters)
        if isinstance(result, Degenerate):
            return degenerate_verdict(frame, result)
        seeds_a, seeds_b = (scores_of_draws(each, clusters).mean(axis=1) for each in (first, second))
        verdict = judge(frame, result, seeds_a, seeds_b, (), rng, max_enumerations)
    else:
        seeds_a, seeds_b = first, second
        over_seeds = welch(first, second, alpha, **options)
        if isinstance(over_seeds, Degenerate):
            return degenerate_verdict(frame, over_seeds)
        verdict = judge(frame, over_seeds, first, second, (), rng, max_enumerations)
    if all(fixed):
        return replace(verdict, mcnemar=_mcnemar(first[0], second[0]), seed_sds=_seed_sds(verdict, result))
    return replace(verdict, prediction=_prediction(seeds_a, seeds_b, fixed, alpha))


def _mcnemar(a: FloatArray, b: FloatArray) -> McNemarResult | None:
    if not bool(np.isin(np.concatenate([a, b]), (0.0, 1.0)).all()):
        return None
    found = mcnemar(a, b)
    return None if isinstance(found, Degenerate) else found


def _prediction(a: FloatArray, b: FloatArray, fixed: tuple[bool, bool], alpha: float) -> Prediction | None:
    seeds, run = (b, a) if fixed[0] else (a, b)
    found = predict(seeds, float(run[0]), alpha=alpha)
    return None if isinstance(found, Degenerate) else found


def _seed_sds(verdict: Verdict, result: CrossedResult | Degenerate) -> tuple[tuple[int, float | None], ...]:
    """For 3, 5, 10 seeds an arm: the largest sd between seeds at which a true difference of this size is found with 80 % power.

    One run shows nothing of that sd, so what it takes is said for each; None where the examples alone hide the difference.
    """
    if isinstance(result, Degenerate) or not verdict.estimate:
        return ()
    size, n_draws, level = abs(verdict.estimate), result.n_draws, verdict.level
    example = result.v2 * n_draws

    def short(sd: float, n: int) -> float:
        parts = Components(seed_a=sd**2, seed_b=sd**2, example=example, residual_a=0.0, residual_b=0.0)
        return power_crossed(size, parts, n, n_draws, level) - POWER

    found: list[tuple[int, float | None]] = []
    for n in SEEDS_SHOWN:
        enough = short(1e-6 * size, n) >= 0.0
        found.append((n, float(scipy.optimize.brentq(short, 1e-6 * size, 10.0 * size, args=(n,))) if enough else None))
    return tuple(found)
