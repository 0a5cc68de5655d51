"""What `describe` prints: what a backend can do, so that a plan is refused before any training."""

from __future__ import annotations

from pydantic import Field

from seedwise_contract.base import ContractModel


class Description(ContractModel):
    contract: int
    backend: str
    version: str
    tasks: list[str]
    methods: list[str]
    initialisations: list[str]
    precisions: list[str]
    devices: list[str]
    deterministic_methods: list[str] = Field(
        description="methods whose outcome no seed changes; they are run once, and have no variance over seeds"
    )
    packages: dict[str, str]
    verbs: list[str] = Field(
        default=["describe", "check", "run"],
        description="verbs that it answers; 'probe' is needed for certificates; 'serve' is the command line's to add",
    )

    @property
    def serves(self) -> bool:
        return "serve" in self.verbs
