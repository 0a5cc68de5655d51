"""YAML from a user, validated at the door: every fault at once, each with file, line, field, what was found, what is allowed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

from seedwise.bounded import DEPTH, DIGITS, read_text, reason
from seedwise.errors import InputError
from seedwise_contract import Fault, faults_of
from seedwise_contract.faults import shown

M = TypeVar("M", bound=BaseModel)
_NODES = 100_000
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_SHOWN = 20
_CHARACTERS = 20_000  # of one text


def read_yaml(path: Path) -> CommentedMap:
    """The mapping in `path` (YAML 1.2: `1e-5` is a number, `no` is a word; a key given twice is an error)."""
    text = read_text(path)
    try:
        _refuse_boundless(text, path)
        value = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = (error.problem or str(error)).split("\n")[0]
        raise InputError(f"{where}: not valid YAML: {problem}") from None
    except (YAMLError, ValueError, TypeError, RecursionError, AttributeError, KeyError, AssertionError) as error:
        raise InputError(f"{path}: not valid YAML: {reason(error)}") from None
    if not isinstance(value, CommentedMap):
        raise InputError(
            f"{path}: found {type(value).__name__ if value is not None else 'nothing'}; a mapping is needed"
        )
    return value


def _refuse_boundless(text: str, path: Path) -> None:
    """By its events, before any of it is built: how deep it is, how often parts of it are repeated by name, and tags."""
    depth = nodes = 0
    open_anchors: list[tuple[str | None, int]] = []
    sizes: dict[str, int] = {}
    for event in YAML(typ="rt", pure=True).parse(text):
        line = event.start_mark.line + 1
        if isinstance(event, CollectionEndEvent):
            depth -= 1
            anchor, before = open_anchors.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
            continue
        if isinstance(event, AliasEvent):
            if event.anchor not in sizes:
                raise InputError(
                    f"{path}:{line}: *{event.anchor}: names no finished part of the file above it; write it out"
                )
            nodes += sizes[event.anchor]
        elif isinstance(event, NodeEvent):
            tag = getattr(event, "tag", None)
            if tag is not None and str(tag) != "!":
                raise InputError(f"{path}:{line}: found the tag {shown(str(tag))}; tags are not read: leave it out")
            nodes += 1
            if isinstance(event, CollectionStartEvent):
                depth += 1
                open_anchors.append((event.anchor, nodes))
            elif event.anchor is not None:
                sizes[event.anchor] = 1
        if depth > DEPTH:
            raise InputError(f"{path}:{line}: nested more than {DEPTH} deep")
        if nodes > _NODES:
            raise InputError(f"{path}:{line}: more than {_NODES:,} values, what is repeated by name counted each time")


def validated(
    model: type[M], value: Any, path: Path, source: Any = None, place: Callable[[str], str] = lambda field: field
) -> M:
    """`value` as `model`, by the strict rules of JSON.

    `source` is the YAML tree that line numbers are looked up in; `place` maps a faulty field to where the tree says it.
    """
    try:
        said = list(_unlike_json(value))
        if said:
            raise fault_error(path, said, source if source is not None else value)
        return model.model_validate_json(json.dumps(value))
    except (TypeError, RecursionError, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from None
    except ValidationError as error:
        faults = [fault.model_copy(update={"field": place(fault.field)}) for fault in faults_of(error)]
        raise fault_error(path, list(dict.fromkeys(faults)), source if source is not None else value) from None


def fault_error(path: Path, faults: list[Fault], source: Any) -> InputError:
    lines = [f"{path}{_line(source, fault.field)}: {fault}" for fault in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        lines.append(f"{path}: {_SHOWN} faults, and {len(faults) - _SHOWN} more")
    return InputError("\n".join(lines))


def _unlike_json(value: Any, field: str = "") -> Iterator[Fault]:
    """What YAML has and JSON or a text has not: dates, sets, keys that are no words, NaN, control characters, half a surrogate
    pair; and a version that is no whole number."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            place = f"{field}.{key}" if field else str(key)
            if not isinstance(key, str):
                yield Fault(
                    field=field or "(whole)", found=f"the key {shown(key)}", allowed="keys are words; put it in quotes"
                )
            elif place == "version" and not (isinstance(inner, int) and not isinstance(inner, bool)):
                yield Fault(field=place, found=shown(inner), allowed="a whole number")
            else:
                yield from _unlike_json(inner, place)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _unlike_json(inner, f"{field}.{number}")
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**DIGITS:
            yield Fault(field=field, found=f"a number of more than {DIGITS} digits", allowed="a shorter one")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(field=field, found=shown(value), allowed="should be a finite number")
    elif isinstance(value, str) and (control := _NO_TEXT.search(value)):
        yield Fault(
            field=field, found=f"the character U+{ord(control[0]):04X}", allowed="text without control characters"
        )
    elif isinstance(value, str) and len(value) > _CHARACTERS:
        yield Fault(
            field=field, found=f"a text of {len(value):,} characters", allowed=f"at most {_CHARACTERS:,} characters"
        )
    elif not (value is None or isinstance(value, str | float | bool)):
        yield Fault(
            field=field, found=shown(value), allowed="text in quotes, or a number: YAML read something else here"
        )


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
