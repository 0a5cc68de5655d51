"""The verbs: the hf backend's, with methods of peft.  Nothing here imports torch before a run begins."""

from __future__ import annotations

import time
from typing import List

from seedwise_contract import Fault, RunResult, RunSpec
from seedwise_contract.backend import Roots, RunContext
from seedwise_hf.backend import PACKAGES, HfBackend
from seedwise_hf.check import read_config
from seedwise_hf.seeding import set_environment
from seedwise_peft import __version__
from seedwise_peft.families import FAMILIES
from seedwise_peft.methods import METHODS


class PeftBackend(HfBackend):
    def __init__(self) -> None:
        super().__init__("peft", __version__, METHODS, (*PACKAGES, "peft"))

    def check(self, spec: RunSpec, roots: Roots) -> List[Fault]:
        found = super().check(spec, roots)
        method = METHODS.get(spec.method.name)
        if spec.model is None or method is None or any(fault.field.startswith(("method", "model")) for fault in found):
            return found  # there is no model, or none that the method's parameters could be held against
        config = read_config(roots.models / spec.model.path)
        if config.get("model_type") not in FAMILIES:
            return found
        return found + method.model_faults(spec.method.parameters, config)

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        begun = time.monotonic()
        set_environment(spec.device.threads)
        from seedwise_hf.run import run
        from seedwise_peft.run import PeftRun

        return run(spec, context, METHODS[spec.method.name], begun, PeftRun)
