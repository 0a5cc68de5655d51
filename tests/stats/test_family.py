from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from seedwise.stats import (
    floor_paired,
    floor_unpaired,
    holm,
    is_attainable,
    smallest_n_paired,
    smallest_n_unpaired,
)


def test_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_agrees_with_statsmodels(size: int) -> None:
    p = np.random.default_rng(size).random(size) ** 3
    p[0] = p[-1]
    assert holm(p.tolist()) == pytest.approx(tuple(multipletests(p, method="holm")[1]))


def test_ends_of_the_range() -> None:
    assert holm([]) == ()
    assert holm([1.0, 1.0, 0.9]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="enters as 1"):
        holm([0.1, bad])


@pytest.mark.parametrize(
    ("family", "unpaired", "paired"),
    [(1, 4, 6), (2, 5, 7), (3, 5, 7), (4, 5, 8), (5, 5, 8), (6, 5, 8), (10, 6, 9)],
)
def test_the_smallest_n_per_arm(family: int, unpaired: int, paired: int) -> None:
    assert smallest_n_unpaired(0.05, family) == unpaired
    assert smallest_n_paired(0.05, family) == paired
    assert is_attainable(floor_unpaired(unpaired, unpaired), 0.05, family)
    assert not is_attainable(floor_unpaired(unpaired - 1, unpaired - 1), 0.05, family)
    assert is_attainable(floor_paired(paired), 0.05, family)
    assert not is_attainable(floor_paired(paired - 1), 0.05, family)


def test_a_floor_equal_to_the_level_is_attainable() -> None:
    assert is_attainable(floor_unpaired(3, 3), 0.1)
    assert is_attainable(0.1 / 3, 0.1, 3)


def test_an_empty_family_is_refused() -> None:
    with pytest.raises(ValueError, match="family_size"):
        smallest_n_unpaired(0.05, 0)
