"""The bundle that a published page rests on."""

from __future__ import annotations

from seedwise_contract.base import ContractModel


class Evidence(ContractModel):
    """`bundle`: where it lies, from the page; `digest`: the bundle's name, the sha256 of its manifest; `size` in bytes.  `page` is the
    page's own address, where it is known."""

    bundle: str
    digest: str
    size: int
    page: str = ""

    @property
    def file(self) -> str:
        return self.bundle.rpartition("/")[2]
