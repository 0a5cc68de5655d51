"""How many seeds, from numbers alone: no study, no project."""

from __future__ import annotations

import json
from collections.abc import Sequence

from seedwise.errors import InputError
from seedwise.stats import (
    MIN_SEEDS,
    Components,
    floor_unpaired,
    power_crossed,
    power_welch,
    smallest_n_unpaired,
)
from seedwise.stats.noncentral import smallest

LARGEST = 100_000


def plan_numbers(
    sd_seeds: float,
    sd_examples: float | None,
    differences: Sequence[float],
    examples: int | None,
    alpha: float,
    power: float,
    as_json: bool,
) -> str:
    """Seeds an arm that find each of `differences` (all in one unit) with chance `power`, as text or JSON.

    Over seeds alone by Welch's test, or with `sd_examples` (of the difference of two arms on an
    example) and `examples` by the crossed test.
    Raises InputError for numbers that no plan can be made of.
    """
    if not 0.0 < alpha < 0.5:
        raise InputError(f"--alpha {alpha:g}: must lie between 0 and 0.5")
    if not alpha < power < 1.0:
        raise InputError(f"--power {power:g}: must lie between alpha and 1")
    if (sd_examples is None) != (examples is None):
        raise InputError("--sd-examples and --examples belong together: how examples scatter, and how many there are")
    for difference in differences:
        if not 0.0 < abs(difference) < float("inf"):
            raise InputError(f"--difference {difference:g}: must be a number other than 0")
    found = [_seeds(sd_seeds, sd_examples, abs(each), examples, alpha, power) for each in differences]
    exact = smallest_n_unpaired(alpha)
    if as_json:
        items = [
            {
                "difference": each, "sd_seeds": sd_seeds, "sd_examples": sd_examples, "examples": examples, "alpha": alpha, "power": power,
                "seeds_per_arm": n, "seeds_per_arm_with_exact_test": None if n is None else max(n, exact),
            }
            for each, n in zip(differences, found, strict=True)
        ]  # fmt: skip
        return json.dumps(items[0] if len(items) == 1 else items, indent=2)
    test = "on this test file (Welch)" if examples is None else f"on {examples} examples (crossed seeds x examples)"
    lines = [
        f"Seeds an arm that find a difference with {100 * power:g} % power at alpha {alpha:g}, sd between seeds {sd_seeds:g}, {test}:"
    ]
    for each, n in zip(differences, found, strict=True):
        if n is None:
            lines.append(f"  difference {each:g}: no number of seeds up to {LARGEST:,}")
            continue
        more = (
            ""
            if n >= exact
            else f" ({exact} for an exact test to confirm it: with {n} its smallest p is {floor_unpaired(n, n):.3g})"
        )
        lines.append(f"  difference {each:g}: {n} seeds an arm{more}")
    return "\n".join(lines)


def _seeds(
    sd_seeds: float, sd_examples: float | None, difference: float, examples: int | None, alpha: float, power: float
) -> int | None:
    if sd_examples is None or examples is None:
        return smallest(lambda n: power_welch(difference, sd_seeds, sd_seeds, n, alpha) >= power, MIN_SEEDS, LARGEST)
    parts = Components(sd_seeds**2, sd_seeds**2, sd_examples**2, 0.0, 0.0)
    return smallest(lambda n: power_crossed(difference, parts, n, examples, alpha) >= power, MIN_SEEDS, LARGEST)
