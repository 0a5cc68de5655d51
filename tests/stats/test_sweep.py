from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from seedwise.stats import benjamini_hochberg, holm

# The worked example of Benjamini and Hochberg (1995), section 4: four are found at .05, where Bonferroni finds three.
WORKED = (
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
)


def test_the_worked_example_of_1995() -> None:
    assert sum(p <= 0.05 for p in benjamini_hochberg(WORKED)) == 4
    assert sum(p <= 0.05 for p in holm(WORKED)) == 3


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_agrees_with_statsmodels(size: int) -> None:
    p = np.random.default_rng(size).random(size) ** 3
    p[0] = p[-1]
    assert benjamini_hochberg(p.tolist()) == pytest.approx(tuple(multipletests(p, method="fdr_bh")[1]))


def test_the_share_of_false_finds_is_kept() -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(300):
        p = rng.random(20)
        p[:5] *= 1e-3  # five true effects
        found = np.array(benjamini_hochberg(p.tolist())) <= 0.1
        shares.append(found[5:].sum() / max(1, found.sum()))
    assert 0.05 < np.mean(shares) < 0.1


def test_ends_of_the_range() -> None:
    assert benjamini_hochberg([]) == ()
    with pytest.raises(ValueError, match="enters as 1"):
        benjamini_hochberg([0.1, float("nan")])
