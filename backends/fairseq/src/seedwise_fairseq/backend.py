"""The verbs.  Nothing here imports torch or fairseq before a run begins, so that `describe` and `check` answer at once."""

from __future__ import annotations

import time
from importlib import metadata
from pathlib import Path

from seedwise_contract import CONTRACT_VERSION, Description, Fault, RunResult, RunSpec
from seedwise_contract.context import Roots, RunContext
from seedwise_contract.probe import ProbeRequest, ProbeResult
from seedwise_contract.tools import ConvertRequest, ParametersRequest, StatesRequest
from seedwise_contract.torch_device import set_environment, stay_off_the_device
from seedwise_fairseq import __version__
from seedwise_fairseq.check import faults

PACKAGES = ("fairseq", "torch", "tokenizers", "sentencepiece", "safetensors", "pydantic", "numpy")


class FairseqBackend:
    """Sentence classification and regression, and pretraining by masked tokens; every parameter trains."""

    def describe(self) -> Description:
        packages = {package: metadata.version(package) for package in PACKAGES}
        return Description(
            contract=CONTRACT_VERSION,
            backend="fairseq",
            version=__version__,
            tasks=["classification", "regression", "masked_lm"],
            methods=["full"],
            initialisations=["pretrained", "random"],
            precisions=["fp32"],
            devices=["cpu"] if packages["torch"].endswith("+cpu") else ["cpu", "cuda"],
            deterministic_methods=[],
            packages=packages,
            verbs=["describe", "check", "run", "probe"],
        )

    def check(self, spec: RunSpec, roots: Roots) -> list[Fault]:
        return faults(spec, roots)

    def warm(self, threads: int) -> None:
        set_environment(threads)
        stay_off_the_device()
        import tokenizers.implementations  # noqa: F401

        import seedwise_fairseq.run  # noqa: F401 - the compatibility module first of all

        # isort: split
        from hydra.core.plugins import Plugins

        from seedwise_fairseq.command import SMALLEST, configuration

        Plugins.instance()  # hydra looks for its plug-ins, by importing them, when it is first asked for a configuration
        configuration(
            SMALLEST
        )  # the first is half as dear again as those that follow: parsers are made, types resolved

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

    def parameters(self, request: ParametersRequest, models: Path, out: Path) -> None:
        set_environment(1)
        from seedwise_fairseq.modules import write_modules

        write_modules(request, out)

    def convert(self, request: ConvertRequest, models: Path, out: Path) -> None:
        set_environment(1)
        from seedwise_fairseq.conversion import convert_folder

        convert_folder(models / request.model, request.to, out)

    def states(self, request: StatesRequest, models: Path, out: Path) -> None:
        set_environment(1)
        from seedwise_fairseq.states import write_states

        write_states(request, models / request.model, out)
