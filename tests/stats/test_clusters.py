"""One partition of the examples, from which every route takes its draws."""

from __future__ import annotations

import numpy as np
import pytest

from seedwise.stats import (
    Clusters,
    CrossedResult,
    Degenerate,
    DegenerateReason,
    MultiBootstrapResult,
    NonInferiority,
    Outcome,
    confusion_scores,
    crossed,
    crossed_paired,
    decide_crossed,
    decide_paired,
    f1,
    macro_f1,
    matthews,
    multi_bootstrap,
    noninferiority,
    perplexity_scores,
    ratio_scores,
    sentence,
)
from seedwise.stats.numeric import FloatArray

from .simulate import clustered, logistic


def by_hand(row: FloatArray, labels: list[int]) -> list[float]:
    """Leave each cluster out and average what is left."""
    clusters = list(dict.fromkeys(labels))
    n, whole = len(clusters), float(np.mean(row))
    raw = [
        n * whole - (n - 1) * float(np.mean([x for x, k in zip(row, labels, strict=True) if k != c])) for c in clusters
    ]
    return [value - float(np.mean(raw)) + whole for value in raw]


LABELS = [3, 3, 1, 3, 0, 0, 1, 7, 7, 7, 7, 7]


def test_scores_of_clusters_are_the_pseudovalues_by_hand() -> None:
    rng = np.random.default_rng(1)
    scores, clusters = rng.random((3, 12)), Clusters.by_label(LABELS)
    found = clusters.scores(scores)
    assert (clusters.n_clusters, clusters.n_examples, clusters.sizes.tolist()) == (4, 12, [3, 2, 2, 5])
    for row, got in zip(scores, found, strict=True):
        assert got == pytest.approx(by_hand(row, LABELS))
    assert found.mean(axis=1) == pytest.approx(scores.mean(axis=1))


def test_equal_clusters_are_their_means() -> None:
    rng = np.random.default_rng(2)
    scores = rng.random((4, 60))
    clusters = Clusters.by_label(np.repeat(np.arange(12), 5))
    assert clusters.scores(scores) == pytest.approx(scores.reshape(4, 12, 5).mean(axis=2))


def test_clusters_of_one_example_change_no_digit() -> None:
    y = logistic(np.random.default_rng(3), 1, 5, shift=0.3)[0]
    single = Clusters.by_label(f"film {i}" for i in range(y.shape[2]))
    plain, by_cluster = crossed(y[0], y[1]), crossed(y[0], y[1], clusters=single)
    assert isinstance(plain, CrossedResult)
    assert isinstance(by_cluster, CrossedResult)
    for name in ("estimate", "interval", "p", "standard_error", "variance", "df", "v2", "arm_a", "arm_b", "n_examples"):
        assert getattr(by_cluster, name) == getattr(plain, name)
    for metric in (matthews, macro_f1):
        gold = np.arange(277) % 2
        said = np.where(y[0] > 0.5, gold, 1 - gold)
        assert np.array_equal(confusion_scores(gold, said, 2, metric, single), confusion_scores(gold, said, 2, metric))
    tokens = np.arange(277) % 7 + 1.0
    assert np.array_equal(perplexity_scores(y[0], tokens, single), perplexity_scores(y[0], tokens))
    rng = [np.random.default_rng(1) for _ in range(2)]
    assert multi_bootstrap(y[0], y[1], rng[0], resamples=200) == multi_bootstrap(
        y[0], y[1], rng[1], resamples=200, clusters=single
    )
    pairs = crossed_paired(y[0], y[1]), crossed_paired(y[0], y[1], clusters=single)
    assert isinstance(pairs[0], CrossedResult)
    assert isinstance(pairs[1], CrossedResult)
    assert pairs[0].interval == pairs[1].interval


