"""Quality against cost: which arms are dominated, which are on the frontier, and for which that is open; errors controlled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from .degenerate import Degenerate
from .family import holm
from .numeric import as_scores, check_alpha
from .welch import welch

Pair = tuple[str, str]
_Less = Callable[[str, str, bool], float | None]


class Standing(StrEnum):
    """`DOMINATED`: another arm costs no more and is better. `FRONTIER`: every other arm costs more, or is worse. Both are shown, at
    the level of the family; `OPEN` is whatever is not.
    """

    FRONTIER = "on the frontier"
    DOMINATED = "dominated"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one arm stands; `by` names the arm that dominates it, and `p` is the adjusted p value of what was shown.

    Of an arm on the frontier `p` is the largest that it took; None where exact costs alone say so.
    """

    arm: str
    standing: Standing
    cost: float
    by: str | None = None
    p: float | None = None


def frontier(
    quality: Mapping[Pair, tuple[float, float]], costs: Mapping[str, Sequence[float]], alpha: float = 0.05
) -> tuple[Placed, ...]:
    """Place each arm of `costs` (its runs' costs) by the pairwise comparisons `quality`: (a, b) → estimate of a - b, p value.

    A cost that is the same in every run of an arm, and of every arm, is exact: arms are ordered by it without an error. One that
    is measured is compared by Welch's test. All p values, of quality and of cost, are one family under Holm; an arm dominates
    another where both parts are shown (intersection and union, Berger 1982, doi 10.1080/00401706.1982.10487790), so the chance of any
    false statement is at most alpha. A pair without a comparison counts as not shown. Raises ValueError for an arm
    without a cost or a pair of unknown arms.
    """
    check_alpha(alpha)
    values = {name: as_scores(list(runs), name) for name, runs in costs.items()}
    if any(not found.size for found in values.values()):
        raise ValueError("every arm needs the cost of a run at least")
    if unknown := {name for pair in quality for name in pair} - set(values):
        raise ValueError(f"no costs of {', '.join(sorted(unknown))}")
    mean = {name: float(found.mean()) for name, found in values.items()}
    exact = all(bool((found == found[0]).all()) for found in values.values())
    tests: dict[Pair, float] = {}
    for a, b in combinations(values, 2) if not exact else ():
        found = welch(values[a], values[b], alpha) if min(values[a].size, values[b].size) > 1 else None
        tests[a, b] = 1.0 if found is None or isinstance(found, Degenerate) else found.p
    adjusted = holm([p for _, p in quality.values()] + list(tests.values()))
    better = {}
    for ((a, b), (estimate, _)), p in zip(quality.items(), adjusted, strict=False):
        better[(a, b) if estimate > 0.0 else (b, a)] = p
    cheaper: dict[Pair, float] = {}
    for (a, b), p in zip(tests, adjusted[len(quality) :], strict=True):
        cheaper[(a, b) if mean[a] < mean[b] else (b, a)] = p
    shown = {pair: p for pair, p in better.items() if p <= alpha}

    def less(a: str, b: str, equal: bool) -> float | None:
        """The adjusted p value of a costing less than b (or, with `equal`, no more); None where that is not shown."""
        if exact:
            return 0.0 if mean[a] < mean[b] or (equal and mean[a] == mean[b]) else None
        p = cheaper.get((a, b))
        return p if p is not None and p <= alpha else None

    return tuple(_placed(name, mean, shown, less) for name in values)


def _placed(name: str, mean: Mapping[str, float], shown: Mapping[Pair, float], costs_less: _Less) -> Placed:
    dominating = [
        (max(p, of_cost), other)
        for other in mean
        if other != name
        and (p := shown.get((other, name))) is not None
        and (of_cost := costs_less(other, name, True)) is not None
    ]
    if dominating:
        p, by = min(dominating)
        return Placed(name, Standing.DOMINATED, mean[name], by, p)
    taken = []
    for other in mean:
        if other == name:
            continue
        of_cost, of_quality = costs_less(name, other, False), shown.get((name, other))
        found = [p for p in (of_cost, of_quality) if p is not None]
        if not found:
            return Placed(name, Standing.OPEN, mean[name])
        taken.append(min(found))
    largest = max(taken, default=0.0)
    return Placed(name, Standing.FRONTIER, mean[name], p=largest or None)
