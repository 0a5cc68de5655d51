"""Reads a study file: arms merged over the defaults, every fault of form and between fields told at once, each with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from seedwise.study.faults import cross_faults
from seedwise.study.model import DEFAULT_SEEDS, MOST_SEEDS, Study
from seedwise.study.yamlfile import fault_error, read_yaml, validated
from seedwise_contract import Fault
from seedwise_contract.faults import shown


@dataclass(frozen=True, slots=True)
class StudyFile:
    path: Path
    study: Study


def load_study(path: Path) -> StudyFile:
    """The study in `path`; `InputError` lists every fault with its line."""
    tree = read_yaml(path)
    value: dict[str, Any] = dict(tree)
    value["seeds"] = _seeds(value.get("seeds", DEFAULT_SEEDS))
    defaults = value.pop("defaults", None)
    if defaults is None:
        defaults = {}
    elif not isinstance(defaults, Mapping):
        allowed = "a mapping: what every arm has unless it says otherwise"
        raise fault_error(path, [Fault(field="defaults", found=shown(defaults), allowed=allowed)], tree)
    if isinstance(value["seeds"], float) or (isinstance(value["seeds"], int) and value["seeds"] > MOST_SEEDS):
        allowed = f"a count from 1 to {MOST_SEEDS:,}, or a list of distinct seeds"
        raise fault_error(path, [Fault(field="seeds", found=_digits(value["seeds"]), allowed=allowed)], tree)
    arms = value.get("arms")
    if isinstance(defaults, Mapping) and isinstance(arms, Mapping):
        value["arms"] = {
            name: _merged(defaults, arm if isinstance(arm, Mapping) else {})
            if arm is None or isinstance(arm, Mapping)
            else arm
            for name, arm in arms.items()
        }
    study = validated(Study, value, path, tree, lambda field: _place(field, defaults, arms))
    faults = cross_faults(study)
    if faults:
        raise fault_error(path, faults, tree)
    return StudyFile(path, study)


def _digits(number: float) -> str:
    return shown(number) if not isinstance(number, int) or abs(number) < 10**20 else "a number of more than 20 digits"


def _place(field: str, defaults: Any, arms: Any) -> str:
    """Where the file says a merged arm's `field`: in the arm itself, or else in the defaults."""
    parts = field.split(".")
    if parts[0] != "arms" or len(parts) < 3 or parts[2] not in defaults:
        return field
    own = arms.get(parts[1]) or {}
    return (
        field if parts[2] in own and (len(parts) == 3 or _holds(own, parts[2:])) else ".".join(["defaults", *parts[2:]])
    )


def _holds(tree: Any, parts: list[str]) -> bool:
    for part in parts:
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True


def _seeds(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SEEDS:
        return list(range(value))
    return value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`.  Mappings merge key by key, except a method, whose parameters belong to its name."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        deep = isinstance(old, Mapping) and isinstance(value, Mapping) and key != "method"
        merged[key] = _merged(old, value) if deep else value  # type: ignore[arg-type]
    return merged


def study_schema() -> dict[str, JsonValue]:
    """JSON Schema of a study file, for editors: arms and defaults may leave out what the other gives."""
    schema = Study.model_json_schema()
    definitions = schema["$defs"]
    for name in ("Arm", "StudyRecipe", "Optimizer", "StudySchedule", "Dropout"):
        definitions[name].pop("required", None)
    schema["properties"]["defaults"] = {
        "$ref": "#/$defs/Arm",
        "description": "what every arm has unless it says otherwise",
    }
    schema["properties"]["seeds"] = {
        "anyOf": [{"type": "integer", "minimum": 1}, schema["properties"]["seeds"]],
        "description": "a count n (seeds 0 to n-1) or a list",
        "default": DEFAULT_SEEDS,
    }
    schema["required"] = [name for name in schema["required"] if name != "seeds"]
    schema["title"] = "Seedwise study"
    return schema
