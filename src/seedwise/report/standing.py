"""Where each arm of a study stands between quality and cost, by the verdicts' own comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from seedwise.report.arm_rows import ArmStanding
from seedwise.report.facts import read_parameters
from seedwise.report.noise import ways
from seedwise.report.text import rate
from seedwise.stats import CrossedResult, Placed, Standing, crossed, format_p, frontier
from seedwise.store.store import Store, StoredRun
from seedwise.study.search import is_search
from seedwise.verdicts.arms import ArmScores, clusters_of_both
from seedwise.verdicts.comparison import StudyOutcome

Measure = Callable[[StoredRun, Store], float | None]
MEBIBYTE = 1 << 20
_MEASURES: tuple[tuple[str, Measure], ...] = (
    ("trainable parameters", lambda run, store: _trainable(run, store)),
    ("seconds of training", lambda run, _: run.result.timings.training or None),
    ("peak memory, MiB", lambda run, _: _scaled(run.result.cost.peak_host_bytes)),
    ("peak GPU memory, MiB", lambda run, _: _scaled(run.result.cost.peak_device_bytes)),
    ("checkpoint, MiB", lambda run, _: _scaled(run.result.cost.checkpoint_bytes)),
    ("energy, J", lambda run, _: run.result.cost.energy_joules),
)


def standings(outcome: StudyOutcome, store: Store) -> tuple[ArmStanding, ...]:
    """Each complete arm that is trained and no baseline, by each cost that all their runs could measure; exploratory.

    Nothing where fewer than two such arms are there, or one of them has fewer than three seeds; nor of a search, whose points are no
    choices yet. Arms that are alike but for what varies in them are one.
    """
    if is_search(outcome.study):
        return ()
    chosen = ways(outcome.study)
    arms = [
        arm
        for arm in outcome.arms.values()
        if arm.name in chosen
        and not arm.baseline
        and not arm.deterministic
        and outcome.study.arms[arm.name].recipe is not None
    ]
    if len(arms) < 2 or any(len(arm.runs) < 3 for arm in arms):
        return ()
    quality = _quality(arms, outcome.study.alpha)
    found = []
    for title, measure in _MEASURES:
        costs = _costs(arms, measure, store)
        if costs is not None and len({value for runs in costs.values() for value in runs}) > 1:
            placed = frontier(quality, costs, outcome.study.alpha)
            found += [_standing(title, each) for each in placed]
    return tuple(found)


def _quality(arms: Sequence[ArmScores], alpha: float) -> dict[tuple[str, str], tuple[float, float]]:
    """The crossed comparison of every pair; one that is undefined is left out, and so shows nothing."""
    found = {}
    for a, b in combinations(arms, 2):
        result = crossed(a.examples, b.examples, alpha, clusters=clusters_of_both(a, b))
        if isinstance(result, CrossedResult):
            found[a.name, b.name] = (result.estimate, result.p)
    return found


def _costs(arms: Sequence[ArmScores], measure: Measure, store: Store) -> Mapping[str, list[float]] | None:
    costs: dict[str, list[float]] = {}
    for arm in arms:
        values = [measure(run, store) for run in arm.runs]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        costs[arm.name] = known
    return costs


def _standing(title: str, placed: Placed) -> ArmStanding:
    words = placed.standing.value
    if placed.standing is Standing.DOMINATED:
        words = f"dominated by {placed.by}"
    return ArmStanding(
        cost=title, arm=placed.arm, value=placed.cost, standing=placed.standing.value, by=placed.by, p=placed.p, words=words
    )  # fmt: skip


def standing_lines(found: Sequence[ArmStanding]) -> list[str]:
    """A line a cost, for a terminal."""
    lines = []
    for title in dict.fromkeys(each.cost for each in found):
        parts = [
            f"{each.arm} {each.words} ({rate(each.value)}{'' if each.p is None else f'; p {format_p(each.p)}'})"
            for each in found
            if each.cost == title
        ]
        lines.append(f"quality against {title}: {'; '.join(parts)}")
    return lines


def _trainable(run: StoredRun, store: Store) -> float | None:
    table = read_parameters(run, store)
    return None if table is None else float(table.trainable)


def _scaled(size: int | None) -> float | None:
    return None if size is None else size / MEBIBYTE
