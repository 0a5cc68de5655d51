"""What a bundle can be found to be, and reading a record of it at that risk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from seedwise.errors import SeedwiseError

MAX_ROWS = 5_000_000  # of a reported split; a bundle may name any number
M = TypeVar("M", bound=BaseModel)


class DamagedBundle(SeedwiseError):
    """A file of a bundle is changed, missing or not one of its own."""

    exit_code = 6


class RefutedBundle(SeedwiseError):
    """The files are whole, but what the bundle says does not follow from its predictions."""

    exit_code = 8


def read_model(model: type[M], files: Mapping[str, bytes], name: str, path: Path) -> M:
    try:
        return model.model_validate_json(files[name])
    except (ValidationError, RecursionError) as error:
        raise RefutedBundle(f"{path}: {name}: not what this version of Seedwise reads: {str(error)[:300]}") from None
