"""A forecast as text and as JSON."""

from __future__ import annotations

from typing import Any

from seedwise.forecast.attainable import Reach
from seedwise.forecast.claims import POWER, ClaimForecast
from seedwise.stats import format_floor


def as_lines(found: ClaimForecast) -> list[str]:
    """A heading, what the exact test allows, the variances, and a table of what can be found."""
    claim, reach = found.claim, found.reach
    lines = [f"claim {claim.name}: {_statement(found)}"]
    if reach.floor is not None:
        floor = f"  floor of the exact test {format_floor(reach.floor)} at level {format_floor(reach.level)}"
        if not reach.attainable:
            lines.append(
                f"{floor}: UNATTAINABLE{' (exact: required)' if reach.required else ''}: it takes {reach.seeds} seeds"
            )
        elif claim.type == "equivalence":
            lines.append(
                "  attainable; it rests on seeds that scatter near normally: of equivalence there is no exact test"
            )
        elif reach.confirmable:
            lines.append(f"{floor}: attainable, and an exact test can confirm it")
        else:
            lines.append(
                f"{floor}: attainable, resting on seeds that scatter near normally: no exact test over so few can confirm it"
            )
    if found.basis is None:
        return [
            *lines,
            f"  variances: not known, and none is assumed for {found.metric.name}; state --sd-seeds and --sd-examples, or run a pilot",
        ]
    lines.append(f"  variances ({found.basis.source}): {found.basis.words}")
    if found.smallest is None:
        return lines
    chance = f"{100 * POWER:g} % power"
    if claim.type == "equivalence":
        lines.append(
            f"  smallest margin within which equal arms are shown equivalent with {chance}: {found.metric.amount(found.smallest)}"
        )
        heading = ("margin", "power if equal")
    else:
        lines.append(f"  smallest true difference found with {chance}: {found.metric.amount(found.smallest)}")
        heading = ("true difference", "power")
    rows = [(*heading, f"seeds an arm for {chance}", "or examples")]
    for at in found.power:
        rows.append((found.metric.amount(at.size), _chance(at.power), _seeds(at.seeds, found), _count(at.examples)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines.extend("    " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return lines


def as_dict(found: ClaimForecast) -> dict[str, Any]:
    """The same for a program, in the metric's own unit; null where nothing is known."""
    basis = found.basis
    return {
        "name": found.claim.name,
        "a": found.claim.a,
        "b": found.claim.b,
        "type": found.claim.type,
        "design": found.claim.design,
        "margin": found.claim.margin,
        "family_size": found.family,
        "n_seeds": found.n_seeds,
        "n_examples": found.n_examples,
        "n_clusters": found.n_clusters,
        **_reach(found.reach),
        "variances": None
        if basis is None
        else {
            "source": basis.source,
            "words": basis.words,
            "seed_a": basis.components.seed_a,
            "seed_b": basis.components.seed_b,
            "example": basis.components.example,
            "residual_a": basis.components.residual_a,
            "residual_b": basis.components.residual_b,
        },
        "wanted_power": POWER,
        "smallest": found.smallest,
        "power": [
            {"size": at.size, "power": at.power, "seeds_per_arm": at.seeds, "examples": at.examples}
            for at in found.power
        ],
        "hours_per_seed": None if found.seconds_per_seed is None else found.seconds_per_seed / 3600,
    }


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _reach(reach: Reach) -> dict[str, Any]:
    return {
        "floor": reach.floor,
        "level": reach.level,
        "attainable": reach.attainable,
        "confirmable": reach.confirmable,
        "seeds_to_attain": reach.seeds,
    }


def _statement(found: ClaimForecast) -> str:
    claim = found.claim
    what = f"{claim.a} better than {claim.b}"
    if claim.type == "equivalence" and claim.margin is not None:
        what = f"{claim.a} and {claim.b} equivalent within {found.metric.amount(claim.margin)}"
    pairs = "paired seeds" if claim.design == "paired" else "seeds an arm"
    family = f", family of {found.family}" if found.family > 1 else ""
    clusters = "" if found.n_clusters is None else f" in {found.n_clusters} clusters"
    return f"{what} ({found.n_seeds} {pairs}, {found.n_examples} examples{clusters}{family})"


def _seeds(count: int | None, found: ClaimForecast) -> str:
    if count is None:
        return "no number"
    if found.seconds_per_seed is None or count <= found.n_seeds:
        return f"{count}"
    return f"{count} (+{hours((count - found.n_seeds) * found.seconds_per_seed)})"


def _count(count: int | None) -> str:
    return "no number" if count is None else f"{count:,}"


def _chance(power: float) -> str:
    return ">.99" if power > 0.99 else f"{power:.2f}".removeprefix("0")
