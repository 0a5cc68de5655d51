"""Several tasks: the mean difference of two arms over a fixed suite, and over tasks of which these are a sample.

Two questions, and two errors. *On these tasks* nothing but seeds and examples is drawn: the variances of the tasks add. *On tasks
like these* the tasks are drawn as well, and how differently the arms do from task to task is an error too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .clusters import Clusters, scores_of_draws
from .crossed import ArmComponents, CrossedResult, components, crossed, layout_fault
from .degenerate import Degenerate, DegenerateReason, check_declared, finite_fault, seeds_fault
from .numeric import FloatArray, as_matrix, as_scores, check_alpha, is_noise, largest, power_of_two
from .tdist import t_interval, t_p
from .welch import WelchResult, check_pairs


@dataclass(frozen=True, slots=True, eq=False)
class TaskScores:
    """One task's scores of both arms, higher being better: `a` [S_A, E] and `b` [S_B, E] on shared examples, or per seed [S].

    With `clusters` of the examples the scores may be one a cluster already (see `Clusters.scores`). `scale` is what a difference
    is divided by: 1 for raw differences, `spread_of` for standardised ones.
    """

    name: str
    a: FloatArray
    b: FloatArray
    clusters: Clusters | None = None
    scale: float = 1.0

    @property
    def per_example(self) -> bool:
        return self.a.ndim == 2

    @property
    def n_examples(self) -> int:
        return self.a.shape[1] if self.clusters is None else self.clusters.n_examples

    @property
    def n_draws(self) -> int:
        """Of examples: clusters, where there are some."""
        return int(self.draws[0].shape[1])

    @property
    def rows(self) -> tuple[FloatArray, FloatArray]:
        """The scaled score of each seed: [S_A], [S_B]."""
        a, b = (each.mean(axis=1) if self.per_example else each for each in self.draws)
        return a / self.scale, b / self.scale

    @property
    def draws(self) -> tuple[FloatArray, FloatArray]:
        """Scores by what counts as one draw of examples, not scaled."""
        if not self.per_example:
            return self.a, self.b
        return scores_of_draws(self.a, self.clusters), scores_of_draws(self.b, self.clusters)


def spread_of(a: FloatArray, b: FloatArray, clusters: Clusters | None = None) -> float:
    """The standard deviation of an example's score [S, E] within a run, pooled over all runs of both arms; 0 where none varies.

    A difference divided by it is a standardised one (Cohen 1988's d over examples), which has no unit, so that metrics of several
    kinds can be averaged. Scores that are one a cluster [S, C] are spread √(E / C) less, as means of so many examples are.
    """
    size = 1.0
    if clusters is not None and a.shape[1] == clusters.n_clusters:
        size = clusters.n_examples / clusters.n_clusters
    variances = np.concatenate([a.var(axis=1, ddof=1), b.var(axis=1, ddof=1)])
    return math.sqrt(float(variances.mean()) * size)


def mean_over_tasks(
    tasks: Sequence[TaskScores],
    alpha: float = 0.05,
    *,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
    paired: bool = False,
    shared_seeds: bool = True,
) -> CrossedResult | WelchResult | Degenerate:
    """Compare two arms by the mean of their (scaled) differences over a *fixed* suite of tasks.

    With T tasks, each of weight 1 / T, the estimate is the mean of the tasks' estimates. Every task has examples of its own, so
    V2 and V3 of `crossed` add over tasks, weighted 1 / T². V1 of an arm is the variance over seeds of the mean over tasks of a
    seed's scores, / S, where seed s is one draw on all tasks (`shared_seeds`): that is the sum of the tasks' variances and of
    all their covariances, and it has S - 1 degrees of freedom. Where each task has seeds of its own, the tasks' V1 add instead,
    each with its S - 1. Then variance = max(ΣV1 + V2 - ΣV3, ΣV1, V2) as for one task, and df by Satterthwaite (1946, doi
    10.2307/3002019) over V1 of the arms and V2 of the tasks. Scores per seed alone [S] give the same without V2 and V3: Welch's
    interval, for these test files. A scale is taken as known: its own error is of second order where the difference is small.

    With `paired` the rows of a and b are one draw (see `crossed_paired`). Returns `Degenerate` as `crossed` does, naming the task;
    raises ValueError for fewer than two tasks, tasks of one name, seeds that differ in number over tasks, or scores per example
    in some tasks only.
    """
    check_alpha(alpha)
    fault = check_tasks(tasks, (deterministic_a, deterministic_b), paired)
    if fault is not None:
        return fault
    arms = [_arm(tasks, side, fixed, shared_seeds) for side, fixed in enumerate((deterministic_a, deterministic_b))]
    if paired:
        arms = [_arm(_differences(tasks), 0, False, shared_seeds), _NOTHING]
    estimate = float(np.mean([a.mean() - b.mean() for a, b in (task.rows for task in tasks)]))
    n = len(tasks)
    v2 = [_v2(task) / n**2 for task in tasks] if tasks[0].per_example else []
    sum_v1, sum_v3, total_v2 = sum(a.v1 for a in arms), sum(a.v3 for a in arms), math.fsum(v2)
    variance = max(sum_v1 + total_v2 - sum_v3, sum_v1, total_v2)
    error = math.sqrt(variance)
    if is_noise(error, max(largest(*task.rows) for task in tasks)):
        return Degenerate(
            DegenerateReason.ZERO_VARIANCE, "on no task do seeds or examples vary, so there is no error to measure by"
        )
    parts = [part for arm in arms for part in arm.parts]
    parts += [(part, task.n_draws - 1) for part, task in zip(v2, tasks, strict=False) if part > 0.0]
    scale = power_of_two(max(part for part, _ in parts))
    spread = math.fsum((part / scale) ** 2 / free for part, free in parts)
    df = (variance / scale) ** 2 / spread
    interval, p = t_interval(estimate, error, df, alpha), t_p(estimate, error, df)
    n_seeds = [len(each) for each in tasks[0].rows]
    if not tasks[0].per_example:
        return WelchResult(
            estimate, interval, p, alpha, error, df, n_seeds[0], n_seeds[1],
            arms[0].v1 * n_seeds[0], arms[1].v1 * n_seeds[1],
        )  # fmt: skip
    clustered = any(task.clusters is not None for task in tasks)
    return CrossedResult(
        estimate=estimate,
        interval=interval,
        p=p,
        alpha=alpha,
        standard_error=error,
        variance=variance,
        df=df,
        v2=total_v2,
        arm_a=ArmComponents(n_seeds[0], arms[0].v1, arms[0].v3, deterministic_a),
        arm_b=ArmComponents(1 if paired else n_seeds[1], arms[1].v1, arms[1].v3, deterministic_b or paired),
        n_examples=sum(task.n_examples for task in tasks),
        n_clusters=sum(task.n_draws for task in tasks) if clustered else None,
    )


def mean_over_drawn_tasks(
    tasks: Sequence[TaskScores],
    alpha: float = 0.05,
    *,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
    paired: bool = False,
    shared_seeds: bool = True,
) -> CrossedResult | Degenerate:
    """Compare two arms on tasks of which these are a *sample*: `n_examples` of the result are the tasks.

    With D_t the (scaled) difference on task t, the estimate is the mean of D_t and its error that of a t interval over tasks,
    var_t(D_t) / T with T - 1 degrees of freedom: what seeds and examples add within a task is in the scatter of D_t already. Where a
    seed is one draw on all tasks (`shared_seeds`) a seed's luck is common to them and does not scatter: then tasks take the
    place of examples in `crossed`, which adds it. Tasks are taken to scatter near normally, each counting alike.

    Returns `Degenerate` and raises as `mean_over_tasks` does.
    """
    check_alpha(alpha)
    single = all(len(task.a) == 1 and len(task.b) == 1 for task in tasks)  # one run of each, taken as it is
    fault = check_tasks(tasks, (deterministic_a or single, deterministic_b or single), paired and not single)
    if fault is not None:
        return fault
    a, b = (np.stack([task.rows[side] for task in tasks], axis=1) for side in (0, 1))
    nothing = np.zeros((1, len(tasks)))
    if not shared_seeds or single:
        difference = (a.mean(axis=0) - b.mean(axis=0))[None]
        return crossed(difference, nothing, alpha, deterministic_a=True, deterministic_b=True)
    if paired:
        return crossed(a - b, nothing, alpha, deterministic_b=True)
    return crossed(a, b, alpha, deterministic_a=deterministic_a, deterministic_b=deterministic_b)


def check_tasks(tasks: Sequence[TaskScores], deterministic: tuple[bool, bool], paired: bool) -> Degenerate | None:
    """Why the tasks cannot be compared, naming the first that is at fault; ValueError where they do not make a suite."""
    names = [task.name for task in tasks]
    if len(tasks) < 2:
        raise ValueError(f"a suite has two tasks or more; given: {', '.join(names) or 'none'}")
    if len(set(names)) < len(names):
        raise ValueError(f"two tasks have one name: {', '.join(names)}")
    if len({task.per_example for task in tasks}) > 1:
        raise ValueError("some tasks have scores per example and some per seed only; give one kind")
    for side, fixed in enumerate(deterministic):
        counts = {task.name: len((task.a, task.b)[side]) for task in tasks}
        check_declared("ab"[side], max(counts.values()), fixed)
        if len(set(counts.values())) > 1:
            said = ", ".join(f"{n} on {name}" for name, n in counts.items())
            raise ValueError(f"arm {'AB'[side]} has another number of seeds from task to task ({said}); give the same")
    if paired:
        check_pairs(len(tasks[0].a), len(tasks[0].b))
    for task in tasks:
        if not (math.isfinite(task.scale) and task.scale > 0.0):
            detail = f"task {task.name}: no example's score varies, so that there is nothing to standardise by"
            return Degenerate(DegenerateReason.ZERO_VARIANCE, detail)
        if task.per_example:
            pair = as_matrix(task.a, "a"), as_matrix(task.b, "b")
            fault = layout_fault(pair, deterministic, task.clusters)
        else:
            given = as_scores(task.a, "a"), as_scores(task.b, "b")
            fault = seeds_fault("A", given[0].size, deterministic[0]) or seeds_fault(
                "B", given[1].size, deterministic[1]
            )
            fault = fault or finite_fault("A", given[0]) or finite_fault("B", given[1])
        if fault is not None:
            return Degenerate(fault.reason, f"task {task.name}: {fault.detail}")
    return None


@dataclass(frozen=True, slots=True)
class _Arm:
    """`v1` and `v3` of the mean over tasks; `parts` are the terms of `v1` with their degrees of freedom."""

    v1: float
    v3: float
    parts: tuple[tuple[float, int], ...]


_NOTHING = _Arm(0.0, 0.0, ())


def _arm(tasks: Sequence[TaskScores], side: int, fixed: bool, shared: bool) -> _Arm:
    if fixed:
        return _NOTHING
    n, rows = len(tasks), np.stack([task.rows[side] for task in tasks])
    seeds = rows.shape[1]
    v3 = 0.0
    if tasks[0].per_example:
        v3 = math.fsum(components(task.draws[side], False).v3 / task.scale**2 for task in tasks) / n**2
    terms = [rows.mean(axis=0)] if shared else [row / n for row in rows]
    parts = tuple((float(term.var(ddof=1)) / seeds, seeds - 1) for term in terms)
    return _Arm(math.fsum(part for part, _ in parts), v3, tuple(part for part in parts if part[0] > 0.0))


def _differences(tasks: Sequence[TaskScores]) -> list[TaskScores]:
    """Tasks whose first arm is the difference of the pairs."""
    return [TaskScores(task.name, task.draws[0] - task.draws[1], task.draws[1], task.clusters, task.scale) for task in tasks]  # fmt: skip


def _v2(task: TaskScores) -> float:
    a, b = task.draws
    difference = (a.mean(axis=0) - b.mean(axis=0)) / task.scale
    return float(difference.var(ddof=1)) / len(difference)
