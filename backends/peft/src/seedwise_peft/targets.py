"""Which parts of a model a method's `target_modules` mean, by the rules of peft, without importing it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seedwise_contract import Fault
from seedwise_contract.faults import shown
from seedwise_peft.families import Part

ALL_LINEAR = "all-linear"
DEFAULT = "default"
Targets = str | Sequence[str]


def form_faults(value: Any, field: str = "target_modules") -> list[Fault]:
    """Faults of `value` as a list of module names, a regular expression, 'default' or 'all-linear'."""
    allowed = "a list of module names, a regular expression over whole names, 'default' or 'all-linear'"
    if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
        return []
    if isinstance(value, str) and value:
        try:
            re.compile(value)
            return []
        except re.error as error:
            allowed = f"a regular expression; this one cannot be read: {error}"
    return [Fault(field=f"method.parameters.{field}", found=shown(value), allowed=allowed)]


def matched(targets: Targets, parts: Iterable[Part], layers: Sequence[int] | None = None) -> list[Part]:
    """Parts that `targets` names: whole names, or their last words; `layers` counts for lists alone, as in peft."""
    found = []
    for part in parts:
        if isinstance(targets, str):
            hit = part.kind == "linear" if targets == ALL_LINEAR else re.fullmatch(targets, part.name) is not None
        else:
            hit = any(part.name == target or part.name.endswith(f".{target}") for target in targets)
            hit = hit and (layers is None or layer_of(part.name) in layers)
        if hit:
            found.append(part)
    return found


def layer_of(name: str) -> int | None:
    """The first number between the dots of a module's name: its layer."""
    numbers = [int(word) for word in name.split(".") if word.isdigit()]
    return numbers[0] if numbers else None


def nothing_matched(targets: Targets, parts: Iterable[Part], kind: str, field: str = "target_modules") -> Fault:
    names = sorted({ending(part.name) for part in parts if part.kind == kind})
    return Fault(
        field=f"method.parameters.{field}",
        found=shown(targets),
        allowed=f"no {kind} module of this model is so named; it has: {', '.join(names)}",
    )


def ending(name: str) -> str:
    """What follows the layer's number in a module's name, or its last word."""
    words = name.split(".")
    numbered = [index for index, word in enumerate(words) if word.isdigit()]
    return ".".join(words[numbered[-1] + 1 :]) if numbered else words[-1]


def list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) and not isinstance(item, bool) for item in value)


def unknown_parameters(parameters: Mapping[str, Any], known: Iterable[str], needed: Iterable[str]) -> list[Fault]:
    """Faults for names that a method does not know, and for needed ones that are missing."""
    known = list(known)
    faults = [
        Fault(
            field=f"method.parameters.{name}", found=shown(value), allowed=f"known here: {', '.join(known) or 'none'}"
        )
        for name, value in parameters.items()
        if name not in known
    ]
    return faults + [
        Fault(field=f"method.parameters.{name}", found="nothing", allowed="this parameter is required")
        for name in needed
        if name not in parameters
    ]
