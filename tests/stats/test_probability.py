from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import probability_a_greater


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        ([2.0, 3.0], [1.0, 0.0], 1.0),
        ([1.0, 0.0], [2.0, 3.0], 0.0),
        ([1.0, 3.0], [1.0, 2.0], (0.5 + 0 + 1 + 1) / 4),
        ([0.1 + 0.2], [0.3], 0.5),
    ],
)
def test_pairs_are_counted_and_ties_count_half(a: list[float], b: list[float], want: float) -> None:
    assert probability_a_greater(a, b) == want


def test_is_the_statistic_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 6, 9).astype(float), rng.integers(0, 5, 7).astype(float)
    assert probability_a_greater(a, b) == pytest.approx(stats.mannwhitneyu(a, b).statistic / 63)
    assert probability_a_greater(b, a) == pytest.approx(1 - stats.mannwhitneyu(a, b).statistic / 63)


def test_undefined_is_none() -> None:
    assert probability_a_greater([], [1.0]) is None
    assert probability_a_greater([float("nan")], [1.0]) is None
