"""Two accuracies of which only the size of the test set is known: the test of two proportions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .degenerate import Degenerate, DegenerateReason
from .judge import degenerate_verdict, frame_of, judge
from .needed import Needed
from .noncentral import MAX_EXAMPLES
from .tdist import t_half_width, t_interval, t_p
from .verdict import Claim, Outcome, Question, Verdict
from .welch import WelchResult, satterthwaite

_FEWEST = 5  # right and wrong answers of each, below which a share does not scatter near normally
_POWER = 0.8


def decide_shares(
    a: float,
    b: float,
    n: int,
    *,
    whole: float = 1.0,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
) -> Verdict:
    """Decide between two checkpoints by their shares of right answers to `n` examples each, `a` and `b` within [0, `whole`] (1, or 100
    for percent).

    The test of two proportions with their own variances (Wald; Agresti, Categorical Data Analysis, 2013, 3.1.1), with the sample
    variances and degrees of freedom of Welch's test on right and wrong answers, which `n` makes the normal's. Answers to the
    same examples mostly agree, which their shares do not tell, so the error is as a rule too large. Nothing is said about the
    methods. Raises ValueError for a share outside these bounds or an `n` below 2.
    """
    if not (0.0 <= a <= whole and 0.0 <= b <= whole):
        raise ValueError(f"shares lie between 0 and {whole:g}; they are {a:g} and {b:g}")
    if n < 2:
        raise ValueError(f"a share of right answers is of 2 examples or more; n is {n}")
    frame = frame_of(
        Question.CHECKPOINTS,
        (1, 1),
        (True, True),
        alpha=alpha,
        claim=claim,
        margin=margin,
        family_size=family_size,
        require_exact=False,
        n_examples=n,
    )
    fewest = min(share / whole * n for share in (a, whole - a, b, whole - b))
    if fewest < _FEWEST - 0.5:
        return degenerate_verdict(
            frame,
            Degenerate(
                DegenerateReason.ZERO_VARIANCE,
                f"a share of {n} examples with fewer than {_FEWEST} right or wrong answers has no error that can be told from it; "
                "give scores of examples",
            ),
        )
    variances = [share * (whole - share) * n / (n - 1) for share in (a, b)]
    error, df = math.sqrt(sum(variances) / n), satterthwaite([(variance / n, n - 1) for variance in variances])
    result = WelchResult(
        a - b, t_interval(a - b, error, df, alpha), t_p(a - b, error, df), alpha, error, df, n, n, *variances
    )
    said = (
        f"from two shares of {n} examples alone: which of them each got right is not known, so they count as {n} examples of their own "
        "each, which as a rule makes the interval too wide; scores of examples would pair them"
    )
    verdict = judge(frame, result, np.array([a]), np.array([b]), (said,), None, 0)
    needed = _examples(result, verdict.level) if verdict.outcome is Outcome.INCONCLUSIVE and margin is None else None
    return replace(verdict, parts=None, needed=needed)


def _examples(result: WelchResult, level: float) -> Needed | None:
    """Examples each at which a difference of this size is found with 80 % power."""
    if result.estimate == 0.0:
        return None
    wanted = t_half_width(1.0, 1e9, level) + t_half_width(1.0, 1e9, 2.0 * (1.0 - _POWER))
    n = math.ceil(wanted**2 * (result.variance_a + result.variance_b) / result.estimate**2)
    return Needed(seeds_per_arm=None, examples=n if n <= MAX_EXAMPLES else None, approximate=True)
