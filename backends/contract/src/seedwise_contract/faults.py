"""A fault in an input: which field, what was found, what is allowed."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from seedwise_contract.base import ContractModel


class Fault(ContractModel):
    field: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.field}: found {self.found}; {self.allowed}"


def shown(value: Any, limit: int = 80) -> str:
    """`value` as short JSON, for an error message."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def faults_of(error: ValidationError, tags: Collection[str] = ()) -> list[Fault]:
    """Every fault that pydantic found, in its order.

    `tags` are the values that tell the members of a union apart; pydantic puts them into a field's path, which no file has.
    """
    return [_fault(item, tags) for item in error.errors(include_url=False)]


def _fault(item: Any, tags: Collection[str]) -> Fault:
    field = ".".join(str(part) for part in item["loc"] if part not in tags) or "(whole)"
    kind = item["type"]
    if kind == "missing":
        return Fault(field=field, found="nothing", allowed="this field is required")
    if kind == "extra_forbidden":
        return Fault(
            field=field, found=shown(item["input"]), allowed="no field of this name is known; remove or rename it"
        )
    message = item["msg"]
    for prefix in ("Value error, ", "Input "):
        if message.startswith(prefix):
            message = message[len(prefix) :]
    return Fault(field=field, found=shown(item["input"]), allowed=message)
