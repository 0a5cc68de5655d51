from __future__ import annotations

import warnings
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import nn
from torch.func import functional_call

from seedwise_peft.bitfit.config import BitFitConfig


class BitFitLayer(nn.Module, BaseTunerLayer):
    """A module, and for each adapter a bias that takes the place of the module's own.

    The bias is the whole value, not a difference from the pretrained one: weight decay pulls it towards 0 as it does in
    BitFit, and merging is an exchange, exact to the last bit.
    """

    adapter_layer_names = ("bitfit_bias",)

    def __init__(self, base_layer: nn.Module, adapter_name: str, config: BitFitConfig) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.bitfit_bias = nn.ParameterDict({})
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, config)

    def update_layer(self, adapter_name: str, config: BitFitConfig) -> None:
        """Add an adapter, whose bias begins as the module's own."""
        bias = self._own_bias()
        self.bitfit_bias[adapter_name] = nn.Parameter(bias.detach().clone(), requires_grad=True)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def _own_bias(self) -> nn.Parameter:
        bias = getattr(self.get_base_layer(), "bias", None)
        if not isinstance(bias, nn.Parameter):
            raise ValueError(f"BitFit trains biases, and {type(self.get_base_layer()).__name__} has none")
        return bias

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Exchange the module's own bias for the adapter's.  `safe_merge` refuses one that is not finite."""
        names = [name for name in check_adapters_to_merge(self, adapter_names) if name in self.bitfit_bias]
        if not names:
            return
        if len(names) > 1:
            raise ValueError(f"one BitFit adapter can be merged at a time, not {len(names)}: a module has one bias")
        if self.merged:
            warnings.warn(f"Already merged with {self.merged_adapters}. Unmerging first.", stacklevel=2)
            self.unmerge()
        if safe_merge and not bool(torch.isfinite(self.bitfit_bias[names[0]]).all()):
            raise ValueError(f"the biases of adapter {names[0]} are not finite")
        self._exchange(names[0])
        self.merged_adapters.append(names[0])

    def unmerge(self) -> None:
        if not self.merged:
            warnings.warn("Already unmerged. Nothing to do.", stacklevel=2)
            return
        self._exchange(self.merged_adapters.pop())

    def _exchange(self, adapter_name: str) -> None:
        own, adapted = self._own_bias(), self.bitfit_bias[adapter_name]
        own.data, adapted.data = adapted.data, own.data

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.disable_adapters and self.merged:
            self.unmerge()
        names = (
            [] if self.disable_adapters or self.merged else [n for n in self.active_adapters if n in self.bitfit_bias]
        )
        if len(names) > 1:
            raise ValueError(f"one BitFit adapter can be active at a time, not {len(names)}: a module has one bias")
        if not names:
            return self.base_layer(x, *args, **kwargs)
        bias, base = self.bitfit_bias[names[0]], self.base_layer
        # The same kernels as the module's own: equal weights give equal bits.  Exact types, for a subclass may do more.
        if type(base) is nn.Linear:
            return nn.functional.linear(x, base.weight, bias)
        if type(base) is nn.LayerNorm:
            return nn.functional.layer_norm(x, base.normalized_shape, base.weight, bias, base.eps)
        return functional_call(base, {"bias": bias}, (x, *args), kwargs)

    def __repr__(self) -> str:
        return "bitfit." + super().__repr__()
