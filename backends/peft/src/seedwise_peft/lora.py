"""LoRA (Hu et al. 2021, arXiv 2106.09685), with the variants that are switches of peft's own LoRA."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seedwise_contract import Fault
from seedwise_contract.faults import shown
from seedwise_hf.methods import Built
from seedwise_peft.families import FAMILIES, TRANSPOSED, Part, parts_of
from seedwise_peft.method import configuration, wrapped
from seedwise_peft.targets import (
    DEFAULT,
    form_faults,
    layer_of,
    list_of,
    matched,
    nothing_matched,
    unknown_parameters,
)

NEEDED = ("r", "alpha", "dropout", "target_modules")
# The defaults of everything else; peft's own are never used.
DEFAULTS: dict[str, Any] = {
    "bias": "none",
    "use_rslora": False,
    "use_dora": False,
    "modules_to_save": [],
    "rank_pattern": {},
    "alpha_pattern": {},
    "layers_to_transform": None,
    "exclude_modules": [],
    "init": "default",
}
_BIASES = ("none", "lora_only", "all")
# As peft names them.  Those that look at data before training (EVA, CorDA, LoftQ) are not offered.
INITS: dict[str, Any] = {
    "default": True,
    "gaussian": "gaussian",
    "orthogonal": "orthogonal",
    "pissa": "pissa",
    "olora": "olora",
    "random": False,
}


class Lora:
    """Pairs of low-rank matrices beside frozen linear layers and embeddings, and the head."""

    def __init__(self, fixed: Mapping[str, Any] | None = None) -> None:
        """`fixed` parameters belong to the method's name and cannot be given."""
        self._fixed = dict(fixed or {})

    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        known = [name for name in (*NEEDED, *DEFAULTS) if name not in self._fixed]
        found = unknown_parameters(parameters, known, NEEDED)
        given = {name: value for name, value in parameters.items() if name in known}
        for name, value in given.items():
            if (allowed := _refused(name, value)) is not None:
                found.append(Fault(field=f"method.parameters.{name}", found=shown(value), allowed=allowed))
        if "target_modules" in given:
            found += form_faults(given["target_modules"])
            by_name = isinstance(given["target_modules"], list) or given["target_modules"] == DEFAULT
            if given.get("layers_to_transform") is not None and not by_name:
                allowed = "needs target_modules by name: a list, or 'default'"
                value = shown(given["layers_to_transform"])
                found.append(Fault(field="method.parameters.layers_to_transform", found=value, allowed=allowed))
        return found

    def model_faults(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> list[Fault]:
        settings, parts = self._settings(parameters, config), parts_of(config)
        targets, layers = settings["target_modules"], settings["layers_to_transform"]
        found: list[Fault] = []
        chosen = matched(targets, parts)
        if not chosen:
            return [nothing_matched(targets, parts, "linear")]
        if norms := [part.name for part in chosen if part.kind == "norm"]:
            allowed = f"LoRA adapts linear layers and embeddings, and {norms[0]} is a normalisation"
            return [Fault(field="method.parameters.target_modules", found=shown(targets), allowed=allowed)]
        depth = 1 + max((layer_of(part.name) or 0 for part in parts), default=0)
        if layers is not None and (wrong := [layer for layer in layers if layer >= depth]):
            allowed = f"this model has layers 0 to {depth - 1}"
            found.append(Fault(field="method.parameters.layers_to_transform", found=shown(wrong), allowed=allowed))
        for field in ("rank_pattern", "alpha_pattern"):
            for pattern in settings[field]:
                if not any(_pattern_of(part.name, [pattern]) for part in chosen):
                    found.append(
                        Fault(field=f"method.parameters.{field}", found=shown(pattern), allowed="no target is so named")
                    )
        for name in settings["modules_to_save"]:
            if not any(_under(part.name, name) for part in parts):
                allowed = "no module of this model's body is so named; the head trains without being named"
                found.append(Fault(field="method.parameters.modules_to_save", found=shown(name), allowed=allowed))
        if settings["init"] == "olora" and config["model_type"] in TRANSPOSED:
            allowed = (
                f"another: on the transposed layers of {config['model_type']}, peft's OLoRA has other sizes than LoRA"
            )
            found.append(Fault(field="method.parameters.init", found='"olora"', allowed=allowed))
        return found + _rank_faults(settings, chosen)

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        from peft import LoraConfig

        from seedwise_peft.definition import Definition, assert_trainable, head_modules, outside

        config = configuration(built)
        settings = self._settings(parameters, config)
        parts = outside(parts_of(config), head_modules(built.model, built.head))
        targets = settings["target_modules"]
        lora = LoraConfig(
            inference_mode=False,
            r=settings["r"],
            lora_alpha=settings["alpha"],
            lora_dropout=settings["dropout"],
            target_modules=targets if isinstance(targets, str) else list(targets),
            exclude_modules=settings["exclude_modules"] or None,
            fan_in_fan_out=config["model_type"] in TRANSPOSED,
            bias=settings["bias"],
            use_rslora=settings["use_rslora"],
            use_dora=settings["use_dora"],
            init_lora_weights=INITS[settings["init"]],
            layers_to_transform=settings["layers_to_transform"],
            rank_pattern=dict(settings["rank_pattern"]),
            alpha_pattern=dict(settings["alpha_pattern"]),
        )
        result = wrapped(built, lora, settings["modules_to_save"])
        return assert_trainable(result, Definition(trainable(settings, parts)), "lora")

    def _settings(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
        settings = {**DEFAULTS, **parameters, **self._fixed}
        if settings["target_modules"] == DEFAULT:
            settings["target_modules"] = list(FAMILIES[str(config["model_type"])].query_value)
        if isinstance(settings["layers_to_transform"], int):
            settings["layers_to_transform"] = [settings["layers_to_transform"]]
        return settings


def trainable(settings: Mapping[str, Any], parts: Sequence[Part]) -> dict[str, int]:
    """What LoRA trains by its definition: r · (inputs + outputs) a target, and what `bias`, DoRA and others add."""
    from seedwise_peft.definition import WRAPPED, biases, saved_whole

    kept = saved_whole(parts, settings["modules_to_save"])
    free = [part for part in parts if not any(_under(part.name, name) for name in settings["modules_to_save"])]
    targets = matched(settings["target_modules"], free, settings["layers_to_transform"])
    if settings["exclude_modules"]:
        excluded = matched(settings["exclude_modules"], targets)
        targets = [part for part in targets if part not in excluded]
    named: dict[str, int] = dict(kept)
    for part in targets:
        rank = _rank(settings, part.name)
        place = f"{WRAPPED}{part.name}"
        if part.kind == "embedding":
            named[f"{place}.lora_embedding_A.default"] = rank * part.inputs
            named[f"{place}.lora_embedding_B.default"] = rank * part.outputs
        else:
            named[f"{place}.lora_A.default.weight"] = rank * part.inputs
            named[f"{place}.lora_B.default.weight"] = rank * part.outputs
        if settings["use_dora"]:
            named[f"{place}.lora_magnitude_vector.default.weight"] = part.outputs
    if settings["bias"] != "none":
        adapted = {part.name for part in targets}
        chosen = [part for part in free if settings["bias"] == "all" or part.name in adapted]
        named |= biases(
            chosen, lambda part: f"{WRAPPED}{part.name}{'.base_layer' if part.name in adapted else ''}.bias"
        )
    return named


def _refused(name: str, value: Any) -> str | None:
    """What is allowed for the parameter `name`, where `value` is not; None where it is."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    patterns = isinstance(value, dict) and all(_compiles(key) for key in value)
    checks: dict[str, tuple[bool, str]] = {
        "r": (whole and value >= 1, "a whole number from 1 up"),
        "alpha": (number and value > 0, "a number above 0"),
        "dropout": (number and 0 <= value < 1, "a number from 0 up, below 1"),
        "bias": (value in _BIASES, "one of " + ", ".join(_BIASES)),
        "use_rslora": (isinstance(value, bool), "true or false"),
        "use_dora": (isinstance(value, bool), "true or false"),
        "modules_to_save": (list_of(value, str), "a list of module names"),
        "exclude_modules": (list_of(value, str), "a list of module names"),
        "init": (isinstance(value, str) and value in INITS, "one of " + ", ".join(INITS)),
        "rank_pattern": (
            patterns and all(_refused("r", rank) is None for rank in value.values()),
            "names or regular expressions of names, each with a rank from 1 up",
        ),
        "alpha_pattern": (
            patterns and all(_refused("alpha", alpha) is None for alpha in value.values()),
            "names or regular expressions of names, each with an alpha above 0",
        ),
        "layers_to_transform": (
            value is None or (whole and value >= 0) or (list_of(value, int) and value and min(value) >= 0),
            "null, a layer's number from 0, or a list of them",
        ),
    }
    sound, allowed = checks.get(name, (True, ""))
    return None if sound else allowed


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _rank_faults(settings: Mapping[str, Any], targets: Sequence[Part]) -> list[Fault]:
    """One fault a field: the rank of a pair can be no larger than the smaller side of its layer."""
    faults: dict[str, Fault] = {}
    for part in targets:
        limit, rank = min(part.inputs, part.outputs), _rank(settings, part.name)
        if rank > limit:
            field = "rank_pattern" if _pattern_of(part.name, settings["rank_pattern"]) else "r"
            allowed = f"at most {limit}: {part.name} is {part.inputs} × {part.outputs}"
            faults.setdefault(field, Fault(field=f"method.parameters.{field}", found=str(rank), allowed=allowed))
    return list(faults.values())


def _rank(settings: Mapping[str, Any], name: str) -> int:
    pattern = _pattern_of(name, settings["rank_pattern"])
    return int(settings["rank_pattern"][pattern] if pattern is not None else settings["r"])


def _pattern_of(name: str, patterns: Mapping[str, Any] | Sequence[str]) -> str | None:
    return next((pattern for pattern in patterns if re.match(rf"(.*\.)?({pattern})$", name)), None)


def _under(name: str, ending: str) -> bool:
    words = name.split(".")
    return any(".".join(words[: count + 1]).endswith(ending) for count in range(len(words)))
