"""The verbs: the hf backend's, with methods of peft.  Nothing here imports torch before a run begins."""

from __future__ import annotations

import time
from importlib import import_module

from seedwise_contract import Fault, RunResult, RunSpec
from seedwise_contract.context import Roots, RunContext
from seedwise_hf.backend import PACKAGES, HfBackend
from seedwise_hf.check import read_config
from seedwise_hf.seeding import set_environment
from seedwise_peft import __version__
from seedwise_peft.families import FAMILIES
from seedwise_peft.methods import METHODS


class PeftBackend(HfBackend):
    def __init__(self) -> None:
        super().__init__("peft", __version__, METHODS, (*PACKAGES, "peft"))

    def check(self, spec: RunSpec, roots: Roots) -> list[Fault]:
        found = super().check(spec, roots)
        method = METHODS.get(spec.method.name)
        if spec.task.kind == "causal_lm":
            found += _language_faults(spec)
        if spec.model is None or method is None or any(fault.field.startswith(("method", "model")) for fault in found):
            return found  # there is no model, or none that the method's parameters could be held against
        config = read_config(roots.models / spec.model.path)
        if config.get("model_type") not in FAMILIES:
            return found
        return found + method.model_faults(spec.method.parameters, config)

    def warm(self, threads: int) -> None:
        super().warm(threads)
        for module in ("seedwise_peft.run", "seedwise_peft.bitfit"):
            import_module(module)

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        begun = time.monotonic()
        set_environment(spec.device.threads)
        from seedwise_hf.run import run
        from seedwise_peft.run import PeftRun

        return run(spec, context, METHODS[spec.method.name], begun, PeftRun)


def _language_faults(spec: RunSpec) -> list[Fault]:
    """A language model's head is a part of it: nothing is drawn anew that could train alone, or stay as it was drawn."""
    if spec.method.name == "head":
        return [Fault(field="method.name", found='"head"', allowed="another: a causal language model has no new head")]
    if spec.method.name == "bitfit" and spec.method.parameters.get("head") is False:
        allowed = "true, or nothing: a causal language model has no new head"
        return [Fault(field="method.parameters.head", found="false", allowed=allowed)]
    return []
