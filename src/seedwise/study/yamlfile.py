"""YAML from a user, validated at the door: every fault at once, each with file, line, field, what was found, what is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from seedwise.errors import InputError
from seedwise_contract import Fault, faults_of

M = TypeVar("M", bound=BaseModel)


def read_yaml(path: Path) -> CommentedMap:
    """The mapping in `path` (YAML 1.2: `1e-5` is a number, `no` is a word; a key given twice is an error)."""
    try:
        text = path.read_text(encoding="utf-8")
        value = YAML(typ="rt", pure=True).load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = (error.problem or str(error)).split("\n")[0]
        raise InputError(f"{where}: not valid YAML: {problem}") from None
    except YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(value, CommentedMap):
        raise InputError(
            f"{path}: found {type(value).__name__ if value is not None else 'nothing'}; a mapping is needed"
        )
    return value


def validated(
    model: type[M], value: Any, path: Path, source: Any = None, place: Callable[[str], str] = lambda field: field
) -> M:
    """`value` as `model`, by the strict rules of JSON.

    `source` is the YAML tree that line numbers are looked up in; `place` maps a faulty field to where the tree says it.
    """
    try:
        return model.model_validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        faults = [fault.model_copy(update={"field": place(fault.field)}) for fault in faults_of(error)]
        raise fault_error(path, list(dict.fromkeys(faults)), source if source is not None else value) from None


def fault_error(path: Path, faults: list[Fault], source: Any) -> InputError:
    lines = [f"{path}{_line(source, fault.field)}: {fault}" for fault in faults]
    return InputError("\n".join(lines))


def _line(tree: Any, field: str) -> str:
    """`:LINE` of the deepest part of `field` that the tree holds, or nothing where the tree has no lines."""
    line = None
    for part in field.split("."):
        if isinstance(tree, CommentedMap) and part in tree:
            line = tree.lc.key(part)[0] + 1
            tree = tree[part]
        elif isinstance(tree, CommentedSeq) and part.isdigit() and int(part) < len(tree):
            line = tree.lc.item(int(part))[0] + 1
            tree = tree[int(part)]
        else:
            break
    return f":{line}" if line is not None else ""
