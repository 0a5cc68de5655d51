"""Reads a study file: arms merged over the defaults, every fault of form and between fields told at once, each with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from seedwise.errors import InputError
from seedwise.study.entries import TASK_NAME, entry_faults, merged, of_task
from seedwise.study.faults import cross_faults
from seedwise.study.model import DEFAULT_SEEDS, MOST_SEEDS, Study
from seedwise.study.search import search_faults, search_study
from seedwise.study.suite import Suite, suite_faults, suite_of
from seedwise.study.yamlfile import fault_error, read_yaml, validated
from seedwise_contract import Fault
from seedwise_contract.faults import shown


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A study and the file that it is in; `suite` where the study is one task of several in there."""

    path: Path
    study: Study
    suite: Suite | None = None


def load_study(path: Path) -> StudyFile:
    """The study in `path`, which has one task; `InputError` lists every fault with its line."""
    files = load_studies(path)
    if files[0].suite is not None:
        raise InputError(f"{path}: has {len(files)} tasks; one task is needed here")
    return files[-1]


def load_studies(path: Path) -> tuple[StudyFile, ...]:
    """The studies in `path`: one a task, or a study's search and then itself; `InputError` lists every fault with its line."""
    tree = read_yaml(path)
    if "tasks" in tree:
        return _load_suite(path, tree)
    study = _study(path, tree, dict(tree), lambda field: field)
    _refuse(path, tree, [*cross_faults(study), *_single_faults(study), *search_faults(study)])
    tried = () if study.search is None else (StudyFile(path, search_study(study)),)
    return (*tried, StudyFile(path, study))


def _refuse(path: Path, tree: Any, faults: list[Fault]) -> None:
    if faults:
        raise fault_error(path, list(dict.fromkeys(faults)), tree)


def _single_faults(study: Study) -> list[Fault]:
    return [
        Fault(field=f"claims.{number}.{field}", found=str(said), allowed="nothing: it belongs to a study of several `tasks`")
        for number, claim in enumerate(study.claims)
        for field, said, plain in (("scope", claim.scope, "each"), ("differences", claim.differences, None))
        if said != plain
    ]  # fmt: skip


def _load_suite(path: Path, tree: Any) -> tuple[StudyFile, ...]:
    """Each task's study is made of what the file says of all, and what it says of that task and of an arm there."""
    value: dict[str, Any] = dict(tree)
    entries = value.pop("tasks")
    _refuse(path, tree, entry_faults(value, entries))
    if value.get("search") is not None:
        allowed = "nothing where there are several tasks: each is tuned in a file of its own"
        _refuse(path, tree, [Fault(field="search", found="search", allowed=allowed)])
    names = [entry["name"] for entry in entries]
    studies = []
    for number in range(len(entries)):
        own, place = of_task(value, entries, number)
        study = _study(path, tree, own, place)
        _refuse(path, tree, [f.model_copy(update={"field": place(f.field)}) for f in cross_faults(study)])
        studies.append(study)
    _refuse(path, tree, suite_faults(studies, names))
    suite, members = suite_of(studies, names, str(value["name"]), str(value["title"]))
    return tuple(StudyFile(path, member, suite) for member in members)


def _study(path: Path, tree: Any, value: dict[str, Any], place: Callable[[str], str]) -> Study:
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
            name: merged(defaults, arm if isinstance(arm, Mapping) else {})
            if arm is None or isinstance(arm, Mapping)
            else arm
            for name, arm in arms.items()
        }
    return validated(Study, value, path, tree, lambda field: place(_place(field, defaults, arms)))


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
    del schema["properties"]["part"], definitions["Part"]
    several = {
        "type": "array",
        "minItems": 2,
        "items": {"$ref": "#/$defs/TaskEntry"},
        "description": "several tasks in place of `task`; their names are part of the names of their results",
    }
    definitions["TaskEntry"] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "data"],
        "properties": {
            "name": {"type": "string", "pattern": TASK_NAME},
            **definitions["StudyTask"]["properties"],
            "recipe": {"$ref": "#/$defs/StudyRecipe", "description": "what is other than in the arms, for this task"},
            "selection": {"$ref": "#/$defs/Selection"},
            "reported": {"type": "array", "items": {"$ref": "#/$defs/Reported"}},
        },
    }
    schema["properties"]["tasks"] = several
    definitions["Arm"]["properties"]["tasks"] = {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/Arm"},
        "description": "task → what of this arm is other there",
    }
    schema["required"].remove("task")
    schema["oneOf"] = [{"required": ["task"]}, {"required": ["tasks"]}]
    return schema
