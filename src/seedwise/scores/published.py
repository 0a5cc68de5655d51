"""A published number against seeds of one's own: is it what one more run, or the mean of some, should give?"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from seedwise.errors import InputError
from seedwise.scores.card import own_interval
from seedwise.scores.frame import number_of
from seedwise.scores.table import ScoreTable
from seedwise.stats import Degenerate, predict
from seedwise.stats.prose import format_score, p_is

_OTHER_UNIT = 20.0  # a fraction among percents is off by a factor of 100


@dataclass(frozen=True, slots=True)
class Reproduced:
    """The prediction `interval` for a mean of `runs` more runs of `arm`, in the metric's own unit; `inside` where `value` lies in it."""

    arm: str
    published: str
    value: float
    metric: str
    n_seeds: int
    mean: float
    runs: int
    interval: tuple[float, float]
    p: float
    inside: bool
    task: str | None = None

    @property
    def text(self) -> str:
        half = (self.interval[1] - self.interval[0]) / 2.0
        low, high, mean, value = (format_score(each, half) for each in (*self.interval, self.mean, self.value))
        more = "one more run" if self.runs == 1 else f"the mean of {self.runs} more runs"
        lies = "lies inside, as such a run might" if self.inside else "lies outside: it is not what these seeds give"
        task = f"{self.task}: " if self.task else ""
        return (
            f"{task}{self.metric} of {self.arm}, {self.n_seeds} seeds: mean {mean}; {more} should lie within "
            f"{low} to {high}. {self.published}, {value}, "
            f"{lies} ({p_is(self.p)}). Seeds are taken to scatter near normally, on this test file."
        )


def reproduce(tables: Sequence[ScoreTable], published: str, runs: int, alpha: float) -> tuple[Reproduced, ...]:
    """`published` (`NUMBER` or `NAME=NUMBER`) held against each arm of each table.

    Raises InputError for a value that is no number or in another unit, and for an arm of one seed.
    """
    name, _, text = published.rpartition("=")
    value = number_of(text)
    if value is None or not math.isfinite(value):
        raise InputError(f"--published {published}: write a number, or NAME=NUMBER")
    return tuple(
        of_arm(table, arm, name or "the published number", value, runs, alpha) for table in tables for arm in table.arms
    )


def shown(found: Sequence[Reproduced], form: str) -> str:
    """As text or JSON."""
    if form not in ("text", "json"):
        raise InputError(f"--format {form}: with --published, text or json")
    if form == "json":
        items = [asdict(each) for each in found]
        return json.dumps(items[0] if len(items) == 1 else items, indent=2, ensure_ascii=False)
    return "\n".join(each.text for each in found)


def of_arm(table: ScoreTable, arm: str, name: str, value: float, runs: int, alpha: float) -> Reproduced:
    scores = table.sign * table.arms[arm].seed_scores
    mean = float(scores.mean())
    other = table.unit != "own" and value and mean and (abs(value) > 1.0) != (table.unit == "percent")
    if other and not 1.0 / _OTHER_UNIT < abs(value / mean) < _OTHER_UNIT:
        raise InputError(
            f"--published {value:g}: in another unit than the seeds of {arm}, whose mean is {mean:.4g}? Write it in theirs"
        )
    made = predict(scores, value, runs, alpha)
    if isinstance(made, Degenerate) or made.p is None or made.inside is None:
        detail = made.detail if isinstance(made, Degenerate) else "no prediction"
        raise InputError(f"--published: {arm}: {detail}")
    interval = own_interval(made.interval, 1.0) or made.interval
    return Reproduced(
        arm,
        name,
        value,
        table.metric,
        scores.size,
        mean,
        runs,
        interval,
        made.p,
        made.inside,
        table.task,
    )
