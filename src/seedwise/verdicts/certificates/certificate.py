"""The certificate: what was measured of one setup in two backends, bound to both images, and how far they agree."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import Field, JsonValue

from seedwise_contract import RunSpec, canonical_json
from seedwise_contract.base import ContractModel

FORMAT: Literal[4] = 4  # part of a certificate's name: raised where checks or their tolerances change


class Side(ContractModel):
    backend: str
    digest: str = Field(description="of the image or environment that was probed")
    packages: dict[str, str]


class Check(ContractModel):
    """One thing that must hold.  `measured` says what was found; `tolerance` what is allowed, and why."""

    name: str
    measured: str
    tolerance: str
    passed: bool


class Unequal(ContractModel):
    """What cannot be made equal, and its measured effect."""

    name: str
    effect: str


class Certificate(ContractModel):
    format: Literal[4]
    sides: tuple[Side, Side]
    setup: dict[str, JsonValue] = Field(description="the spec without its backend and seeds")
    setup_sha256: str
    checks: tuple[Check, ...]
    unequal: tuple[Unequal, ...]

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(check.name for check in self.checks if not check.passed)

    @property
    def title(self) -> str:
        model: Any = self.setup["model"]
        method: Any = self.setup["method"]
        backends = " and ".join(side.backend for side in self.sides)
        return f"{backends}: {method['name']}, {model['name'] if model else 'no model'}, {self.setup['initialisation']}"


def setup_of(spec: RunSpec) -> dict[str, JsonValue]:
    """Everything of the spec that must be the same work in both backends, whatever the seed."""
    return spec.model_dump(mode="json", exclude={"backend", "seeds"})


def sha256_of(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
