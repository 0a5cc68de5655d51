from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as by_statsmodels

from seedwise.stats import Degenerate, DegenerateReason, McNemarResult, mcnemar


def pair(both: int, only_a: int, only_b: int, neither: int) -> tuple[list[int], list[int]]:
    a = [1] * (both + only_a) + [0] * (only_b + neither)
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return a, b


def test_by_hand() -> None:
    got = mcnemar(*pair(20, 9, 1, 5))
    assert got == McNemarResult(only_a=9, only_b=1, n_examples=35, p=pytest.approx(2 * (1 + 10) / 2**10))


# The second table holds the approval ratings of Agresti, Categorical Data Analysis.
@pytest.mark.parametrize("table", [(20, 9, 1, 5), (794, 150, 86, 570), (3, 4, 4, 0), (0, 0, 6, 0)])
def test_agrees_with_statsmodels(table: tuple[int, int, int, int]) -> None:
    both, only_a, only_b, neither = table
    got = mcnemar(*pair(*table))
    assert isinstance(got, McNemarResult)
    want = by_statsmodels([[both, only_a], [only_b, neither]], exact=True)
    assert got.p == pytest.approx(min(1.0, want.pvalue))


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ([1, 0, 1], [1, 0, 1], DegenerateReason.ZERO_VARIANCE),
        ([1, 0], [1, 0, 1], DegenerateReason.UNEQUAL_EXAMPLES),
        ([], [], DegenerateReason.NO_DATA),
        ([1, np.nan], [1, 0], DegenerateReason.NOT_FINITE),
    ],
)
def test_degenerate_input_is_typed(a: list[float], b: list[float], reason: DegenerateReason) -> None:
    got = mcnemar(a, b)
    assert isinstance(got, Degenerate)
    assert got.reason is reason


def test_other_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="0 and 1"):
        mcnemar([0.5, 1.0], [1.0, 0.0])
