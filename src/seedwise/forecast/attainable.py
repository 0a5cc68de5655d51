"""What no data could decide: claims whose exact test cannot return a small enough p with the declared seeds."""

from __future__ import annotations

from dataclasses import dataclass

from seedwise.planning.interim import looks_of
from seedwise.stats import floor_paired, floor_unpaired, format_p, is_attainable, smallest_n_paired, smallest_n_unpaired
from seedwise.study.model import Claim, Study


@dataclass(frozen=True, slots=True)
class Reach:
    """The smallest two-sided p of a claim's exact test over seeds (`floor`, None where no arm has seeds) beside `level`.

    `level` is alpha / claims (Holm's first step), or what the last declared look has. `seeds` is the smallest number an arm
    with which the claim is attainable.
    """

    floor: float | None
    level: float
    attainable: bool
    seeds: int | None


def reach_of(study: Study, claim: Claim) -> Reach:
    looks = looks_of(study)
    level = looks[-1].level if looks else study.alpha / max(1, len(study.claims))
    return reach_with(study, claim, len(study.seeds), level)


def reach_with(study: Study, claim: Claim, count: int, level: float) -> Reach:
    """The same with `count` seeds an arm at `level`, as at a look."""
    fixed = [study.arms[name].deterministic for name in (claim.a, claim.b)]
    if all(fixed):
        return Reach(None, level, True, None)
    flips = claim.design == "paired" or any(fixed)
    floor = floor_paired(count) if flips else floor_unpaired(count, count)
    smallest = smallest_n_paired if flips else smallest_n_unpaired
    return Reach(floor, level, is_attainable(floor, level), smallest(level))


def unattainable_claims(study: Study) -> list[str]:
    """A sentence for each claim that these seeds cannot decide, with how many would do."""
    found = []
    for claim in study.claims:
        reach = reach_of(study, claim)
        if not reach.attainable and reach.floor is not None:
            found.append(
                f"claim {claim.name} of {study.name} is unattainable: with {len(study.seeds)} seeds the smallest p of an exact "
                f"test is {format_p(reach.floor)}, above {format_p(reach.level)}"
                f"{f' (family of {len(study.claims)})' if len(study.claims) > 1 else ''}; declare {reach.seeds} seeds"
            )
    return found
