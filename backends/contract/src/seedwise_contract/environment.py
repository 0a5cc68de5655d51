"""`environment.json`: what the run ran on."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib import metadata

from pydantic import Field

from seedwise_contract.base import ContractModel
from seedwise_contract.processor import cpu_name, holding

IMAGE_VARIABLE = "SEEDWISE_IMAGE_DIGEST"


class Environment(ContractModel):
    image_digest: str | None = Field(description="as the runtime gave it; null outside the harness")
    python: str
    platform: str
    cpu: str | None = Field(
        description="the processor by name, maker, family and model: last bits may differ on another kind"
    )
    cpu_threads: int
    device: str = Field(description="name of the accelerator, or cpu")
    driver: str | None
    packages: dict[str, str]
    determinism: dict[str, str] = Field(description="switch → value, as set for this run")


@cache
def installed_packages() -> dict[str, str]:
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found[name.lower().replace("_", "-")] = distribution.version
    return dict(sorted(found.items()))


def read_environment(*, threads: int, device: str, driver: str | None, determinism: dict[str, str]) -> Environment:
    return Environment(
        image_digest=os.environ.get(IMAGE_VARIABLE),
        python=sys.version.split()[0],
        platform=platform.platform(),
        cpu=cpu_name(),
        cpu_threads=threads,
        device=device,
        driver=driver,
        packages=dict(installed_packages()),
        determinism=determinism | holding(),
    )
