"""The base of every contract model: closed, frozen, finite."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ContractModel(BaseModel):
    """Frozen; unknown fields, NaN and infinities are refused, so that a typing slip can never pass as a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)