def test_order_and_names_of_clusters_do_not_matter() -> None:
    y = logistic(np.random.default_rng(4), 1, 4, examples=90, shift=0.3)[0]
    labels = np.random.default_rng(5).integers(0, 25, 90)
    order = np.random.default_rng(6).permutation(90)
    one = crossed(y[0], y[1], clusters=Clusters.by_label(labels))
    other = crossed(y[0][:, order], y[1][:, order], clusters=Clusters.by_label(f"x{k}" for k in labels[order]))
    assert isinstance(one, CrossedResult)
    assert isinstance(other, CrossedResult)
    assert other.interval == pytest.approx(one.interval)


def test_a_metric_that_is_no_mean_leaves_out_whole_clusters() -> None:
    rng = np.random.default_rng(7)
    gold, said = rng.integers(0, 2, 12), rng.integers(0, 2, (2, 12))
    clusters = Clusters.by_label(LABELS)

    def metric(counts: FloatArray) -> FloatArray:
        return f1(counts, 1)

    scores = confusion_scores(gold, said, 2, metric, clusters)
    names = list(dict.fromkeys(LABELS))

    def value(answers: np.ndarray, keep: np.ndarray) -> float:  # type: ignore[type-arg]
        hits = int(((gold == 1) & (answers == 1))[keep].sum())
        total = int((gold == 1)[keep].sum() + (answers == 1)[keep].sum())
        return 2 * hits / total

    for row, answers in zip(scores, said, strict=True):
        whole = value(answers, np.full(12, True))
        raw = np.array([4 * whole - 3 * value(answers, np.array(LABELS) != name) for name in names])
        assert row == pytest.approx(raw - raw.mean() + whole)


def test_ratios_leave_out_whole_clusters() -> None:
    rng = np.random.default_rng(8)
    errors, words = rng.integers(0, 4, (3, 12)).astype(float), rng.integers(4, 9, 12).astype(float)
    scores = ratio_scores(errors, words, Clusters.by_label(LABELS))
    keep = np.array(LABELS) != 7
    whole = errors[1].sum() / words.sum()
    raw_last = 4 * whole - 3 * errors[1][keep].sum() / words[keep].sum()
    alone = ratio_scores(errors, words)
    assert scores.shape == (3, 4)
    assert scores.mean(axis=1) == pytest.approx(errors.sum(axis=1) / words.sum())
    assert alone.mean(axis=1) == pytest.approx(errors.sum(axis=1) / words.sum())
    raws = [
        4 * whole - 3 * errors[1][np.array(LABELS) != name].sum() / words[np.array(LABELS) != name].sum()
        for name in (3, 1, 0)
    ]
    assert scores[1, 3] == pytest.approx(raw_last - np.mean([*raws, raw_last]) + whole)


def test_a_passage_s_questions_are_no_independent_examples() -> None:
    """Twelve passages of ten questions: as examples a clear find, as passages none."""
    arms: dict[str, list[list[int]]] = {"a": [], "b": []}
    for arm, rows in arms.items():
        for s in range(4):
            rows.append(
                [
                    int((p % 4 != 3 and (arm == "a" or p not in (0, 5))) != ((p * 7 + q * 3 + s * 5) % 11 == 0))
                    for p in range(12)
                    for q in range(10)
                ]
            )
    clusters = Clusters.by_label(p for p in range(12) for _ in range(10))
    plain, got = decide_crossed(arms["a"], arms["b"]), decide_crossed(arms["a"], arms["b"], clusters=clusters)
    assert plain.p == pytest.approx(9.9e-6, rel=0.01)
    assert (plain.outcome, got.outcome, got.n_clusters) == (Outcome.A_BETTER, Outcome.INCONCLUSIVE, 12)
    assert got.interval == pytest.approx((-0.0645, 0.3312), abs=5e-5)
    assert got.p == pytest.approx(0.166, abs=5e-4)
    assert any("12 clusters are few" in note for note in got.notes)
    text = sentence(got, "a", "b", "accuracy")
    assert "(4 seeds an arm, 120 examples in 12 clusters)" in text
    assert "examples in 45 clusters like these" in text


