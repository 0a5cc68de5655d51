"""Tuners of peft by their own names and parameters, so that a method is compared by writing an arm.

Offered are those that wrap layers and need nothing of the loop: no data before training, no calls between updates.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from seedwise_contract import Fault
from seedwise_contract.faults import shown
from seedwise_hf.methods import Built
from seedwise_peft.families import FAMILIES, TRANSPOSED, Part, parts_of
from seedwise_peft.method import configuration, wrapped
from seedwise_peft.targets import DEFAULT, form_faults, matched, nothing_matched, unknown_parameters

# Fields of a configuration that this backend sets, or that say nothing about training.
_OURS = {
    "auto_mapping", "base_model_name_or_path", "inference_mode", "modules_to_save", "peft_type", "peft_version", "revision",
    "runtime_config", "task_type",
}  # fmt: skip
_PLAIN = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


class Tuner(NamedTuple):
    folder: str  # in peft.tuners
    config: str
    kind: str = "linear"  # of the modules that it adapts
    transposed: bool = False  # works on linear layers that are stored transposed, as GPT-2's are


TUNERS: dict[str, Tuner] = {
    "beft": Tuner("beft", "BeftConfig"),
    "boft": Tuner("boft", "BOFTConfig"),
    "delora": Tuner("delora", "DeloraConfig"),
    "fourierft": Tuner("fourierft", "FourierFTConfig", transposed=True),
    "hra": Tuner("hra", "HRAConfig"),
    "ia3": Tuner("ia3", "IA3Config", transposed=True),
    "ln_tuning": Tuner("ln_tuning", "LNTuningConfig", "norm"),
    "loha": Tuner("loha", "LoHaConfig"),
    "lokr": Tuner("lokr", "LoKrConfig"),
    "miss": Tuner("miss", "MissConfig"),
    "oft": Tuner("oft", "OFTConfig"),
    "randlora": Tuner("randlora", "RandLoraConfig", transposed=True),
    "road": Tuner("road", "RoadConfig"),
    "vblora": Tuner("vblora", "VBLoRAConfig", transposed=True),
    "vera": Tuner("vera", "VeraConfig", transposed=True),
}


class Named:
    """One of `TUNERS`.  Parameters are the fields of its configuration in peft; `target_modules` must be said."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tuner = TUNERS[name]

    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        fields = fields_of(self._tuner)
        needed = ("target_modules", *(["feedforward_modules"] if self._name == "ia3" else []))
        found = unknown_parameters(parameters, fields, needed)
        for name, value in parameters.items():
            allowed = _PLAIN.get(fields.get(name, ""))
            if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
                found.append(
                    Fault(
                        field=f"method.parameters.{name}", found=shown(value), allowed=f"a value of type {fields[name]}"
                    )
                )
        if "target_modules" in parameters:
            found += form_faults(parameters["target_modules"])
        return found

    def model_faults(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> list[Fault]:
        parts = parts_of(config)
        targets = self._targets(parameters, config)
        chosen = matched(targets, parts)
        if not chosen:
            return [nothing_matched(targets, parts, self._tuner.kind)]
        if other := [part for part in chosen if part.kind != self._tuner.kind]:
            allowed = f"{self._name} adapts {self._tuner.kind} modules, and {other[0].name} is of kind {other[0].kind}"
            return [Fault(field="method.parameters.target_modules", found=shown(targets), allowed=allowed)]
        if config["model_type"] in TRANSPOSED and self._tuner.kind == "linear" and not self._tuner.transposed:
            allowed = f"peft's {self._name} does not adapt the transposed linear layers of {config['model_type']}"
            return [Fault(field="method.name", found=shown(self._name), allowed=allowed)]
        return []

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        import peft

        from seedwise_peft.definition import Definition, assert_trainable, assert_within, head_modules, outside

        config = configuration(built)
        targets = self._targets(parameters, config)
        settings = {**parameters, "target_modules": targets if isinstance(targets, str) else list(targets)}
        if "fan_in_fan_out" in fields_of(self._tuner):
            settings.setdefault("fan_in_fan_out", config["model_type"] in TRANSPOSED)
        parts = matched(targets, outside(parts_of(config), head_modules(built.model, built.head)))
        tuner = getattr(peft, self._tuner.config)(inference_mode=False, **settings)
        result = wrapped(built, tuner)
        sizes = _sizes(self._name, settings, parts)
        if sizes is not None:
            return assert_trainable(result, Definition(sizes), self._name)
        return assert_within(result, parts, self._name)

    def _targets(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
        targets = parameters["target_modules"]
        if targets != DEFAULT:
            return targets
        if self._tuner.kind == "norm":
            return [part.name for part in parts_of(config) if part.kind == "norm"]
        return list(FAMILIES[str(config["model_type"])].query_value)


def _sizes(name: str, settings: Mapping[str, Any], parts: Sequence[Part]) -> Any:
    """What `name` trains by its definition, where that is plain arithmetic; else None."""
    from seedwise_peft.definition import WRAPPED, whole

    if name == "ln_tuning":
        sizes = {}
        for part in parts:
            for parameter, count in whole([part]).items():
                own = parameter[len(part.name) + 1 :]
                sizes[f"{WRAPPED}{part.name}.ln_tuning_layers.default.{own}"] = count
        return sizes
    if name == "ia3":
        inner = {part.name for part in matched(settings["feedforward_modules"], parts)}
        return {
            f"{WRAPPED}{part.name}.ia3_l.default": part.inputs if part.name in inner else part.outputs for part in parts
        }
    if name == "vera":
        rank = settings.get("r", 256)
        sizes = {f"{WRAPPED}{part.name}.vera_lambda_b.default": part.outputs for part in parts}
        return sizes | {f"{WRAPPED}{part.name}.vera_lambda_d.default": rank for part in parts}
    return None


@cache
def fields_of(tuner: Tuner) -> dict[str, str]:
    """Fields of a configuration and their types, read from the installed source: importing peft would import torch."""
    found = find_spec("peft")
    source = Path(str(found and found.origin)).parent / "tuners" / tuner.folder / "config.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    body = next(item.body for item in tree.body if isinstance(item, ast.ClassDef) and item.name == tuner.config)
    return {
        item.target.id: ast.unparse(item.annotation)
        for item in body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id not in _OURS
    }
