"""Digests of what does not train."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def frozen_digest(model: nn.Module) -> str | None:
    """sha256 over name, shape and bytes of every parameter that is frozen, in the order of names; None where none is."""
    frozen = sorted((name, p) for name, p in model.named_parameters() if not p.requires_grad)
    if not frozen:
        return None
    digest = hashlib.sha256()
    for name, parameter in frozen:
        digest.update(f"{name}\0{','.join(map(str, parameter.shape))}\0{parameter.dtype}\0".encode())
        digest.update(memoryview(parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()))
    return digest.hexdigest()


def replaced(model: nn.Module) -> frozenset[str]:
    """Parameters in whose place an adapter's copy is used: no forward pass reads them."""
    names = set()
    for prefix, module in model.named_modules():
        inner = [name for name, _ in module.named_parameters()]
        if hasattr(module, "modules_to_save") and hasattr(module, "original_module"):
            names |= {f"{prefix}.{name}" for name in inner if name.startswith("original_module.")}
        elif hasattr(module, "bitfit_bias"):
            names |= {f"{prefix}.{name}" for name in inner if name == "base_layer.bias"}
        elif hasattr(module, "ln_tuning_layers"):
            names |= {f"{prefix}.{name}" for name in inner if name.startswith("base_layer.")}
    return frozenset(names)
