"""Two checkpoints on one test file: a description of that pair, which says nothing about how they were trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .degenerate import Degenerate, DegenerateReason, finite_fault
from .numeric import as_scores


@dataclass(frozen=True, slots=True)
class McNemarResult:
    """Examples that only A, and that only B, answered correctly; `p` is two-sided and exact."""

    only_a: int
    only_b: int
    n_examples: int
    p: float


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemarResult | Degenerate:
    """Compare two checkpoints by `correct_a` [E] and `correct_b` [E], 1 where an example is answered correctly.

    The exact form of McNemar (1947, doi 10.1007/BF02295996): given the discordant examples, those that only A answers
    are binomial with probability 1/2 (`scipy.stats.binomtest`). Examples are random, the two checkpoints are not, so it
    is reported as description and never decides a claim about a method.

    Returns `Degenerate` where no example is discordant, there is none at all, their numbers differ, or a value is not
    finite. Raises ValueError for values other than 0 and 1.
    """
    a, b = as_scores(correct_a, "correct_a"), as_scores(correct_b, "correct_b")
    if a.size != b.size:
        detail = f"A has {a.size} examples and B has {b.size}; score both on the same examples"
        return Degenerate(DegenerateReason.UNEQUAL_EXAMPLES, detail)
    if a.size == 0:
        return Degenerate(DegenerateReason.NO_DATA, "there are no examples")
    fault = finite_fault("A", a) or finite_fault("B", b)
    if fault is not None:
        return fault
    if not bool(np.isin(np.concatenate([a, b]), (0.0, 1.0)).all()):
        raise ValueError("McNemar's test takes 0 and 1, wrong and right; other scores have no discordant pairs")
    only_a, only_b = int(np.count_nonzero(a > b)), int(np.count_nonzero(b > a))
    if only_a + only_b == 0:
        return Degenerate(DegenerateReason.ZERO_VARIANCE, "both answer the same examples, so none tells them apart")
    p = float(scipy.stats.binomtest(only_a, only_a + only_b).pvalue)
    return McNemarResult(only_a=only_a, only_b=only_b, n_examples=a.size, p=p)
