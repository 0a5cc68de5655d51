"""Components of noise: intervals by their textbook forms, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from seedwise.stats import Degenerate, DegenerateReason, Noise, noise_components


def test_intervals_are_those_of_chi_square_and_f() -> None:
    rng = np.random.default_rng(1)
    order, whole = rng.normal(0, 1, 8), rng.normal(0, 2, 10)
    found = noise_components({"order": order}, whole)
    assert isinstance(found, Noise)
    (one,) = found.components
    low, high = (7 * order.var(ddof=1) / scipy.stats.chi2(7).ppf(q) for q in (0.975, 0.025))
    assert one.interval == pytest.approx((low**0.5, high**0.5))
    share = order.var(ddof=1) / whole.var(ddof=1)
    f = scipy.stats.f(7, 9)
    assert one.share_interval == pytest.approx((share / f.ppf(0.975), share / f.ppf(0.025)))
    assert found.rest == pytest.approx(whole.var(ddof=1) - order.var(ddof=1))
    assert found.rest_interval[0] < found.rest < found.rest_interval[1]


@pytest.mark.parametrize("sds", [(1.0, 1.0, 0.5), (0.2, 2.0, 0.1)])
@pytest.mark.parametrize("n", [5, 10])
def test_the_intervals_hold_the_truth(sds: tuple[float, ...], n: int) -> None:
    rng, held = np.random.default_rng(n), {"share": 0, "rest": 0}
    rest = 0.5
    total = sum(sd**2 for sd in sds) + rest
    for _ in range(2000):
        single = {str(i): rng.normal(0, sd, n) for i, sd in enumerate(sds)}
        found = noise_components(single, rng.normal(0, total**0.5, n))
        assert isinstance(found, Noise)
        assert found.components[0].share_interval is not None
        held["share"] += (
            found.components[0].share_interval[0] <= sds[0] ** 2 / total <= found.components[0].share_interval[1]
        )
        held["rest"] += found.rest_interval[0] <= rest <= found.rest_interval[1]
    assert 0.93 < held["share"] / 2000 < 0.97
    assert 0.93 < held["rest"] / 2000 < 0.99


def test_degenerate_input_is_typed() -> None:
    found = noise_components({"order": [1.0]}, [1.0, 2.0])
    assert isinstance(found, Degenerate)
    assert found.reason is DegenerateReason.TOO_FEW_SEEDS
    still = noise_components({"order": [1.0, 2.0]}, [3.0, 3.0])
    assert isinstance(still, Noise)
    assert still.components[0].share is None
    with pytest.raises(ValueError, match="no runs"):
        noise_components({}, [1.0, 2.0])
