"""Faults that every backend which trains by gradient looks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seedwise_contract.faults import Fault, shown
from seedwise_contract.spec import RunSpec


def no_parameters(method: str, parameters: Mapping[str, Any]) -> list[Fault]:
    """A fault for each of `parameters`: `method` takes none."""
    return [
        Fault(field=f"method.parameters.{name}", found=shown(value), allowed=f"method '{method}' takes no parameters")
        for name, value in parameters.items()
    ]


def training_faults(spec: RunSpec) -> Iterator[Fault]:
    """A recipe or a model that is absent, and a schedule that is none."""
    if spec.recipe is None:
        yield Fault(field="recipe", found="null", allowed="this backend trains by gradient: a recipe is needed")
    if spec.model is None:
        yield Fault(field="model", found="null", allowed="a model folder is needed")
    if spec.recipe is None:
        return
    schedule, lr = spec.recipe.schedule, spec.recipe.optimizer.lr
    if schedule.warmup_updates > spec.total_updates:
        yield Fault(
            field="recipe.schedule.warmup_updates",
            found=str(schedule.warmup_updates),
            allowed=f"at most the {spec.total_updates} updates of the run",
        )
    if schedule.name == "constant" and schedule.end_lr not in (0.0, lr):
        yield Fault(
            field="recipe.schedule.end_lr",
            found=str(schedule.end_lr),
            allowed=f"a constant schedule has no end: 0, or lr ({lr})",
        )
    elif schedule.end_lr > lr:
        yield Fault(field="recipe.schedule.end_lr", found=str(schedule.end_lr), allowed=f"at most lr ({lr})")
