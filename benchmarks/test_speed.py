"""The suite's own speed.  `nox -s speed`; `--benchmark-save` and `--benchmark-compare` keep and compare.

Ratios within one run are what to quote: machines differ, and are noisy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seedwise.planning.plan import PlannedRun, derive_seeds
from seedwise.stats import crossed, decide_crossed, multi_bootstrap
from seedwise.store.store import Store
from seedwise_contract import RunSpec, run_id
from tests.contract.specs import SPEC
from tests.store.test_store import DIGEST, finish

Scores = NDArray[np.float64]


@pytest.fixture(scope="module")
def scores() -> tuple[Scores, Scores]:
    generator = np.random.default_rng(0)
    return tuple((generator.random((10, 2000)) < share).astype(float) for share in (0.80, 0.78))  # type: ignore[return-value]


def crossed_by_loops(a: Scores, b: Scores) -> float:
    """The variance of `crossed`, written as its formulas: what the vectorised one is measured against."""
    seeds, examples = a.shape
    v1 = v3 = 0.0
    for arm in (a, b):
        rows = [sum(row) / examples for row in arm.tolist()]
        columns = [sum(column) / seeds for column in arm.T.tolist()]
        grand = sum(rows) / seeds
        v1 += sum((row - grand) ** 2 for row in rows) / (seeds - 1) / seeds
        residual = sum(
            (value - rows[s] - columns[i] + grand) ** 2
            for s, row in enumerate(arm.tolist())
            for i, value in enumerate(row)
        )
        v3 += residual / ((seeds - 1) * (examples - 1)) / (seeds * examples)
    differences = (a.mean(axis=0) - b.mean(axis=0)).tolist()
    mean = sum(differences) / examples
    v2 = sum((d - mean) ** 2 for d in differences) / (examples - 1) / examples
    return max(v1 + v2 - v3, v1, v2)


@pytest.mark.benchmark(group="crossed interval, 10 seeds x 2,000 examples x 2 arms")
def test_crossed(benchmark: Any, scores: tuple[Scores, Scores]) -> None:
    benchmark(crossed, *scores)


@pytest.mark.benchmark(group="crossed interval, 10 seeds x 2,000 examples x 2 arms")
def test_crossed_by_loops(benchmark: Any, scores: tuple[Scores, Scores]) -> None:
    variance = benchmark(crossed_by_loops, *scores)
    result = crossed(*scores)
    assert variance == pytest.approx(result.standard_error**2)  # type: ignore[union-attr]


def multi_bootstrap_by_loop(a: Scores, b: Scores, resamples: int) -> list[float]:
    """The definition of the multi-bootstrap: draw seeds and examples, average what was drawn."""
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(resamples):
        examples = generator.integers(0, a.shape[1], a.shape[1])
        rows = [arm[np.ix_(generator.integers(0, len(arm), len(arm)), examples)].mean() for arm in (a, b)]
        drawn.append(float(rows[0] - rows[1]))
    return drawn


@pytest.mark.benchmark(group="multi-bootstrap, 10,000 resamples of 10 seeds x 2,000 examples x 2 arms")
def test_multi_bootstrap(benchmark: Any, scores: tuple[Scores, Scores]) -> None:
    benchmark.pedantic(lambda: multi_bootstrap(*scores, np.random.default_rng(0)), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="multi-bootstrap, 10,000 resamples of 10 seeds x 2,000 examples x 2 arms")
def test_multi_bootstrap_by_loop(benchmark: Any, scores: tuple[Scores, Scores]) -> None:
    drawn = benchmark.pedantic(lambda: multi_bootstrap_by_loop(*scores, 10_000), rounds=1)
    result = multi_bootstrap(*scores, np.random.default_rng(0))
    assert np.std(drawn) == pytest.approx(result.standard_error, rel=0.05)  # type: ignore[union-attr]


@pytest.mark.benchmark(group="verdict")
def test_verdict_with_exact_permutation(benchmark: Any, scores: tuple[Scores, Scores]) -> None:
    benchmark(decide_crossed, *scores)


@pytest.mark.benchmark(group="1,000 runs")
def test_identities_of_1000_runs(benchmark: Any) -> None:
    spec = RunSpec.model_validate_json(json.dumps(SPEC))
    specs = [spec.model_copy(update={"seeds": derive_seeds(seed)}) for seed in range(1000)]
    assert len(set(benchmark(lambda: [run_id(one, DIGEST) for one in specs]))) == 1000


@pytest.mark.benchmark(group="1,000 runs")
def test_finding_1000_runs_done(benchmark: Any, tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec = RunSpec.model_validate_json(json.dumps(SPEC))
    for seed in range(1000):
        one = spec.model_copy(update={"seeds": derive_seeds(seed)})
        finish(store, PlannedRun("arm", seed, one, DIGEST, run_id(one, DIGEST)))
    assert len(benchmark.pedantic(lambda: list(store.finished()), rounds=3)) == 1000
