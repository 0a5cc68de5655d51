"""The two ends of the scale: everything trains, and nothing but the head does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedwise_contract import Fault
from seedwise_hf.methods import Built
from seedwise_peft.families import parts_of
from seedwise_peft.method import configuration, wrapped
from seedwise_peft.targets import unknown_parameters


class Full:
    """Every parameter trains; peft has no part in it."""

    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        return unknown_parameters(parameters, (), ())

    def model_faults(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> list[Fault]:
        return []

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        from seedwise_peft.definition import Definition, assert_trainable, whole

        built.model.requires_grad_(True)
        config = configuration(built)
        body = whole(parts_of(config))
        if not built.head and not config.get(
            "tie_word_embeddings", True
        ):  # the head over the vocabulary, with weights of its own
            body["lm_head.weight"] = config["vocab_size"] * config["hidden_size"]
        return assert_trainable(built, Definition({n: c for n, c in body.items() if n not in built.head}), "full")


class Head:
    """Only the head trains.  Its checkpoint is an adapter of peft without any layer, so that it holds just the head."""

    def faults(self, parameters: Mapping[str, Any]) -> list[Fault]:
        return unknown_parameters(parameters, (), ())

    def model_faults(self, parameters: Mapping[str, Any], config: Mapping[str, Any]) -> list[Fault]:
        return []

    def prepare(self, built: Built, parameters: Mapping[str, Any]) -> Built:
        from peft import LoraConfig
        from peft.utils.constants import DUMMY_TARGET_MODULES

        from seedwise_peft.definition import Definition, assert_trainable

        config = LoraConfig(inference_mode=False, target_modules=DUMMY_TARGET_MODULES)
        return assert_trainable(wrapped(built, config), Definition({}), "head")
