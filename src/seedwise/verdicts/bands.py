"""Groups of arms that the verdicts do not tell apart, best first: what a table of winners should show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from seedwise.escaping import markdown

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Bands:
    """`arms` best first, each with its mean in the metric's own unit; `groups` are the largest sets of arms of which no two are told
    apart. `best` are those that no other is shown to be better than."""

    task: str | None
    metric: str
    scale: float
    arms: tuple[tuple[str, float], ...]
    groups: tuple[tuple[str, ...], ...]
    best: tuple[str, ...]

    def letters(self, arm: str) -> str:
        """The groups that an arm is in, a letter each (a compact letter display, Piepho 2004)."""
        return " ".join(_letter(place) for place, group in enumerate(self.groups) if arm in group)

    def lines(self, named: bool) -> list[str]:
        where = f" ({self.task})" if named and self.task else ""
        head = f"Best{where}, not told apart: " if len(self.best) > 1 else f"Best{where}: "
        wide = max(len(name) for name, _ in self.arms)
        rows = [f"  {name:<{wide}}  {mean * self.scale:>10.4g}  {self.letters(name)}" for name, mean in self.arms]
        return [head + ", ".join(self.best), "Arms that share a letter are not told apart:", *rows]

    def markdown(self) -> list[str]:
        rows = [f"| {markdown(name)} | {mean * self.scale:.4g} | {self.letters(name)} |" for name, mean in self.arms]
        task = f" ({markdown(self.task)})" if self.task else ""
        return [f"| arm{task} | {markdown(self.metric)} | not told apart |", "| --- | --: | --- |", *rows]

    def latex(self, escape: Callable[[str], str]) -> list[str]:
        rows = [f"{escape(name)} & {mean * self.scale:.4g} & {self.letters(name)} \\\\" for name, mean in self.arms]
        return [
            r"\begin{tabular}{lrl}", r"\toprule", f"arm & {escape(self.metric)} & not told apart \\\\", r"\midrule", *rows, r"\bottomrule",
            r"\end{tabular}",
        ]  # fmt: skip


def _letter(place: int) -> str:
    return _LETTERS[place] if place < 26 else f"{_LETTERS[place % 26]}{place // 26}"


def bands_of(
    means: Mapping[str, float],
    better: Sequence[tuple[str, str]],
    *,
    sign: float,
    scale: float,
    metric: str,
    task: str | None,
) -> Bands:
    """Groups of the arms of `means` (higher is better; `sign` turns them into the metric's own), by pairs (better, worse)."""
    apart: dict[str, set[str]] = {name: set() for name in means}
    for first, second in better:
        apart[first].add(second)
        apart[second].add(first)
    worse = {second for _, second in better}
    order = sorted(means, key=lambda name: -means[name])
    return Bands(
        task=task,
        metric=metric,
        scale=scale,
        arms=tuple((name, sign * means[name]) for name in order),
        groups=_groups(order, apart),
        best=tuple(name for name in order if name not in worse),
    )


def _groups(order: Sequence[str], apart: dict[str, set[str]]) -> tuple[tuple[str, ...], ...]:
    """Maximal sets without a pair that is told apart, by insert and absorb (Piepho 2004, doi 10.1198/1061860043515)."""
    sets: list[frozenset[str]] = [frozenset(order)]
    for index, a in enumerate(order):
        for b in order[index + 1 :]:
            if b not in apart[a]:
                continue
            split = [part for each in sets for part in ((each - {a}, each - {b}) if {a, b} <= each else (each,))]
            sets = [each for each in set(split) if each and not any(each < other for other in split)]
    rank = {name: place for place, name in enumerate(order)}
    listed = [tuple(sorted(each, key=lambda name: rank[name])) for each in sets]
    return tuple(sorted(listed, key=lambda group: [rank[name] for name in group]))
