"""The identity of a run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from seedwise_contract.spec import RunSpec


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no blanks: equal values give equal text."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def run_id(spec: RunSpec, image_digest: str) -> str:
    """First 20 hexadecimal digits of sha256(canonical spec, NUL, image digest).

    The spec names its data files and its model by digest, so that a change of data, model, code or packages gives
    another run.
    """
    text = canonical_json(spec) + "\0" + image_digest
    return hashlib.sha256(text.encode()).hexdigest()[:20]
