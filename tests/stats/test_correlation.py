"""Correlations and their pseudovalues, against scipy and against leaving each case out for real."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from seedwise.stats import Clusters, pearson, pearson_scores, spearman, spearman_scores

BOTH = [(pearson_scores, pearson, pearsonr), (spearman_scores, spearman, spearmanr)]


@pytest.mark.parametrize("step", [0.0, 0.5, 2.0], ids=["no ties", "some", "many"])
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize(("scores", "one", "reference"), BOTH)
def test_each_score_is_what_leaving_the_case_out_gives(
    scores: Callable[..., np.ndarray],
    one: Callable[..., float],
    reference: Callable[..., object],
    step: float,
    clustered: bool,
) -> None:
    rng = np.random.default_rng(3)
    gold = rng.normal(size=40)
    said = gold + rng.normal(size=(2, 40))
    if step:
        gold, said = np.round(gold / step) * step, np.round(said / step) * step
    clusters = Clusters.by_label(rng.integers(0, 12, 40).tolist()) if clustered else None
    of = np.arange(40) if clusters is None else clusters.of
    n = int(of.max()) + 1
    found = scores(gold, said, clusters)
    assert found.shape == (2, n)
    for line, row in zip(said, found, strict=True):
        whole = reference(gold, line).statistic
        assert one(gold, line) == pytest.approx(whole, abs=1e-12)
        raw = np.array(
            [n * whole - (n - 1) * reference(gold[of != case], line[of != case]).statistic for case in range(n)]
        )
        assert row == pytest.approx(raw + whole - raw.mean(), abs=1e-9)
        assert row.mean() == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("scores", [pearson_scores, spearman_scores])
def test_a_constant_answer_has_a_correlation_of_nothing(scores: Callable[..., np.ndarray]) -> None:
    gold = [0.1, 0.2, 0.4, 0.7]
    assert scores(gold, [[0.1] * 4]).tolist() == [[0.0] * 4]
    assert scores([3.0] * 4, [gold]).tolist() == [[0.0] * 4]
    assert np.isfinite(scores([0.0, 0.0, 0.0, 1.0], [gold])).all()  # without the last example the labels are constant
    assert scores([0.0, 1.0], [[1.0, 2.0]]).tolist() == [[1.0, 1.0]]
    assert scores(gold, [gold], Clusters.by_label([0, 0, 0, 0])).tolist() == [[pytest.approx(1.0)]]


@pytest.mark.parametrize(
    ("gold", "said"), [([1.0], [[1.0]]), ([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [[1.0, 2.0, 3.0]])]
)
def test_shapes_that_do_not_fit(gold: list[float], said: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"examples"):
        spearman_scores(gold, said)
