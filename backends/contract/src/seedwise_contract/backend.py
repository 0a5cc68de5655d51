"""What a backend implements."""

from __future__ import annotations

from typing import Protocol

from seedwise_contract.context import Roots, RunContext
from seedwise_contract.description import Description
from seedwise_contract.faults import Fault
from seedwise_contract.results import RunResult
from seedwise_contract.spec import RunSpec


class Backend(Protocol):
    def describe(self) -> Description: ...

    def check(self, spec: RunSpec, roots: Roots) -> list[Fault]:
        """Every field that this backend cannot honour; empty where it can run the spec.  Trains nothing."""
        ...

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        """Train, select, score; write predictions, parameters, environment, checkpoint.  `files` may stay empty."""
        ...


class Warmable(Protocol):
    """What a backend may offer beside: its imports, done once for all the runs of a server."""

    def warm(self, threads: int) -> None:
        """Import what `run` needs, with the environment set that libraries read then; start no thread, touch no device."""
        ...


def unsupported(spec: RunSpec, description: Description) -> list[Fault]:
    """Fields whose value lies outside what the backend describes."""
    offers = [
        ("backend", spec.backend, [description.backend]),
        ("task.kind", spec.task.kind, description.tasks),
        ("method.name", spec.method.name, description.methods),
        ("initialisation", spec.initialisation, description.initialisations),
        ("device.kind", spec.device.kind, description.devices),
    ]
    if spec.recipe is not None:
        offers.append(("recipe.precision", spec.recipe.precision, description.precisions))
    return [
        Fault(field=field, found=f'"{found}"', allowed=f"backend {description.backend} offers: {', '.join(offered)}")
        for field, found, offered in offers
        if found not in offered
    ]
