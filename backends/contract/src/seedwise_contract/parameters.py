"""`parameters.json`: every parameter, whether it trains, and the digest of the initial trainable weights."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping

from pydantic import Field

from seedwise_contract.base import ContractModel

Bytes = bytes | memoryview


class Parameter(ContractModel):
    name: str
    shape: list[int]
    count: int
    trainable: bool
    head: bool = Field(description="belongs to the task's head, which every method trains anew")
    weight_decay: float | None = Field(description="of its optimizer group; null when frozen")


class ParameterTable(ContractModel):
    parameters: list[Parameter]
    total: int
    trainable: int
    trainable_head: int
    initial_trainable_sha256: str | None = Field(description="`weights_digest` before the first update")

    @classmethod
    def of(cls, parameters: list[Parameter], digest: str | None) -> ParameterTable:
        return cls(
            parameters=parameters,
            total=sum(p.count for p in parameters),
            trainable=sum(p.count for p in parameters if p.trainable),
            trainable_head=sum(p.count for p in parameters if p.trainable and p.head),
            initial_trainable_sha256=digest,
        )


def weights_digest(weights: Iterable[tuple[str, tuple[int, ...], Bytes]]) -> str:
    """sha256 over (name, shape, little-endian float32 bytes) of each weight, in the order of their names.

    Frameworks that name the same weight differently give different digests: compare within a framework, or rename first.
    """
    digest = hashlib.sha256()
    by_name: dict[str, tuple[tuple[int, ...], Bytes]] = {n: (s, b) for n, s, b in weights}
    for name in sorted(by_name):
        shape, data = by_name[name]
        digest.update(f"{name}\0{','.join(str(size) for size in shape)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def parameter_table(
    weights: Iterable[tuple[str, tuple[int, ...], Bytes | None]], head: Collection[str], decay: Mapping[str, float]
) -> ParameterTable:
    """The table of a model before its first update.

    `weights` are name, shape and little-endian float32 bytes of every parameter, without bytes where it is frozen; `head`
    names those of the task's head; `decay` gives the weight decay of those that train.
    """
    rows: list[Parameter] = []
    trainable: list[tuple[str, tuple[int, ...], Bytes]] = []
    for name, shape, data in weights:
        rows.append(
            Parameter(
                name=name,
                shape=list(shape),
                count=math.prod(shape),
                trainable=data is not None,
                head=name in head,
                weight_decay=decay.get(name),
            )
        )
        if data is not None:
            trainable.append((name, shape, data))
    return ParameterTable.of(rows, weights_digest(trainable))
