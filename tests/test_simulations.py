"""The simulation command runs and says what it found; what it finds in full is in docs/results/simulations.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import many  # type: ignore[import-not-found]  # noqa: E402
import simulated_clusters  # type: ignore[import-not-found]  # noqa: E402
import simulated_seeds  # type: ignore[import-not-found]  # noqa: E402
import simulations  # type: ignore[import-not-found]  # noqa: E402

from seedwise.stats import (  # noqa: E402
    Clusters,
    CrossedResult,
    PermutationResult,
    WelchResult,
    crossed,
    permutation_unpaired,
    welch,
)


def test_the_command_writes_every_table_the_same_each_time(tmp_path: Path) -> None:
    texts = []
    for name in ("one.md", "two.md"):
        simulations.main(["--repetitions", "20", "--seed", "3", "--out", str(tmp_path / name)])
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    for heading in (
        "## Size", "## Power and coverage", "## The other rules", "## Seeds added look by look", "## Examples in clusters",
        "## Several tasks", "## What few seeds may say", "## Seeds that lie far behind", "## P(A > B)", "## Power that a plan reckons with",
    ):  # fmt: skip
        assert heading in texts[0]
    assert "--repetitions 20 --seed 3" in texts[0]
    refused = subprocess.run(
        [sys.executable, "benchmarks/simulations.py", "--repetitions", "1"], cwd=ROOT, capture_output=True, text=True
    )
    assert "at least 20" in refused.stderr


def test_without_options_the_command_makes_the_page_in_the_documentation() -> None:
    page = (ROOT / "docs" / "results" / "simulations.md").read_text()
    assert f"--repetitions {simulations.REPETITIONS} --seed {simulations.SEED}` (or `nox -s simulate`)" in page
    assert f"drawn anew {simulations.REPETITIONS:,} times a cell" in page


def test_the_true_difference_is_that_of_very_many_draws() -> None:
    model = simulations.Model("x", examples=2000, shift=0.5, collapse=(0.0, 0.2))
    rng = np.random.default_rng(1)
    drawn = [float(scores[0].mean() - scores[1].mean()) for scores in simulations.repeated(model, 20, 40, rng)]
    assert np.mean(drawn) == pytest.approx(model.truth(), abs=4 * np.std(drawn) / 40**0.5)


@pytest.mark.parametrize("seeds", [(3, 3), (3, 10), (5, 2)])
def test_many_data_sets_at_once_are_each_as_one_alone(seeds: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(seeds))
    own = rng.normal(size=(6, 1, 30))
    a, b = (own + rng.normal(size=(6, n, 1)) + rng.normal(size=(6, n, 30)) for n in seeds)
    together, over_seeds = many.crossed_many(a, b), many.welch_many(a.mean(axis=2), b.mean(axis=2))
    exact = many.exact_many(a.mean(axis=2), b.mean(axis=2))
    fixed = many.crossed_many(a, b[:, :1], fixed_b=True)
    for i in range(6):
        alone = crossed(a[i], b[i])
        assert isinstance(alone, CrossedResult)
        assert together.error[i] == pytest.approx(alone.standard_error)
        assert together.df[i] == pytest.approx(alone.df)
        assert together.p()[i] == pytest.approx(alone.p)
        assert together.covers(0.0)[i] == (alone.interval[0] <= 0.0 <= alone.interval[1])
        by_welch = welch(a[i].mean(axis=1), b[i].mean(axis=1))
        assert isinstance(by_welch, WelchResult)
        assert over_seeds.p()[i] == pytest.approx(by_welch.p)
        by_exact = permutation_unpaired(a[i].mean(axis=1), b[i].mean(axis=1))
        assert isinstance(by_exact, PermutationResult)
        assert exact[i] == pytest.approx(by_exact.p)
        still = crossed(a[i], b[i, :1], deterministic_b=True)
        assert isinstance(still, CrossedResult)
        assert fixed.p()[i] == pytest.approx(still.p)


def test_scores_of_clusters_follow_from_their_sums() -> None:
    rng = np.random.default_rng(4)
    of = rng.integers(0, 9, 70)
    scores = rng.normal(size=(3, 70))
    clusters = Clusters.by_label(of)
    found = many.cluster_scores(clusters.sums(scores)[None], clusters.sizes)[0]
    assert found == pytest.approx(clusters.scores(scores))


@pytest.mark.parametrize(
    ("kind", "clusters", "alike"), [("1", 50, 0.0), ("20", 20, 0.4), ("1 to 40, mean 10", 50, 0.2)]
)
def test_the_interval_over_clusters_keeps_its_level(kind: str, clusters: int, alike: float) -> None:
    rng = np.random.default_rng(5)
    model = simulated_clusters.Clustered(simulated_clusters.sizes_of(kind, clusters, rng), alike)
    for seeds in (3, 10):
        assert 0.935 < simulated_clusters.covered(model, seeds, 4000, rng) < 0.968
    if alike:
        assert simulated_clusters.neglected(model, 10, 300, rng) < 0.9


def test_three_seeds_keep_the_level_and_two_do_not() -> None:
    rng = np.random.default_rng(6)
    shapes = {shape.name: shape for shape in simulated_seeds.SHAPES}
    for name in ("normal", "heavy tails: t with 3 df in both arms", "skewed: exponential in both arms"):
        assert simulated_seeds.claims(shapes[name], (3, 3), 3000, rng).mean() < 0.065
    assert simulated_seeds.claims(shapes["normal"], (2, 10), 3000, rng).mean() > 0.08
    failing = shapes["one arm collapses in 10 % of its seeds, else better"]
    assert simulated_seeds.claims(failing, (5, 5), 1000, rng).mean() > 0.2  # as the page says where it fails
