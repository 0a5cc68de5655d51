"""Several tasks: size and coverage of the interval over a fixed suite, and over tasks that are a sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from many import Array

from seedwise.stats import CrossedResult, TaskScores, mean_over_drawn_tasks, mean_over_tasks, standardised

SEEDS = (3, 5, 10)
SIZES = (40, 150, 60, 300, 100, 80, 200, 50)  # examples of the tasks, again from the first where there are more


@dataclass(frozen=True)
class Suite:
    """Two arms on `tasks` tasks; on an example their difference has standard deviation 1, on a seed's whole task .1.

    `common` is the correlation of a seed's luck between tasks; `spread` the standard deviation over tasks of the arms' true
    difference, whose mean is `shift`; `units` gives task t scores in a unit 10^(t mod 3) times as large.
    """

    name: str
    tasks: int
    common: float = 0.0
    spread: float = 0.0
    shift: float = 0.0
    units: bool = False
    drawn: bool = False

    def draw(self, rng: np.random.Generator, seeds: int) -> list[TaskScores]:
        """Differences of a fixed suite are the same in every repetition; those of drawn tasks are not."""
        true = self.true(rng)
        luck = rng.normal(0.0, 0.1, (2, seeds)) * np.sqrt(self.common)
        found = []
        for number in range(self.tasks):
            size = SIZES[number % len(SIZES)]
            own = luck + rng.normal(0.0, 0.1, (2, seeds)) * np.sqrt(1.0 - self.common)
            difference = rng.normal(true[number], 1.0, size)
            unit = 10.0 ** (number % 3) if self.units else 1.0
            arms = [
                unit * (side * difference + own[arm][:, None] + rng.normal(0.0, 0.3, (seeds, size)))
                for arm, side in enumerate((0.5, -0.5))
            ]
            found.append(TaskScores(f"task {number}", arms[0], arms[1]))
        return list(standardised(found)) if self.units else found

    def true(self, rng: np.random.Generator) -> Array:
        if self.drawn:
            return rng.normal(self.shift, self.spread, self.tasks)
        steps = np.linspace(-1.0, 1.0, self.tasks)
        return self.shift + self.spread * steps / max(float(steps.std()), 1e-9)

    @property
    def truth(self) -> float:
        """What the interval is to hold: the mean difference, divided by the spread of an example's score where standardised."""
        return self.shift / float(np.sqrt(0.25 + 0.09)) if self.units else self.shift


FIXED = (
    Suite("2 tasks, equal arms", 2),
    Suite("3 tasks, equal arms", 3),
    Suite("8 tasks, equal arms", 8),
    Suite("8 tasks, each arm ahead on half (sd 0.3), equal on the mean", 8, spread=0.3),
    Suite("3 tasks, a seed's luck the same on all (correlation .8)", 3, common=0.8),
    Suite("8 tasks, a seed's luck the same on all (correlation .8)", 8, common=0.8),
    Suite("8 tasks, luck the same, a difference of 0.1", 8, common=0.8, spread=0.3, shift=0.1),
    Suite("3 tasks in other units, standardised, equal arms", 3, units=True),
    Suite("8 tasks in other units, standardised, a difference of 0.2", 8, spread=0.3, shift=0.2, units=True),
)
DRAWN = tuple(
    Suite(f"{tasks} tasks, {words}", tasks, common=common, spread=spread, drawn=True)
    for tasks in (5, 8, 16)
    for words, common, spread in (
        ("the arms equal on each", 0.0, 0.0),
        ("the difference scatters over tasks (sd 0.2)", 0.0, 0.2),
        ("the same, a seed's luck the same on all", 0.8, 0.2),
    )
)


def missed(suite: Suite, seeds: int, repetitions: int, rng: np.random.Generator, *, drawn: bool, shared: bool) -> float:
    """How often the 95 % interval misses the true mean difference; the size, where that is 0."""
    procedure = mean_over_drawn_tasks if drawn else mean_over_tasks
    hits = []
    for _ in range(repetitions):
        result = procedure(suite.draw(rng, seeds), shared_seeds=shared)
        assert isinstance(result, CrossedResult)
        hits.append(not result.interval[0] <= suite.truth <= result.interval[1])
    return float(np.mean(hits))


def fixed(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """The interval over these tasks, with the covariance of shared seeds and without it."""
    yield "| suite | with the covariance, 3 / 5 / 10 seeds | without it |"
    yield "| --- | --- | --- |"
    for suite in FIXED:
        cells = [
            " / ".join(_short(missed(suite, seeds, repetitions, rng, drawn=False, shared=shared)) for seeds in SEEDS)
            for shared in (True, False)
        ]
        yield f"| {suite.name} | {cells[0]} | {cells[1]} |"


def sampled(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """The interval over tasks like these, and what the interval over these tasks would make of the same data."""
    yield "| tasks | tasks like these, 3 / 5 / 10 seeds | without the seeds' common part | as if the tasks were fixed |"
    yield "| --- | --- | --- | --- |"
    for suite in DRAWN:
        cells = [
            " / ".join(_short(missed(suite, seeds, repetitions, rng, drawn=drawn, shared=shared)) for seeds in SEEDS)
            for drawn, shared in ((True, True), (True, False), (False, True))
        ]
        yield f"| {suite.name} | {' | '.join(cells)} |"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
