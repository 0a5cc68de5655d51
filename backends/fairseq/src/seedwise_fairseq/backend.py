"""The verbs.  Nothing here imports torch or fairseq before a run begins, so that `describe` and `check` answer at once."""

from __future__ import annotations

import time
from importlib import metadata
from typing import List

from seedwise_contract import CONTRACT_VERSION, Description, Fault, RunResult, RunSpec
from seedwise_contract.backend import Roots, RunContext
from seedwise_contract.probe import ProbeRequest, ProbeResult
from seedwise_fairseq import __version__
from seedwise_fairseq.check import faults
from seedwise_fairseq.seeding import set_environment

PACKAGES = ("fairseq", "torch", "tokenizers", "sentencepiece", "safetensors", "pydantic", "numpy")


class FairseqBackend:
    """Sentence classification; every parameter trains."""

    def describe(self) -> Description:
        return Description(
            contract=CONTRACT_VERSION,
            backend="fairseq",
            version=__version__,
            tasks=["classification"],
            methods=["full"],
            initialisations=["pretrained", "random"],
            precisions=["fp32"],
            devices=["cpu"],
            deterministic_methods=[],
            packages={package: metadata.version(package) for package in PACKAGES},
            verbs=["describe", "check", "run", "probe"],
        )

    def check(self, spec: RunSpec, roots: Roots) -> List[Fault]:
        return faults(spec, roots)

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        begun = time.monotonic()
        set_environment(spec.device.threads)  # before torch is imported: libraries read the environment once
        from seedwise_fairseq.run import run

        return run(spec, context, begun)

    def probe(self, spec: RunSpec, request: ProbeRequest, context: RunContext) -> ProbeResult:
        begun = time.monotonic()
        set_environment(spec.device.threads)
        from seedwise_fairseq.probe import probe

        return probe(spec, request, context, self.describe(), begun)
