"""Several tasks: the formulas against one-line references, their edges, and size and coverage of both questions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from seedwise.stats import (
    Basis,
    Clusters,
    CrossedResult,
    Degenerate,
    DegenerateReason,
    Outcome,
    Question,
    TaskScores,
    WelchResult,
    crossed,
    crossed_paired,
    decide_tasks,
    mean_over_drawn_tasks,
    mean_over_tasks,
    sentence,
    spread_of,
    standardised,
    welch,
)

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import simulated_tasks  # type: ignore[import-not-found]


def tasks_of(rng: np.random.Generator, sizes: tuple[int, ...], seeds: int = 4, shift: float = 0.0) -> list[TaskScores]:
    made = []
    for number, size in enumerate(sizes):
        a = shift + rng.normal(size=(1, size)) + rng.normal(0, 0.2, (seeds, 1)) + rng.normal(0, 0.5, (seeds, size))
        b = rng.normal(size=(1, size)) + rng.normal(0, 0.2, (seeds, 1)) + rng.normal(0, 0.5, (seeds, size))
        made.append(TaskScores(f"t{number}", a, b))
    return made


def good(result: object) -> CrossedResult:
    assert isinstance(result, CrossedResult)
    return result


def rows(tasks: list[TaskScores], side: int) -> NDArray[np.float64]:
    return np.stack([task.rows[side] for task in tasks])


def test_variances_of_a_fixed_suite_are_those_of_its_tasks_added() -> None:
    tasks = tasks_of(np.random.default_rng(1), (30, 70, 50))
    single = [good(crossed(task.a, task.b)) for task in tasks]
    own = good(mean_over_tasks(tasks, shared_seeds=False))
    assert own.estimate == pytest.approx(np.mean([each.estimate for each in single]))
    for part in ("v1", "v3"):
        assert getattr(own.arm_a, part) == pytest.approx(sum(getattr(each.arm_a, part) for each in single) / 9)
    assert own.v2 == pytest.approx(sum(each.v2 for each in single) / 9)
    shared = good(mean_over_tasks(tasks))
    covariance = np.cov(rows(tasks, 0)).sum() / 9 / 4  # variances and all covariances of the tasks, over seeds
    assert shared.arm_a.v1 == pytest.approx(covariance)
    assert (shared.v2, shared.arm_b.v3) == pytest.approx((own.v2, own.arm_b.v3))
    spread = shared.arm_a.v1**2 / 3 + shared.arm_b.v1**2 / 3
    spread += sum((each.v2 / 9) ** 2 / (each.n_examples - 1) for each in single)
    assert shared.df == pytest.approx(shared.variance**2 / spread)
    assert shared.n_examples == 150


def test_one_task_given_twice_is_that_task_where_its_seeds_are_shared() -> None:
    # The same seeds on the same examples would need their covariance too; over seeds alone, this is all of the error.
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=5), rng.normal(size=5)
    twice = mean_over_tasks([TaskScores("x", a, b), TaskScores("y", a, b)])
    once = welch(a, b)
    assert isinstance(twice, WelchResult)
    assert isinstance(once, WelchResult)
    assert (twice.estimate, twice.standard_error, twice.df, twice.p) == pytest.approx(
        (once.estimate, once.standard_error, once.df, once.p)
    )


def test_tasks_drawn_with_seeds_of_their_own_give_the_t_interval_over_tasks() -> None:
    tasks = tasks_of(np.random.default_rng(3), (30,) * 6, shift=0.3)
    differences = rows(tasks, 0).mean(axis=1) - rows(tasks, 1).mean(axis=1)
    found, reference = good(mean_over_drawn_tasks(tasks, shared_seeds=False)), scipy.stats.ttest_1samp(differences, 0.0)
    low, high = reference.confidence_interval()
    assert found.interval == pytest.approx((low, high))
    assert (found.p, found.df) == pytest.approx((reference.pvalue, 5))


def test_tasks_drawn_with_shared_seeds_are_crossed_with_them() -> None:
    tasks = tasks_of(np.random.default_rng(4), (30,) * 6)
    found = good(mean_over_drawn_tasks(tasks))
    reference = good(crossed(rows(tasks, 0).T, rows(tasks, 1).T))
    assert (found.estimate, found.p, found.df) == pytest.approx((reference.estimate, reference.p, reference.df))
    differences = rows(tasks, 0).mean(axis=1) - rows(tasks, 1).mean(axis=1)
    assert found.variance >= differences.var(ddof=1) / 6


def test_pairs_of_seeds_lose_what_they_share() -> None:
    rng = np.random.default_rng(5)
    tasks = tasks_of(rng, (40, 60))
    luck = rng.normal(0, 5, (4, 1))
    lucky = [TaskScores(task.name, task.a + luck, task.b + luck) for task in tasks]
    plain, paired = good(mean_over_tasks(tasks, paired=True)), good(mean_over_tasks(lucky, paired=True))
    assert (paired.standard_error, paired.df) == pytest.approx((plain.standard_error, plain.df))
    assert good(mean_over_tasks(lucky)).standard_error > 10 * paired.standard_error
    single = [good(crossed_paired(task.a, task.b)) for task in tasks]
    assert paired.v2 == pytest.approx(sum(each.v2 for each in single) / 4)


def test_standardised_differences_know_no_unit() -> None:
    tasks = tasks_of(np.random.default_rng(6), (40, 60, 80), shift=0.2)
    other = [TaskScores(task.name, task.a * 10.0**n, task.b * 10.0**n, task.clusters) for n, task in enumerate(tasks)]
    one, two = good(mean_over_tasks(standardised(tasks))), good(mean_over_tasks(standardised(other)))
    assert (two.estimate, two.standard_error, two.df) == pytest.approx((one.estimate, one.standard_error, one.df))


def test_clusters_of_one_example_change_nothing_and_of_several_do() -> None:
    tasks = tasks_of(np.random.default_rng(7), (40, 60))
    alone = [TaskScores(t.name, t.a, t.b, Clusters.by_label(range(t.a.shape[1]))) for t in tasks]
    plain = good(mean_over_tasks(tasks))
    assert good(mean_over_tasks(alone)).standard_error == pytest.approx(plain.standard_error)
    pairs = [TaskScores(t.name, t.a, t.b, Clusters.by_label(i // 2 for i in range(t.a.shape[1]))) for t in tasks]
    found = good(mean_over_tasks(pairs))
    assert (found.n_examples, found.n_clusters) == (100, 50)
    # Pseudovalues, one a cluster, are spread as means of their examples are.
    of = pairs[0].clusters
    assert of is not None
    assert spread_of(of.scores(pairs[0].a), of.scores(pairs[0].b), of) == pytest.approx(
        spread_of(pairs[0].a, pairs[0].b), rel=0.3
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tasks: tasks[:1], "two tasks or more"),
        (lambda tasks: [tasks[0], tasks[0]], "one name"),
        (lambda tasks: [tasks[0], TaskScores("x", tasks[1].a[:3], tasks[1].b)], "another number of seeds"),
        (lambda tasks: [tasks[0], TaskScores("x", tasks[1].a[:, 0], tasks[1].b[:, 0])], "per seed only"),
    ],
)
def test_what_makes_no_suite_is_refused(change: object, said: str) -> None:
    tasks = tasks_of(np.random.default_rng(8), (20, 20))
    for procedure in (mean_over_tasks, mean_over_drawn_tasks):
        with pytest.raises(ValueError, match=said):
            procedure(change(tasks))  # type: ignore[operator]


def test_degenerate_tasks_are_named() -> None:
    good_one = tasks_of(np.random.default_rng(9), (20,))[0]
    nan = TaskScores("bad", np.full((4, 20), np.nan), good_one.b)
    found = mean_over_tasks([good_one, nan])
    assert isinstance(found, Degenerate)
    assert found.reason is DegenerateReason.NOT_FINITE
    assert "task bad" in found.detail
    still = TaskScores("still", np.ones((4, 20)), np.ones((4, 20)))
    found = mean_over_tasks(standardised([good_one, still]))
    assert isinstance(found, Degenerate)
    assert "nothing to standardise" in found.detail
    found = mean_over_tasks([still, TaskScores("too", still.a, still.b)])
    assert isinstance(found, Degenerate)
    assert found.reason is DegenerateReason.ZERO_VARIANCE
    one = mean_over_tasks([TaskScores("x", good_one.a[:1], good_one.b), TaskScores("y", good_one.a[:1], good_one.b)])
    assert isinstance(one, Degenerate)
    assert one.reason is DegenerateReason.TOO_FEW_SEEDS


def test_the_verdict_names_its_question_and_its_floor() -> None:
    tasks = tasks_of(np.random.default_rng(10), (80,) * 6, shift=1.0)
    suite = decide_tasks(tasks, "suite")
    assert (suite.question, suite.outcome, suite.n_tasks) == (Question.TASKS, Outcome.A_BETTER, 6)
    assert suite.floor == pytest.approx(2 / 70)
    said = sentence(suite, "lora", "bitfit", "mean accuracy")
    assert said.startswith(
        "On these 6 tasks, over seeds and examples (4 seeds an arm, 480 examples), with these training sets, lora"
    )
    sample = decide_tasks(tasks, "tasks-like-these")
    assert (sample.question, sample.floor, sample.p_exact) == (Question.LIKE_TASKS, 2 / 64, 2 / 64)
    assert sample.basis is Basis.EXACT_TASKS
    said = sentence(sample, "lora", "bitfit", "mean accuracy")
    assert "On tasks like these 6, taken as a sample" in said
    assert "The exact test over tasks confirms it." in said
    assert "lora on t0, t1, t2, t3, t4, t5" in said


def test_fewer_than_five_tasks_say_nothing_of_tasks_like_them() -> None:
    tasks = tasks_of(np.random.default_rng(11), (80,) * 4, shift=3.0)
    found = decide_tasks(tasks, "tasks-like-these")
    assert found.outcome is Outcome.UNATTAINABLE
    assert "4 tasks say nothing of tasks like these" in sentence(found, "a", "b", "mean accuracy")
    assert decide_tasks(tasks, "suite").outcome is Outcome.A_BETTER


def test_two_seeds_decide_nothing_over_tasks_either() -> None:
    tasks = tasks_of(np.random.default_rng(12), (80,) * 6, seeds=2, shift=3.0)
    for scope in ("suite", "tasks-like-these"):
        assert decide_tasks(tasks, scope).outcome is Outcome.UNATTAINABLE  # type: ignore[arg-type]


def test_one_run_of_each_may_be_held_over_tasks_that_are_a_sample() -> None:
    tasks = tasks_of(np.random.default_rng(13), (80,) * 8, seeds=1, shift=1.5)
    found = decide_tasks(tasks, "tasks-like-these")
    assert found.outcome is Outcome.A_BETTER
    assert "This says nothing about how" in sentence(found, "x", "y", "mean accuracy")
    assert decide_tasks(tasks, "suite").outcome is Outcome.DEGENERATE


def test_scores_of_seeds_alone_hold_for_these_test_files() -> None:
    full = tasks_of(np.random.default_rng(14), (80,) * 3, shift=1.0)
    found = decide_tasks([TaskScores(t.name, *t.rows) for t in full], "suite")
    assert (found.question, found.n_examples) == (Question.TASKS_ON_FILES, None)
    assert "on these test files only" in sentence(found, "x", "y", "mean accuracy")


def test_an_exact_test_that_is_required_is_the_one_over_tasks() -> None:
    tasks = tasks_of(np.random.default_rng(15), (80,) * 5, shift=1.0)
    found = decide_tasks(tasks, "tasks-like-these", require_exact=True)
    assert found.outcome is Outcome.UNATTAINABLE
    assert "5 tasks cannot decide" in sentence(found, "x", "y", "mean accuracy")


def test_the_interval_over_a_fixed_suite_keeps_its_level() -> None:
    rng = np.random.default_rng(16)
    suites = {suite.name: suite for suite in simulated_tasks.FIXED}
    for name in ("3 tasks, equal arms", "8 tasks, luck the same, a difference of 0.1"):
        assert simulated_tasks.missed(suites[name], 5, 1000, rng, drawn=False, shared=True) < 0.07
    alike = suites["8 tasks, a seed's luck the same on all (correlation .8)"]
    assert simulated_tasks.missed(alike, 5, 1000, rng, drawn=False, shared=False) > 0.1  # covariance left out


def test_the_interval_over_drawn_tasks_keeps_its_level_and_the_other_does_not() -> None:
    rng = np.random.default_rng(17)
    suite = next(each for each in simulated_tasks.DRAWN if each.name.startswith("8 tasks, the difference scatters"))
    assert simulated_tasks.missed(suite, 5, 1000, rng, drawn=True, shared=True) < 0.07
    assert simulated_tasks.missed(suite, 5, 1000, rng, drawn=False, shared=True) > 0.1  # another question
