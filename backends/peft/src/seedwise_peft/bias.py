"""The method `bitfit`: biases train, and the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seedwise_contract import Fault
from seedwise_contract.faults import shown
from seedwise_hf.methods import Built
from seedwise_peft.families import FAMILIES, Part, parts_of
from seedwise_peft.method import configuration, wrapped
from seedwise_peft.targets import list_of, matched, nothing_matched, unknown_parameters

ALL, QUERY_INTERMEDIATE = "all", "query-intermediate"
DEFAULTS = {"biases": ALL, "head": True}


class BitFit:
    """Parameters: `biases`, which of them ('all', 'query-intermediate', or a list of module names), and `head`.

    'query-intermediate' is the smaller set of Ben Zaken et al. (2022, section 4): the bias of each query, and of each
    MLP's first layer.  Without `head`, the head stays as it was drawn.
    """

    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        found = unknown_parameters(parameters, DEFAULTS, ())
        biases, head = parameters.get("biases", ALL), parameters.get("head", True)
        if biases not in (ALL, QUERY_INTERMEDIATE) and not (list_of(biases, str) and biases):
            allowed = f"'{ALL}', '{QUERY_INTERMEDIATE}', or a list of module names"
            found.append(Fault(field="method.parameters.biases", found=shown(biases), allowed=allowed))
        if not isinstance(head, bool):
            found.append(Fault(field="method.parameters.head", found=shown(head), allowed="true or false"))
        return found

    def model_faults(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> list[Fault]:
        kind, parts, biases = str(config["model_type"]), parts_of(config), parameters.get("biases", ALL)
        if not any(part.bias for part in parts):
            allowed = f"BitFit trains biases, and this model ({kind}) has none: nothing but the head would train"
            return [Fault(field="method.name", found='"bitfit"', allowed=allowed)]
        if biases == QUERY_INTERMEDIATE and not FAMILIES[kind].query_intermediate:
            allowed = f"'{ALL}', or a list: the query of {kind} shares one bias with key and value"
            return [Fault(field="method.parameters.biases", found=shown(biases), allowed=allowed)]
        if not (chosen := chosen_parts(biases, kind, parts)):
            return [nothing_matched(biases, [part for part in parts if part.bias], "linear", "biases")]
        if without := [part.name for part in chosen if not part.bias]:
            allowed = f"{without[0]} has no bias"
            return [Fault(field="method.parameters.biases", found=shown(biases), allowed=allowed)]
        return []

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        from seedwise_peft.bitfit import BitFitConfig
        from seedwise_peft.definition import WRAPPED, Definition, assert_trainable, biases, head_modules, outside

        config = configuration(built)
        kind, chosen, head = str(config["model_type"]), parameters.get("biases", ALL), parameters.get("head", True)
        if chosen == QUERY_INTERMEDIATE:
            chosen = list(FAMILIES[kind].query_intermediate)
        tuner = BitFitConfig(inference_mode=False, target_modules=None if chosen == ALL else list(chosen))
        parts = outside(parts_of(config), head_modules(built.model, built.head))
        result = wrapped(built, tuner)
        if not head:
            for name, parameter in result.model.named_parameters():
                if name in result.head:
                    parameter.requires_grad = False
        body = biases(chosen_parts(chosen, kind, parts), lambda part: f"{WRAPPED}{part.name}.bitfit_bias.default")
        return assert_trainable(result, Definition(body, head), "bitfit")


def chosen_parts(biases: Any, kind: str, parts: Sequence[Part]) -> list[Part]:
    if biases == ALL:
        return [part for part in parts if part.bias]
    return matched(FAMILIES[kind].query_intermediate if biases == QUERY_INTERMEDIATE else biases, parts)
