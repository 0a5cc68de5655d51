"""From nested values to the flat, bounded keys and texts that a tracking server takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

MAX_KEY = 250
MAX_PARAM = 6000
MAX_TAG = 8000
MAX_PARAMS_PER_BATCH = 100
MAX_METRICS_PER_BATCH = 900  # a batch takes 1,000 of all kinds

_REFUSED = re.compile(r"[^\w\-. :/]", re.ASCII)


def clean_key(key: str) -> str:
    """`key` with every character that MLflow refuses replaced by '_', and cut to its longest length."""
    return _REFUSED.sub("_", key)[:MAX_KEY]


def clip(text: str, limit: int) -> str:
    """`text`, its end replaced by '…' where it is longer than `limit`."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Leaves of nested mappings as 'a.b.c' → text; lists, empty mappings, numbers and null as JSON."""
    if isinstance(value, Mapping) and value:
        found: dict[str, str] = {}
        for key, inner in value.items():
            found.update(flatten(inner, f"{prefix}.{key}" if prefix else str(key)))
        return found
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {clean_key(prefix): clip(text, MAX_PARAM)}


def chunked(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`items` in order, `size` at a time; the last chunk may be shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
