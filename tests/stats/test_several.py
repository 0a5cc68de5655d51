from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedwise.stats import Degenerate, DegenerateReason, PairResult, WelchResult, all_pairs, dunnett, welch

# Blood counts from Dunnett (1955), as in scipy's documentation.
BLOOD = {
    "control": [7.40, 8.50, 7.20, 8.24, 9.84, 8.32],
    "drug a": [9.76, 8.80, 7.68, 9.36],
    "drug b": [12.80, 9.68, 12.16, 9.20, 10.55],
}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pairs(found: tuple[PairResult, ...] | Degenerate) -> tuple[PairResult, ...]:
    assert not isinstance(found, Degenerate)
    return found


def test_the_blood_counts_of_dunnett() -> None:
    first, second = pairs(dunnett(BLOOD, "control", rng()))
    assert (first.a, first.b, second.a) == ("drug a", "control", "drug b")
    assert f"{first.p:.2f}" == "0.62"
    assert second.p == pytest.approx(0.0059, abs=4e-4)
    assert [round(pair.estimate, 2) for pair in (first, second)] == [0.65, 2.63]
    assert first.interval[0] < 0 < first.interval[1]
    assert second.interval[0] > 0


def test_one_arm_against_a_control_is_students_t_test() -> None:
    two = {"a": BLOOD["drug b"], "b": BLOOD["control"]}
    (pair,) = pairs(dunnett(two, "b", rng()))
    want = stats.ttest_ind(two["a"], two["b"])
    assert pair.p == pytest.approx(want.pvalue, abs=3e-4)
    assert pair.interval == pytest.approx(tuple(want.confidence_interval()), rel=0.02)


def test_all_pairs_agree_with_scipy() -> None:
    found = pairs(all_pairs(BLOOD))
    want = stats.tukey_hsd(*BLOOD.values(), equal_var=False)  # type: ignore[call-arg,unused-ignore]
    bounds = want.confidence_interval()
    for pair, (i, j) in zip(found, [(0, 1), (0, 2), (1, 2)], strict=True):
        assert pair.p == pytest.approx(want.pvalue[i, j], rel=1e-6)
        assert pair.interval == pytest.approx((bounds.low[i, j], bounds.high[i, j]), rel=1e-5)


def test_a_single_pair_is_welch() -> None:
    a, b = BLOOD["drug b"], BLOOD["control"]
    (pair,) = pairs(all_pairs({"a": a, "b": b}))
    want = welch(a, b)
    assert isinstance(want, WelchResult)
    assert pair.p == pytest.approx(want.p, rel=1e-4)
    assert pair.interval == pytest.approx(want.interval, rel=1e-4)


@pytest.mark.parametrize(
    ("arms", "reason"),
    [
        ({"a": [1.0], "b": [1.0, 2.0]}, DegenerateReason.TOO_FEW_SEEDS),
        ({"a": [1.0, np.nan], "b": [1.0, 2.0]}, DegenerateReason.NOT_FINITE),
        ({"a": [1.0, 1.0], "b": [2.0, 2.0]}, DegenerateReason.ZERO_VARIANCE),
    ],
)
def test_degenerate_input_is_typed(arms: dict[str, list[float]], reason: DegenerateReason) -> None:
    for got in (dunnett(arms, "a", rng()), all_pairs(arms)):
        assert isinstance(got, Degenerate)
        assert got.reason is reason


def test_a_constant_pair_among_others_is_named() -> None:
    got = all_pairs({"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [1.0, 2.0]})
    assert isinstance(got, Degenerate)
    assert got.detail.startswith("a against b")


def test_what_is_no_family_is_refused() -> None:
    with pytest.raises(ValueError, match="no arm 'x' among control"):
        dunnett(BLOOD, "x", rng())
    with pytest.raises(ValueError, match="two arms are needed"):
        all_pairs({"a": [1.0, 2.0]})
