"""The entries of `tasks` in a study file, as they are written: what one says of its task, laid over what the file says of all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seedwise.study.model import StudyTask
from seedwise_contract import Fault
from seedwise_contract.faults import shown

TASK_NAME = r"^[a-z0-9][a-z0-9_-]{0,31}$"
_OWN = ("recipe", "selection", "reported")  # what a task may have otherwise than the rest of the file
_TASK = tuple(StudyTask.model_fields)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`.  Mappings merge key by key, except a method, whose parameters belong to its name."""
    made = dict(base)
    for key, value in over.items():
        old = made.get(key)
        deep = isinstance(old, Mapping) and isinstance(value, Mapping) and key != "method"
        made[key] = merged(old, value) if deep else value  # type: ignore[arg-type]
    return made


def entry_faults(value: Mapping[str, Any], entries: Any) -> list[Fault]:
    """What is wrong with the form of `tasks`, of what arms say of single tasks, and of the name that theirs are made of."""
    if not isinstance(entries, Sequence) or isinstance(entries, str) or len(entries) < 2:
        return [Fault(field="tasks", found=shown(entries), allowed="a list of two or more; a single one is `task`")]
    faults = []
    if "task" in value:
        faults.append(Fault(field="task", found="task beside tasks", allowed="one of the two"))
    for number, entry in enumerate(entries):
        field = f"tasks.{number}"
        if not isinstance(entry, Mapping):
            faults.append(Fault(field=field, found=shown(entry), allowed="a mapping with name and data"))
            continue
        name = entry.get("name")
        if not isinstance(name, str) or re.match(TASK_NAME, name) is None:
            allowed = "a name in small letters, digits, '_' and '-', at most 32"
            faults.append(Fault(field=f"{field}.name", found=shown(name), allowed=allowed))
        for key in entry:
            if key == "seeds":
                allowed = "nothing: the seeds of the study are those of every task"
                faults.append(Fault(field=f"{field}.seeds", found=shown(entry[key]), allowed=allowed))
            elif key not in ("name", *_TASK, *_OWN):
                allowed = f"one of name, {', '.join((*_TASK, *_OWN))}"
                faults.append(Fault(field=f"{field}.{key}", found=str(key), allowed=allowed))
    for key in ("name", "title"):
        if not isinstance(value.get(key), str):
            faults.append(Fault(field=key, found=shown(value.get(key)), allowed="a text"))
    return faults or _arm_faults(value.get("arms"), [entry["name"] for entry in entries])


def _arm_faults(arms: Any, names: Sequence[str]) -> list[Fault]:
    faults = []
    for arm, said in arms.items() if isinstance(arms, Mapping) else ():
        tasks = said.get("tasks") if isinstance(said, Mapping) else None
        field = f"arms.{arm}.tasks"
        if tasks is None:
            continue
        if isinstance(tasks, Sequence) and not isinstance(tasks, str):
            missing = [name for name in names if name not in tasks]
            if missing:
                allowed = "every task of the study, or nothing: arms are compared on the same tasks"
                faults.append(Fault(field=field, found=f"no {', '.join(missing)}", allowed=allowed))
        elif not isinstance(tasks, Mapping):
            faults.append(Fault(field=field, found=shown(tasks), allowed="task → what of this arm is other there"))
            continue
        for name in tasks:
            if name not in names:
                faults.append(Fault(field=field, found=shown(name), allowed=f"one of the tasks: {', '.join(names)}"))
            elif isinstance(tasks, Mapping) and not isinstance(tasks[name], Mapping):
                allowed = "what of this arm is other there; an arm is run on every task"
                faults.append(Fault(field=f"{field}.{name}", found=shown(tasks[name]), allowed=allowed))
    return faults


def of_task(
    value: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], number: int
) -> tuple[dict[str, Any], Callable[[str], str]]:
    """What the file says of its task `number`, as a file of that task alone would; and where it says a field of that."""
    entry = entries[number]
    name, recipe = entry["name"], entry.get("recipe")
    own = {key: inner for key, inner in value.items() if key != "arms"}
    own["name"] = f"{value['name']}.{name}"
    own["title"] = f"{value['title']}: {name}"
    own["task"] = {key: inner for key, inner in entry.items() if key in _TASK}
    if isinstance(entry.get("selection"), Mapping):
        own["selection"] = merged(value.get("selection") or {}, entry["selection"])
    if "reported" in entry:
        own["reported"] = entry["reported"]
    arms, defaults = value.get("arms"), value.get("defaults") or {}
    if isinstance(arms, Mapping):
        own["arms"] = {
            arm: _arm(said, defaults, recipe, name) if isinstance(said, Mapping) or said is None else said
            for arm, said in arms.items()
        }

    def place(field: str) -> str:
        first, _, rest = field.partition(".")
        if first == "task":
            return f"tasks.{number}.{rest}" if rest else f"tasks.{number}"
        if first == "reported" and first in entry:
            return f"tasks.{number}.{field}"
        if first == "selection" and rest in (entry.get("selection") or {}):
            return f"tasks.{number}.{field}"
        if ".recipe" in field and isinstance(recipe, Mapping) and _holds(recipe, field.partition(".recipe.")[2]):
            return f"tasks.{number}.recipe.{field.partition('.recipe.')[2]}"
        return field

    return own, place


def _arm(said: Mapping[str, Any] | None, defaults: Mapping[str, Any], recipe: Any, task: str) -> dict[str, Any]:
    arm = {key: inner for key, inner in (said or {}).items() if key != "tasks"}
    trained = merged(defaults, arm).get("recipe") is not None
    if recipe is not None and trained:
        whole = merged(defaults, arm)["recipe"]
        both = isinstance(recipe, Mapping) and isinstance(whole, Mapping)
        arm = {**arm, "recipe": merged(whole, recipe) if both else recipe}
    there = (said or {}).get("tasks")
    return merged(merged(defaults, arm), there[task]) if isinstance(there, Mapping) and task in there else arm


def _holds(tree: Any, path: str) -> bool:
    for part in path.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True
