"""What the methods of this backend share: they know the model's configuration, and wrap the model in peft's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from seedwise_contract import Fault, SpecError
from seedwise_hf.methods import Built

if TYPE_CHECKING:
    from peft import PeftConfig

ADAPTER = "default"


class PeftMethod(Protocol):
    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        """Faults in `method.parameters` by themselves; must not import torch."""
        ...

    def model_faults(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> list[Fault]:
        """Faults of sound `parameters` on a model of this `config.json`; must not import torch."""
        ...

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        """The model with what trains, asserted.  Torch's generator stands right after the head."""
        ...


def wrapped(built: Built, config: PeftConfig, extra: list[str] | None = None) -> Built:
    """`built` inside peft's model; the head, and the modules `extra`, train as wholes and are saved with the adapter.

    Raises `SpecError` where peft refuses the configuration: it does so before anything trains.
    """
    from peft import TaskType, get_peft_model

    from seedwise_peft.definition import head_modules
    from seedwise_peft.frozen import replaced

    modules = head_modules(built.model, built.head)
    config.task_type = TaskType.SEQ_CLS if built.head else TaskType.CAUSAL_LM
    config.modules_to_save = [*modules, *(name for name in extra or () if name not in modules)] or None
    try:
        model = get_peft_model(built.model, config, adapter_name=ADAPTER)
    except (ValueError, TypeError, KeyError, AssertionError, NotImplementedError, AttributeError) as error:
        found = f"{type(error).__name__} of peft's {type(config).__name__}"
        raise SpecError("method", [Fault(field="method.parameters", found=found, allowed=str(error))]) from error
    return Built(model, _renamed(built.head, modules), replaced(model))


def _renamed(head: frozenset[str], modules: list[str]) -> frozenset[str]:
    """Names of the head's parameters as peft's copies, which are the ones that train."""
    renamed = set()
    for name in head:
        module = next(m for m in modules if name.startswith(f"{m}."))
        renamed.add(f"base_model.model.{module}.modules_to_save.{ADAPTER}{name[len(module) :]}")
    return frozenset(renamed)


def configuration(built: Built) -> dict[str, Any]:
    """What `config.json` says, of a model that is built."""
    return dict(built.model.config.to_dict())
