"""The typed answer of a comparison: a verdict a pair, what family they were held to, which arms are not told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from seedwise.errors import InputError
from seedwise.scores.units import scale_of, words_of
from seedwise.stats import MultiBootstrapResult, Outcome, Question, Verdict, format_p
from seedwise.verdicts.bands import Bands


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair's verdict; `text` is its sentence.

    The verdict is of scores of which higher is better; `sign` is -1 where the metric's own lower values are, and what is
    shown is the metric's own. `sensitivity` is the multi-bootstrap, where there are scores of examples; it decides nothing.
    """

    a: str
    b: str
    metric: str
    unit: str
    verdict: Verdict
    text: str
    sensitivity: MultiBootstrapResult | None
    task: str | None = None
    sign: float = 1.0

    @property
    def estimate(self) -> float | None:
        """A - B in the metric's own unit and direction."""
        return None if self.verdict.estimate is None else self.sign * self.verdict.estimate

    @property
    def interval(self) -> tuple[float, float] | None:
        return own_interval(self.verdict.interval, self.sign)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All pairs that were compared; `note` says what family they were held to, `notices` what was chosen in reading.

    `over_tasks` are verdicts on the mean over several tasks, a family a scope.  `bands` are groups of arms that cannot be told apart,
    best first, one a task, where all pairs of several arms were compared.
    """

    pairs: tuple[Compared, ...]
    note: str
    notices: tuple[str, ...] = ()
    bands: tuple[Bands, ...] = ()
    over_tasks: tuple[Compared, ...] = ()

    def only(self, scope: Literal["each", "suite", "tasks-like-these"]) -> Scorecard:
        """The verdicts of one scope alone: on each task, over these tasks, or over tasks like these.  InputError where there is none."""
        if scope == "each":
            return replace(self, over_tasks=())
        like = scope == "tasks-like-these"
        kept = tuple(pair for pair in self.over_tasks if (pair.verdict.question is Question.LIKE_TASKS) is like)
        if not kept:
            needs = "five tasks or more" if like else "two tasks or more, with seeds in every arm"
            said = f" ({'; '.join(self.notices)})" if self.notices else ""
            raise InputError(f"--scope {scope}: there is no such verdict: it takes {needs}{said}")
        names = {pair.task for pair in kept}
        bands = tuple(each for each in self.bands if each.task in names)
        return Scorecard(kept, "", self.notices, bands)

    @property
    def verdict(self) -> Verdict:
        """The verdict of the one pair that was compared; ValueError where there are several."""
        (pair,) = self.pairs
        return pair.verdict


def own_interval(interval: tuple[float, float] | None, sign: float) -> tuple[float, float] | None:
    """An interval of scores of which higher is better, in the metric's own direction."""
    if interval is None:
        return None
    low, high = sorted(sign * bound for bound in interval)
    return low, high


def outcome_of(pair: Compared) -> str:
    """The outcome with the arms' names."""
    names = {Outcome.A_BETTER: f"{pair.a} better", Outcome.B_BETTER: f"{pair.b} better"}
    return names.get(pair.verdict.outcome, pair.verdict.outcome.value)


def pair_cells(pair: Compared) -> list[str]:
    verdict = pair.verdict
    scale, digits = scale_of(pair.unit), 2 if words_of(pair.unit) else 4
    n_a, n_b = verdict.n_seeds
    interval = "–"
    if pair.interval is not None:
        interval = " to ".join(f"{bound * scale:.{digits}f}" for bound in pair.interval)
    return [
        pair.a if pair.task is None else f"{pair.a} ({pair.task})",
        pair.b,
        verdict.outcome.value,
        "–" if pair.estimate is None else f"{pair.estimate * scale:+.{digits}f}",
        interval,
        *("–" if p is None else format_p(p) for p in (verdict.p, verdict.p_exact, verdict.floor)),
        f"{n_a}" if n_a == n_b else f"{n_a}, {n_b}",
        "–" if verdict.n_examples is None else f"{verdict.n_examples}",
    ]
