"""The hf backend's run, with what methods of peft need beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedwise_contract import BackendError, RunResult, RunSpec
from seedwise_contract.context import RunContext
from seedwise_hf.methods import Method
from seedwise_hf.run import HfRun
from seedwise_hf.state import States
from seedwise_hf.training import SeedwiseTrainer
from seedwise_peft.frozen import frozen_digest
from seedwise_peft.saving import save


class PeftStates(States):
    packages = (*States.packages, "peft")


class PeftTrainer(SeedwiseTrainer):
    def _load_from_checkpoint(self, *arguments: Any, **named: Any) -> None:
        """Reading an adapter back makes all of it trainable; what trains is the method's to say."""
        trained = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        super()._load_from_checkpoint(*arguments, **named)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad = name in trained


class PeftRun(HfRun):
    states_type = PeftStates
    trainer_type = PeftTrainer

    def __init__(self, spec: RunSpec, context: RunContext, method: Method, begun: float) -> None:
        super().__init__(spec, context, method, begun)
        self._frozen = frozen_digest(self.model)

    def result(self) -> RunResult:
        """Raises `BackendError` where a frozen weight is not what it was before training."""
        result = super().result()
        if frozen_digest(self.model) != self._frozen:
            raise BackendError(f"method '{self.spec.method.name}': weights that are frozen changed while it trained")
        return result

    def write_model(self, folder: Path) -> None:
        assert self.spec.model is not None
        save(self.model, folder, self.spec.model.name, self.spec.initialisation == "random")
