"""What a backend measures of a spec's setup before and at the start of training, so that two backends can be compared.

The verb `probe SPEC --out DIR` reads DIR/probe-request.json and leaves `probe.json`, `hidden.npy` and `logits.npy`
there.  Every figure comes from the framework's own objects as a run makes them; none from the spec by formula.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import Field, ValidationError

from seedwise_contract.base import ContractModel
from seedwise_contract.context import RunContext
from seedwise_contract.course import Course
from seedwise_contract.exits import SpecError
from seedwise_contract.faults import Fault, faults_of
from seedwise_contract.files import read_record
from seedwise_contract.gradient import Trainer
from seedwise_contract.identity import canonical_json
from seedwise_contract.spec import RunSpec, Sha256
from seedwise_contract.states import Progress

VERB = "probe"
REQUEST, RESULT, HIDDEN, LOGITS = "probe-request.json", "probe.json", "hidden.npy", "logits.npy"


class ProbeRequest(ContractModel):
    rows: int = Field(ge=0, description="first rows of the selection split to score at the initial weights")
    updates: int = Field(ge=0, description="first updates of the run to train, with the spec's own dropout")


class ProbedRow(ContractModel):
    id: str
    tokens: int = Field(description="special tokens included, padding not")


class DecayGroup(ContractModel):
    """The optimizer's parameters of one weight decay."""

    weight_decay: float
    parameters: int = Field(description="trained numbers, not tensors")


class ProbeResult(ContractModel):
    """`hidden.npy` is float32 [tokens of all rows, hidden size], in the order of `rows`; `logits.npy` [rows, classes].

    Both are at the initial weights without dropout, the last encoder layer's.
    """

    contract: Literal[1]
    backend: str
    packages: dict[str, str]
    rows: list[ProbedRow]
    groups: list[DecayGroup] = Field(description="of the optimizer, by weight decay")
    trainable: int
    trainable_head: int
    head_sha256: Sha256 = Field(description="initial weights of the task's head, by place and not by name")
    updates: int = Field(description="of the whole run")
    learning_rates: list[float] = Field(description="of every update of the run, by stepping the schedule")
    clip_norm: float | None = Field(description="as the framework has it; null: not clipped")
    epochs: list[Sha256] = Field(description="of each epoch, `order_digest` of its batches")
    losses: list[float] = Field(description="of the first updates, means over the update's examples")
    grad_norms: list[float | None] = Field(description="of the same updates, before clipping; null: not finite")


class Probing(Protocol):
    """A backend that has the verb; its description names it in `verbs`."""

    def probe(self, spec: RunSpec, request: ProbeRequest, context: RunContext) -> ProbeResult:
        """Write `hidden.npy`, `logits.npy` and parameters.json into the context's folder; the rest is returned."""
        ...


def load_request(path: Path) -> ProbeRequest:
    """The request in `path`; `SpecError` where it cannot be read or is faulty."""
    try:
        return ProbeRequest.model_validate_json(read_record(path))
    except OSError as error:
        raise SpecError(str(path), [Fault(field="(file)", found=str(error), allowed="a probe request")]) from None
    except ValidationError as error:
        raise SpecError(str(path), faults_of(error)) from None


class FirstUpdates(NamedTuple):
    losses: list[float]
    grad_norms: list[float | None]


class _Enough(Exception):
    pass


class _Watched(Course):
    """Ends the training, from inside its own loop, after the first updates."""

    def __init__(self, spec: RunSpec, context: RunContext, updates: int) -> None:
        super().__init__(spec, context, Progress())
        self._updates = updates
        self.first = FirstUpdates([], [])

    def step(self, update: int, epoch: float, loss: float, lr: float, grad_norm: float) -> None:
        super().step(update, epoch, loss, lr, grad_norm)
        self.first.losses.append(loss)
        self.first.grad_norms.append(grad_norm if math.isfinite(grad_norm) else None)
        if update >= self._updates:
            raise _Enough


def first_updates(trainer: Trainer, spec: RunSpec, context: RunContext, updates: int) -> FirstUpdates:
    """Train with the run's own loop, no further than `updates` updates.  Raises `Diverged` as a run does."""
    watched = _Watched(spec, context, updates)
    if updates:
        trainer.course = watched
        with contextlib.suppress(_Enough):
            trainer.fit(None)
    return watched.first


def order_digest(batches: Iterable[Sequence[str]]) -> str:
    """sha256 over an epoch's batches, each the ids of its examples in order."""
    return hashlib.sha256(canonical_json([list(batch) for batch in batches]).encode()).hexdigest()


def place_names(weights: Iterable[tuple[tuple[int, ...], bytes]]) -> list[tuple[str, tuple[int, ...], bytes]]:
    """Weights named by their place, for `weights_digest` across frameworks that name them differently."""
    return [(f"{place:04d}", shape, data) for place, (shape, data) in enumerate(weights)]


def decay_groups(groups: Iterable[dict[str, Any]]) -> list[DecayGroup]:
    """Of a torch optimizer's `param_groups`: groups of one decay are put together."""
    counts: dict[float, int] = {}
    for group in groups:
        decay = float(group["weight_decay"])
        counts[decay] = counts.get(decay, 0) + sum(int(parameter.numel()) for parameter in group["params"])
    return [DecayGroup(weight_decay=decay, parameters=counts[decay]) for decay in sorted(counts)]
