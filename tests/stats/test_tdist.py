from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import tost


@pytest.mark.parametrize("estimate", np.linspace(-1.2, 1.2, 25).tolist())
def test_the_interval_and_the_p_value_of_tost_agree(estimate: float) -> None:
    got = tost(estimate, 0.3, 7.0, 1.0)
    inside = got.interval[0] > -1.0 and got.interval[1] < 1.0
    assert got.equivalent is inside
    assert (got.p < 0.05) is inside


def test_the_grid_above_holds_both_answers() -> None:
    answers = {tost(estimate, 0.3, 7.0, 1.0).equivalent for estimate in (0.0, 1.0)}
    assert answers == {True, False}


def test_at_the_margin_the_p_value_is_one_half() -> None:
    assert tost(1.0, 0.1, 9.0, 1.0).p == pytest.approx(0.5)
    assert tost(-1.0, 0.1, 9.0, 1.0).p_lower == pytest.approx(0.5)
