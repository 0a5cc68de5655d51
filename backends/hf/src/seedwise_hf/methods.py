"""A method decides which parameters train.  Everything else - data, recipe, loop, selection - is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from seedwise_contract import Fault
from seedwise_contract.checks import no_parameters

if TYPE_CHECKING:
    from torch import nn


class Built(NamedTuple):
    """A model ready for training: `requires_grad` says what trains, `head` names the parameters of the task's head.

    `replaced` names those that a method keeps but puts others in the place of: no forward pass reads them, and none is
    counted.
    """

    model: nn.Module
    head: frozenset[str]
    replaced: frozenset[str] = frozenset()


class Method(Protocol):
    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        """Faults in `method.parameters`; must not import torch."""
        ...

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        """Freeze or add parameters.  Torch's generator stands in the initialisation stream, right after the head."""
        ...


class FullFineTuning:
    """Every parameter trains."""

    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        return no_parameters("full", parameters)

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        built.model.requires_grad_(True)
        return built
