"""What no data could decide: claims with too few seeds, or whose study requires an exact test that these seeds cannot give."""

from __future__ import annotations

from dataclasses import dataclass

from seedwise.planning.interim import looks_of
from seedwise.stats import (
    MIN_SEEDS,
    floor_paired,
    floor_unpaired,
    format_floor,
    is_attainable,
    smallest_n_paired,
    smallest_n_unpaired,
)
from seedwise.study.model import Claim, Study


@dataclass(frozen=True, slots=True)
class Reach:
    """The smallest two-sided p of a claim's exact test over seeds (`floor`, None where no arm has seeds) beside `level`.

    `level` is alpha / claims (Holm's first step), or what the last declared look has. A claim is `attainable` from three seeds
    on, and where the exact test is `required` of a difference, from the number on with which it can reach the level. `seeds`
    is the smallest number an arm with which the claim is attainable.
    """

    floor: float | None
    level: float
    attainable: bool
    seeds: int | None
    required: bool = False

    @property
    def confirmable(self) -> bool:
        """Whether an exact test over these seeds could confirm a difference at the level."""
        return self.floor is None or is_attainable(self.floor, self.level)


def reach_of(study: Study, claim: Claim, *, require_exact: bool = False) -> Reach:
    looks = looks_of(study)
    level = looks[-1].level if looks else study.alpha / max(1, study.family)
    return reach_with(study, claim, len(study.seeds), level, require_exact=require_exact)


def reach_with(study: Study, claim: Claim, count: int, level: float, *, require_exact: bool = False) -> Reach:
    """The same with `count` seeds an arm at `level`, as at a look."""
    fixed = [study.arms[name].deterministic for name in (claim.a, claim.b)]
    if all(fixed):
        return Reach(None, level, True, None)
    flips = claim.design == "paired" or any(fixed)
    floor = floor_paired(count) if flips else floor_unpaired(count, count)
    required = (require_exact or study.exact == "required") and claim.type == "superiority"
    seeds = MIN_SEEDS
    if required:
        smallest = smallest_n_paired if flips else smallest_n_unpaired
        seeds = max(seeds, smallest(level))
    attainable = count >= MIN_SEEDS and (not required or is_attainable(floor, level))
    return Reach(floor, level, attainable, seeds, required)


def unattainable_claims(study: Study, *, require_exact: bool = False) -> list[str]:
    """A sentence for each claim that these seeds cannot decide, with how many would do."""
    found = []
    for claim in study.claims:
        reach = reach_of(study, claim, require_exact=require_exact)
        if reach.attainable or reach.floor is None:
            continue
        if len(study.seeds) < MIN_SEEDS:
            found.append(
                f"claim {claim.name} of {study.name} is unattainable: {len(study.seeds)} seeds decide nothing; declare "
                f"{reach.seeds} seeds"
            )
        else:
            found.append(
                f"claim {claim.name} of {study.name} is unattainable by its own rule (exact: required): with {len(study.seeds)} seeds "
                f"the smallest p of an exact test is {format_floor(reach.floor)}, above {format_floor(reach.level)}"
                f"{f' (family of {study.family})' if study.family > 1 else ''}; declare {reach.seeds} seeds"
            )
    return found
