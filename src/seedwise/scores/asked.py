"""What the person who compares says about the scores: which columns, which rows, which way is better."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seedwise.errors import InputError
from seedwise.scores.direction import Direction

Unit = Literal["fraction", "percent", "own"]
At = Literal["last", "best"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`arm` may be several columns, whose values together make an arm; dotted names reach into nested values.

    `where` keeps the rows whose column has a value; `at` chooses the epoch where a file has several a run; `pattern` reads arm,
    seed and task from a path, such as `{arm}/seed{seed}.csv`; `cluster` "none" turns clusters off. `common` compares on the
    examples that all arms and seeds have.
    """

    metric: str | None = None
    arm: Sequence[str] = ()
    seed: str | None = None
    example: str | None = None
    task: str | None = None
    cluster: str | None = None
    score: str | None = None
    prediction: str | None = None
    label: str | None = None
    where: Sequence[tuple[str, str]] = ()
    at: At | None = None
    pattern: str | None = None
    direction: Direction | None = None
    common: bool = False
    unit: Unit | None = None
    positive: str | None = None


_SEED = re.compile(r"(?:^|[^A-Za-z])(?:seed|rng|rs|trial|run|rep|s)[-_=.]?(?P<seed>\d+)(?![A-Za-z0-9])", re.IGNORECASE)
_SEED_LAST = re.compile(r"[-_=.](?P<seed>\d+)$")
_FIELD = re.compile(r"\\\{(arm|seed|task)\\\}|\\\*")


def parts_of_name(name: str) -> tuple[str | None, str | None]:
    """Arm and seed that a run's or file's name tells, such as `lora_seed0` or `lora/seed_0/metrics`; None for what it does not."""
    text = re.sub(r"\.(csv|tsv|txt|jsonl|ndjson|json|parquet|eval|gz)\b", "", name)
    found = list(_SEED.finditer(text)) or list(_SEED_LAST.finditer(text))
    if not found:
        return None, None
    seed = found[-1]
    start = seed.start()
    before = text[: start + (text[start] in "/\\")] if start < len(text) else text
    component = re.split(r"[/\\]", before.rstrip("/\\"))[-1].strip(" -_.=")
    return component or None, seed["seed"]


def by_pattern(pattern: str, path: str) -> dict[str, str]:
    """What `pattern` reads from a path: `{arm}`, `{seed}`, `{task}`, `*` for anything; matched at the path's end."""
    text = re.escape(pattern)
    seen: set[str] = set()

    def field(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return r"[^/\\]*"
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return rf"(?P<{name}>[^/\\]+?)"

    made = _FIELD.sub(field, text)
    if not seen:
        raise InputError(f"--pattern {pattern}: names none of {{arm}}, {{seed}}, {{task}}")
    for candidate in (path, Path(path).name, str(Path(path).with_suffix(""))):
        found = re.search(rf"(?:^|[/\\]){made}$", candidate)
        if found is not None:
            return {name: value for name, value in found.groupdict().items() if value}
    raise InputError(f"{path}: does not end as --pattern {pattern} says")
