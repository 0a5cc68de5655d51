"""`parameters.json`: every parameter, whether it trains, and the digest of the initial trainable weights."""

from __future__ import annotations

import hashlib
from typing import Dict, Iterable, List, Optional, Tuple, Union

from pydantic import Field

from seedwise_contract.base import ContractModel


class Parameter(ContractModel):
    name: str
    shape: List[int]
    count: int
    trainable: bool
    head: bool = Field(description="belongs to the task's head, which every method trains anew")
    weight_decay: Optional[float] = Field(description="of its optimizer group; null when frozen")


class ParameterTable(ContractModel):
    parameters: List[Parameter]
    total: int
    trainable: int
    trainable_head: int
    initial_trainable_sha256: Optional[str] = Field(description="`weights_digest` before the first update")

    @classmethod
    def of(cls, parameters: List[Parameter], digest: Optional[str]) -> ParameterTable:
        return cls(
            parameters=parameters,
            total=sum(p.count for p in parameters),
            trainable=sum(p.count for p in parameters if p.trainable),
            trainable_head=sum(p.count for p in parameters if p.trainable and p.head),
            initial_trainable_sha256=digest,
        )


def weights_digest(weights: Iterable[Tuple[str, Tuple[int, ...], Union[bytes, memoryview]]]) -> str:
    """sha256 over (name, shape, little-endian float32 bytes) of each weight, in the order of their names.

    Frameworks that name the same weight differently give different digests: compare within a framework, or rename first.
    """
    digest = hashlib.sha256()
    by_name: Dict[str, Tuple[Tuple[int, ...], Union[bytes, memoryview]]] = {n: (s, b) for n, s, b in weights}
    for name in sorted(by_name):
        shape, data = by_name[name]
        digest.update(f"{name}\0{','.join(str(size) for size in shape)}\0".encode())
        digest.update(data)
    return digest.hexdigest()
