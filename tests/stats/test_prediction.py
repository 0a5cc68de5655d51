from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import Degenerate, DegenerateReason, Prediction, predict

RTE = [0.8849, 0.8812, 0.8669, 0.8849, 0.8777]


def result(*args: object, **kwargs: object) -> Prediction:
    found = predict(*args, **kwargs)  # type: ignore[arg-type]
    assert isinstance(found, Prediction)
    return found


def test_one_more_run_and_a_mean_of_five() -> None:
    assert result(RTE).interval == pytest.approx((0.8564, 0.9018), abs=5e-5)
    assert result(RTE, runs=5).interval == pytest.approx((0.8660, 0.8922), abs=5e-5)


def test_a_published_number() -> None:
    got = result([29.69, 29.62, 30.36], 32.9)
    assert got.interval == pytest.approx((27.86, 31.92), abs=0.005)
    assert got.inside is False
    assert got.p is not None
    assert got.p < 0.05
    assert result([29.69, 29.62, 30.36], 31.9).inside is True


def test_a_new_run_lies_within_as_often_as_said() -> None:
    rng = np.random.default_rng(1)
    for seeds in (3, 10):
        draws = rng.normal(0, 1, (3000, seeds + 1))
        inside = [result(row[:-1], float(row[-1])).inside for row in draws]
        assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_faults() -> None:
    for scores, reason in (([0.8], DegenerateReason.TOO_FEW_SEEDS), ([0.8, 0.8], DegenerateReason.ZERO_VARIANCE)):
        found = predict(scores)
        assert isinstance(found, Degenerate)
        assert found.reason is reason
    lost = predict([0.8, 0.7], float("nan"))
    assert isinstance(lost, Degenerate)
    assert lost.reason is DegenerateReason.NOT_FINITE
    with pytest.raises(ValueError, match="at least one run"):
        predict([0.8, 0.7], runs=0)
