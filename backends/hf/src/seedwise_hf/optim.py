"""The optimizer and the learning-rate curve, as the recipe says and as no framework defaults."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from seedwise_contract.recipe import Optimizer, Recipe, Schedule


def lr_at(update: int, lr: float, schedule: Schedule, total: int) -> float:
    """Learning rate that `update` (from 1 to `total`) uses.

    With n = update - 1 updates done, W warm-up updates and T in all:
        n < W       lr · n / W                  (the first update of a warm-up moves nothing)
        otherwise   with r = 1 - (n - W) / (T - W), the share that remains,
            linear, polynomial   end_lr + (lr - end_lr) · r ** power
            cosine               end_lr + (lr - end_lr) · (1 + cos(π · (1 - r))) / 2
            constant             lr
    So `end_lr` is where the curve would stand after the last update.  transformers and fairseq count alike.
    """
    done, warmup = update - 1, schedule.warmup_updates
    if done < warmup:
        return lr * done / warmup
    if schedule.name == "constant":
        return lr
    if done >= total:
        return schedule.end_lr
    remaining = 1 - (done - warmup) / (total - warmup)
    if schedule.name == "cosine":
        share = (1 + math.cos(math.pi * (1 - remaining))) / 2
    else:
        share = remaining**schedule.power
    return schedule.end_lr + (lr - schedule.end_lr) * share


def decay_by_name(model: nn.Module, optimizer: Optimizer) -> dict[str, float]:
    """Weight decay of every parameter that trains; `matrices` spares biases and normalisation weights.

    A weight that two modules share (embeddings and the output of a language model) goes by its first name, as in
    `named_parameters`.
    """
    decay: dict[str, float] = {}
    seen: set[int] = set()
    for prefix, module in model.named_modules():
        norm = "norm" in type(module).__name__.lower()
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                # A dictionary of parameters holds one for each adapter: what they are is its own name.
                own = prefix.rpartition(".")[2] if isinstance(module, nn.ParameterDict) else name
                spared = optimizer.decay_on == "matrices" and (norm or own == "bias" or own.endswith("_bias"))
                decay[f"{prefix}.{name}".lstrip(".")] = 0.0 if spared else optimizer.weight_decay
    return decay


def make(model: nn.Module, recipe: Recipe, total: int) -> tuple[torch.optim.Optimizer, LambdaLR]:
    """Optimizer and schedule over the parameters of `model` that train."""
    spec = recipe.optimizer
    parameters = dict(model.named_parameters())
    groups: dict[float, list[nn.Parameter]] = {}
    for name, value in decay_by_name(model, spec).items():
        groups.setdefault(value, []).append(parameters[name])
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[spec.name]
    optimizer = kind(
        [{"params": group, "weight_decay": value} for value, group in groups.items()],
        lr=spec.lr,
        betas=spec.betas,
        eps=spec.eps,
        fused=True,
    )
    curve = LambdaLR(optimizer, lambda done: lr_at(done + 1, spec.lr, recipe.schedule, total) / spec.lr)
    return optimizer, curve
