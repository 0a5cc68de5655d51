from __future__ import annotations

import re
from typing import Any, ClassVar

from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import nn

from seedwise_peft.bitfit.config import BitFitConfig
from seedwise_peft.bitfit.layer import BitFitLayer


class BitFitModel(BaseTuner):
    """A model of which only biases train: those of `target_modules`, or all (Ben Zaken et al. 2022).

    With `task_type` "SEQ_CLS" peft trains the classifier beside them, as the paper does.
    """

    prefix: str = "bitfit_"
    tuner_layer_cls = BitFitLayer
    target_module_mapping: ClassVar[
        dict[str, list[str]]
    ] = {}  # no names by family: a model tells by itself what has a bias

    def _prepare_adapter_config(self, peft_config: BitFitConfig, model_config: dict[str, Any]) -> BitFitConfig:
        return peft_config

    def _prepare_model(self, peft_config: BitFitConfig, model: nn.Module) -> None:
        """Name every module with a bias where the configuration leaves it open; the names are saved with it."""
        if peft_config.target_modules is not None:
            return
        biased = {
            name
            for name, module in unwrapped_modules(model).items()
            if isinstance(getattr(module, "bias", None), nn.Parameter) and not _among(name, peft_config.modules_to_save)
        }
        if not biased:
            raise ValueError("BitFit trains biases, and this model has none")
        peft_config.target_modules = sorted(biased)

    def _create_and_replace(
        self,
        peft_config: BitFitConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
    ) -> None:
        if isinstance(target, BitFitLayer):
            target.update_layer(adapter_name, peft_config)
            return
        new_module = BitFitLayer(target, adapter_name, peft_config)
        if adapter_name not in self.active_adapters:
            new_module.requires_grad_(False)
        self._replace_module(parent, target_name, new_module, target)

    def _replace_module(self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module) -> None:
        """Only that: a bias was copied where it lay, and a head that is put back may be of several modules."""
        setattr(parent, child_name, new_module)

    def _cast_adapter_dtype(self, adapter_name: str, autocast_adapter_dtype: bool = True) -> None:
        """Nothing: a bias is of its module's type, and must stay so to take its place."""


def unwrapped_modules(model: nn.Module) -> dict[str, nn.Module]:
    """The model's own modules by their own names, whatever adapters are around them already."""
    inside: set[str] = set()
    modules: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        if any(name.startswith(f"{outer}.") for outer in inside):
            continue
        if isinstance(module, BaseTunerLayer):
            inside.add(name)
            module = module.get_base_layer()
        modules[name] = module
    return modules


def _among(name: str, modules: list[str] | None) -> bool:
    return any(re.match(rf"(^|.*\.){module}($|\..*)", name) for module in modules or ())
