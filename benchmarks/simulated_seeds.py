"""Few seeds: how often a difference is claimed where there is none, by the shape of their scatter, and what confirms it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from many import Array, crossed_many, exact_many, welch_many
from numpy.typing import NDArray

from seedwise.stats import Components, power_crossed, probability_a_greater, probability_interval, seeds_apart

Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
DESIGNS = ((3, 3), (4, 4), (5, 5), (10, 10), (3, 10), (2, 10))


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape)


def student(df: int) -> Draw:
    return lambda rng, shape: rng.standard_t(df, shape)


def exponential(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.exponential(size=shape) - 1.0


def uneven(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.exp(rng.normal(size=shape)) - np.exp(0.5)


def two_humps(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Half of the seeds fall into each of two groups that lie six standard deviations apart."""
    return 6.0 * (rng.random(shape) < 0.5) - 3.0 + rng.normal(size=shape)


def collapsing(share: float, depth: float = 20.0) -> Draw:
    """A share of the seeds falls `depth` standard deviations behind; the rest are better by what makes the mean 0."""
    return lambda rng, shape: rng.normal(size=shape) + depth * (share - (rng.random(shape) < share))


def wide(factor: float) -> Draw:
    return lambda rng, shape: factor * rng.normal(size=shape)


@dataclass(frozen=True)
class Shape:
    """How the seeds of both arms scatter, both with mean 0."""

    name: str
    a: Draw
    b: Draw


SHAPES = (
    Shape("normal", normal, normal),
    Shape("normal, sd 3 : 1", wide(3.0), normal),
    Shape("heavy tails: t with 3 df in both arms", student(3), student(3)),
    Shape("heavy tails: t with 2 df in both arms", student(2), student(2)),
    Shape("skewed: exponential in both arms", exponential, exponential),
    Shape("skewed: exponential in one arm only", exponential, normal),
    Shape("very skewed: lognormal in one arm only", uneven, normal),
    Shape("two humps in both arms", two_humps, two_humps),
    Shape("two humps in one arm only", two_humps, normal),
    Shape("one arm collapses in 20 % of its seeds, else better", collapsing(0.2), normal),
    Shape("one arm collapses in 10 % of its seeds, else better", collapsing(0.1), normal),
    Shape("one arm collapses in 5 % of its seeds, else better", collapsing(0.05), normal),
)
EXAMPLES = 100


def claims(shape: Shape, seeds: tuple[int, int], repetitions: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """False claims of a difference at .05 [R] by the crossed test, seeds adding most of the error."""
    found = []
    for start in range(0, repetitions, 500):
        count = min(500, repetitions - start)
        difference = rng.normal(0.0, 1.0, (count, 1, EXAMPLES))
        arms = [
            side * difference + draw(rng, (count, n, 1)) + rng.normal(0.0, 1.0, (count, n, EXAMPLES))
            for side, draw, n in ((0.5, shape.a, seeds[0]), (-0.5, shape.b, seeds[1]))
        ]
        found.append(crossed_many(*arms).p() <= 0.05)
    return np.concatenate(found)


def table(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    heads = [f"{n} v {m}" for n, m in DESIGNS]
    yield f"| how seeds scatter | {' | '.join(heads)} |"
    yield f"| --- |{' --: |' * len(heads)}"
    for shape in SHAPES:
        rates = [float(claims(shape, seeds, repetitions, rng).mean()) for seeds in DESIGNS]
        yield f"| {shape.name} | {' | '.join(map(_marked, rates))} |"


def bases(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """Of the false claims over seeds alone, those that an exact test confirms and those that rest on near-normal seeds."""
    yield "| how seeds scatter | 3 v 3: resting on near-normal seeds | 4 v 4: so / confirmed | 5 v 5: so / confirmed |"
    yield "| --- | --: | --: | --: |"
    for shape in SHAPES:
        cells = []
        for n in (3, 4, 5):
            a, b = shape.a(rng, (repetitions, n)), shape.b(rng, (repetitions, n))
            claimed, exact = welch_many(a, b).p() <= 0.05, exact_many(a, b) <= 0.05
            cells.append(
                _short(float(claimed.mean()))
                if n == 3
                else f"{_short(float((claimed & ~exact).mean()))} / {_short(float((claimed & exact).mean()))}"
            )
        yield f"| {shape.name} | {' | '.join(cells)} |"


def apart(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """How often seeds are told to lie far behind the rest of their arm."""
    counts = (4, 5, 6, 8, 10, 20)
    yield f"| scores of an arm | {' | '.join(f'{n} seeds' for n in counts)} |"
    yield f"| --- |{' --: |' * len(counts)}"
    behind: Draw = lambda rng, shape: rng.normal(size=shape) - 18.0 * (np.arange(shape[1]) == 0)  # noqa: E731
    for name, draw in (
        ("normal: wrongly told", normal),
        ("t with 3 df: told", student(3)),
        ("one seed 18 standard deviations behind (36 points at an sd of 2): told", behind),
    ):
        rates = [np.mean([seeds_apart(row) > 0 for row in draw(rng, (repetitions, n))]) for n in counts]
        yield f"| {name} | {' | '.join(_short(float(rate)) for rate in rates)} |"


def superiority(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """Coverage of the interval of P(A > B) over seeds."""
    from scipy.stats import norm

    shifts = (0.0, 0.7, 1.5, 3.0)
    yield f"| seeds | {' | '.join(f'P = {norm.cdf(shift / 2**0.5):.2f}' for shift in shifts)} |"
    yield f"| --- |{' --: |' * len(shifts)}"
    for n, m in ((3, 3), (5, 5), (10, 10), (3, 10)):
        rates = []
        for shift in shifts:
            truth, inside = float(norm.cdf(shift / 2**0.5)), []
            for a, b in zip(shift + rng.normal(size=(repetitions, n)), rng.normal(size=(repetitions, m)), strict=True):
                share = probability_a_greater(a, b)
                low, high = probability_interval(0.5 if share is None else share, n, m)
                inside.append(low <= truth <= high)
            rates.append(float(np.mean(inside)))
        yield f"| {n} v {m} | {' | '.join(map(_short, rates))} |"


def powers(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """What `power_crossed` says, beside how often the crossed test decides."""
    parts = Components(seed_a=0.15, seed_b=0.15, example=0.5, residual_a=0.5, residual_b=0.5)
    yield "| true difference | 3 seeds: said / found | 4 seeds | 5 seeds | 10 seeds |"
    yield "| --: | --- | --- | --- | --- |"
    for gap in (0.3, 0.6, 1.0):
        cells = []
        for n in (3, 4, 5, 10):
            own = rng.normal(0.0, np.sqrt(parts.example / 2.0), (2, repetitions, 1, 80))
            seeds = rng.normal(0.0, np.sqrt(parts.seed_a), (2, repetitions, n, 1))
            arms = own + seeds + rng.normal(0.0, np.sqrt(parts.residual_a), (2, repetitions, n, 80))
            found = crossed_many(arms[0] + gap, arms[1])
            decided = float(((found.p() <= 0.05) & (found.estimate > 0.0)).mean())
            cells.append(f"{_short(power_crossed(gap, parts, n, 80))} / {_short(decided)}")
        yield f"| {gap:g} | {' | '.join(cells)} |"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 0.9995 else "1.000"


def _marked(rate: float) -> str:
    """Bold where the level is clearly missed."""
    return f"**{_short(rate)}**" if rate > 0.065 else _short(rate)
