"""From scores on several tasks to a verdict: on these tasks, or on tasks like these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from .degenerate import Degenerate
from .judge import degenerate_verdict, frame_of, judge
from .numeric import FloatArray
from .permutation import MAX_ENUMERATIONS
from .tasks import TaskScores, mean_over_drawn_tasks, mean_over_tasks, spread_of
from .verdict import Claim, Question, Verdict

Scope = Literal["suite", "tasks-like-these"]


def standardised(tasks: Sequence[TaskScores]) -> tuple[TaskScores, ...]:
    """The tasks with the spread of an example's score as their scale (see `spread_of`); scores are per example."""
    return tuple(replace(task, scale=spread_of(task.a, task.b, task.clusters)) for task in tasks)


def decide_tasks(
    tasks: Sequence[TaskScores],
    scope: Scope,
    *,
    alpha: float = 0.05,
    claim: Claim = "superiority",
    margin: float | None = None,
    family_size: int = 1,
    deterministic_a: bool = False,
    deterministic_b: bool = False,
    paired: bool = False,
    shared_seeds: bool = True,
    require_exact: bool = False,
    rng: np.random.Generator | None = None,
    max_enumerations: int = MAX_ENUMERATIONS,
) -> Verdict:
    """Decide a claim about the mean difference of two arms over tasks, each counting alike.

    `scope` "suite": on these tasks (`mean_over_tasks`), for whoever reruns the seeds (and, with scores per example, draws new
    examples). The exact companion permutes the seeds' means over the tasks, with the floor of so many seeds. "tasks-like-these":
    on tasks of which these are a sample (`mean_over_drawn_tasks`); the exact companion flips the signs of the tasks' differences,
    its floor is 2 / 2^T over T tasks, and with fewer than `MIN_TASKS` the outcome is UNATTAINABLE. P(A > B) is then
    the share of tasks on which A is ahead. Otherwise the rules are those of `decide_crossed`, margin and estimate being of the
    scaled differences. Raises ValueError as `mean_over_tasks` does.
    """
    drawn = scope == "tasks-like-these"
    n_seeds = (len(tasks[0].a), len(tasks[0].b)) if tasks else (0, 0)
    frame = frame_of(
        Question.LIKE_TASKS if drawn else Question.TASKS if tasks and tasks[0].per_example else Question.TASKS_ON_FILES,
        n_seeds,
        (deterministic_a, deterministic_b),
        alpha=alpha,
        claim=claim,
        margin=margin,
        family_size=family_size,
        require_exact=require_exact,
        paired=paired,
    )
    frame = replace(frame, n_tasks=len(tasks))
    procedure = mean_over_drawn_tasks if drawn else mean_over_tasks
    result = procedure(
        tasks,
        alpha,
        deterministic_a=deterministic_a,
        deterministic_b=deterministic_b,
        paired=paired,
        shared_seeds=shared_seeds,
    )
    if tasks[0].per_example:
        frame = replace(frame, n_examples=sum(task.n_examples for task in tasks))
        if any(task.clusters is not None for task in tasks):
            frame = replace(frame, n_clusters=sum(task.n_draws for task in tasks))
    if isinstance(result, Degenerate):
        return degenerate_verdict(frame, result)
    notes = tuple(_notes(tasks, shared_seeds, n_seeds))
    return judge(frame, result, *_compared(tasks, drawn), notes, rng, max_enumerations)


def _compared(tasks: Sequence[TaskScores], drawn: bool) -> tuple[FloatArray, FloatArray]:
    """What the exact companion takes: of each seed the mean over tasks, or of each task the mean over seeds."""
    over = [np.stack([task.rows[side] for task in tasks]).mean(axis=1 if drawn else 0) for side in (0, 1)]
    return over[0], over[1]


def _notes(tasks: Sequence[TaskScores], shared: bool, n_seeds: tuple[int, int]) -> list[str]:
    """The difference on each task, which the mean hides, and how seeds were taken."""
    ahead = {"A": [], "B": []}  # type: dict[str, list[str]]
    for task in tasks:
        a, b = (float(row.mean()) for row in task.rows)
        if a != b:
            ahead["A" if a > b else "B"].append(task.name)
    said = [f"{side} on {', '.join(names)}" for side, names in ahead.items() if names]
    notes = [f"ahead by the estimates: {' and '.join(f'arm {each}' for each in said)}"] if said else []
    if max(n_seeds) > 1 and not shared:
        notes.append("every task has seeds of its own, and no covariance between tasks is taken")
    return notes
