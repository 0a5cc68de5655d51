"""The verbs.  Nothing here imports torch before a run begins, so that `describe` and `check` answer at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module, metadata
from pathlib import Path

from seedwise_contract import CONTRACT_VERSION, Description, Fault, RunResult, RunSpec
from seedwise_contract.context import Roots, RunContext
from seedwise_contract.probe import ProbeRequest, ProbeResult
from seedwise_contract.tools import ParametersRequest, StatesRequest
from seedwise_contract.torch_device import stay_off_the_device
from seedwise_hf import __version__
from seedwise_hf.check import faults
from seedwise_hf.methods import FullFineTuning, Method
from seedwise_hf.seeding import set_environment

PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "safetensors", "pydantic", "numpy")

# Modules that transformers imports only when they are asked for, as every run does.
LAZY = (
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "transformers.models.roberta.modeling_roberta",
    "transformers.models.roberta.tokenization_roberta",
)


class HfBackend:
    """Sequence classification and regression, and causal language models.

    Another backend shares all of it by giving its own name and methods.
    """

    def __init__(
        self,
        name: str = "hf",
        version: str = __version__,
        methods: Mapping[str, Method] | None = None,
        packages: tuple[str, ...] = PACKAGES,
    ) -> None:
        self.name = name
        self.version = version
        self.methods: Mapping[str, Method] = methods if methods is not None else {"full": FullFineTuning()}
        self.packages = packages

    def describe(self) -> Description:
        packages: dict[str, str] = {package: metadata.version(package) for package in self.packages}
        return Description(
            contract=CONTRACT_VERSION,
            backend=self.name,
            version=self.version,
            tasks=["classification", "regression", "causal_lm"],
            methods=list(self.methods),
            initialisations=["pretrained", "random"],
            precisions=["fp32", "bf16"],
            devices=["cpu"] if packages["torch"].endswith("+cpu") else ["cpu", "cuda"],
            deterministic_methods=[],
            packages=packages,
            verbs=["describe", "check", "run", "probe"],
        )

    def check(self, spec: RunSpec, roots: Roots) -> list[Fault]:
        return faults(spec, roots, self.methods)

    def warm(self, threads: int) -> None:
        set_environment(threads)
        stay_off_the_device()
        for module in ("seedwise_hf.run", *LAZY, *self.packages):
            import_module(module)
        # A table of old names of weights, made by compiling its patterns when the first model is read.
        import_module("transformers.conversion_mapping").get_checkpoint_conversion_mapping("bert")

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        begun = time.monotonic()
        set_environment(spec.device.threads)  # before torch is imported: libraries read the environment once
        from seedwise_hf.run import run

        return run(spec, context, self.methods[spec.method.name], begun)

    def probe(self, spec: RunSpec, request: ProbeRequest, context: RunContext) -> ProbeResult:
        begun = time.monotonic()
        set_environment(spec.device.threads)
        from seedwise_hf.probe import probe

        return probe(spec, request, context, self.methods[spec.method.name], self.describe(), begun)

    def parameters(self, request: ParametersRequest, models: Path, out: Path) -> None:
        set_environment(1)
        from seedwise_hf.modules import write_modules

        write_modules(request, out)

    def states(self, request: StatesRequest, models: Path, out: Path) -> None:
        set_environment(1)
        from seedwise_hf.states import write_states

        write_states(request, models / request.model, out)