def test_twenty_films() -> None:
    film = np.repeat(np.arange(20), 5)
    a, b = np.zeros((4, 100)), np.zeros((4, 100))
    a[:, film < 9] = 1
    b[:, (film >= 9) & (film < 13)] = 1
    for s in range(4):
        a[s, s * 7], b[s, s * 11 + 3] = 1 - a[s, s * 7], 1 - b[s, s * 11 + 3]
    plain, got = decide_crossed(a, b), decide_crossed(a, b, clusters=Clusters.by_label(film))
    assert plain.p == pytest.approx(0.00295, abs=5e-6)
    assert got.outcome is Outcome.INCONCLUSIVE
    assert got.p == pytest.approx(0.196, abs=5e-4)
    assert got.interval == pytest.approx((-0.1289, 0.5889), abs=5e-5)
    assert not any("are few" in note for note in got.notes)


def test_every_route_takes_the_same_draws() -> None:
    rng = np.random.default_rng(9)
    a, b, labels = clustered(rng, 5, 60, 8, 0.3)
    clusters = Clusters.by_label(labels)
    as_means = [arm.reshape(5, 60, 8).mean(axis=2) for arm in (a, b)]
    found, want = crossed(a, b, clusters=clusters), crossed(*as_means)
    assert isinstance(found, CrossedResult)
    assert isinstance(want, CrossedResult)
    assert (found.standard_error, found.df) == (pytest.approx(want.standard_error), pytest.approx(want.df))
    assert (found.n_examples, found.n_clusters, found.n_draws) == (480, 60, 60)
    plain = crossed(a, b)
    assert isinstance(plain, CrossedResult)
    assert found.standard_error > 1.3 * plain.standard_error
    boot = multi_bootstrap(a, b, np.random.default_rng(1), clusters=clusters)
    assert isinstance(boot, MultiBootstrapResult)
    assert boot.standard_error == pytest.approx(found.standard_error, rel=0.15)
    gate = noninferiority(a, b, 0.2, clusters=clusters)
    gate_of_means = noninferiority(*as_means, 0.2)
    assert isinstance(gate, NonInferiority)
    assert isinstance(gate_of_means, NonInferiority)
    assert (gate.lower, gate.p) == (pytest.approx(gate_of_means.lower), pytest.approx(gate_of_means.p))
    pairs = decide_paired(a, b, clusters=clusters)
    assert pairs.interval == pytest.approx(decide_paired(*as_means).interval)


def test_the_interval_covers_where_examples_come_in_clusters() -> None:
    rng = np.random.default_rng(10)
    covered = {"as examples": 0, "as clusters": 0}
    for _ in range(400):
        a, b, labels = clustered(rng, 5, 50, 10, 0.3)
        for name, clusters in (("as examples", None), ("as clusters", Clusters.by_label(labels))):
            result = crossed(a, b, clusters=clusters)
            assert isinstance(result, CrossedResult)
            covered[name] += result.interval[0] <= 0.0 <= result.interval[1]
    assert covered["as examples"] / 400 < 0.85
    assert 0.925 < covered["as clusters"] / 400 < 0.975


def test_faults() -> None:
    y = logistic(np.random.default_rng(3), 1, 4, examples=12)[0]
    one = crossed(y[0], y[1], clusters=Clusters.by_label([0] * 12))
    assert isinstance(one, Degenerate)
    assert one.reason is DegenerateReason.TOO_FEW_EXAMPLES
    for scores in (
        perplexity_scores(y[0], np.ones(12), Clusters.by_label([0] * 12)),
        ratio_scores(y[0], np.ones(12), Clusters.by_label([0] * 12)),
        confusion_scores([0, 1] * 6, y[0].astype(int), 2, matthews, Clusters.by_label([0] * 12)),
    ):
        assert scores.shape == (4, 1)
    with pytest.raises(ValueError, match="12 examples, and there are scores of 277"):
        crossed(*logistic(np.random.default_rng(3), 1, 4)[0], clusters=Clusters.by_label(LABELS))
    with pytest.raises(ValueError, match="numbered 0 to 2"):
        Clusters(np.array([0, 2, 2]), 3)
    with pytest.raises(ValueError, match="a cluster for each example"):
        Clusters(np.array([[0, 1]]), 2)
