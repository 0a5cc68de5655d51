"""How a run is trained: optimizer, schedule, batches, lengths and dropout."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from seedwise_contract.base import ContractModel


class Optimizer(ContractModel):
    name: Literal["adamw", "adam"] = Field(description="adamw: decoupled weight decay; adam: L2 in the gradient")
    lr: Annotated[float, Field(gt=0)]
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]]
    eps: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    decay_on: Literal["all", "matrices"] = Field(
        description="all: every trainable parameter decays; matrices: all but biases and normalisation weights"
    )


class Schedule(ContractModel):
    """Learning rate by update: linear warm-up from 0 over `warmup_updates`, then the named decay to `end_lr`."""

    name: Literal["linear", "polynomial", "cosine", "constant"]
    warmup_updates: Annotated[int, Field(ge=0, description="a count of optimizer updates, never a ratio")]
    power: Annotated[float, Field(gt=0, description="of the polynomial; 1.0 elsewhere")]
    end_lr: Annotated[float, Field(ge=0)]


class Dropout(ContractModel):
    hidden: Annotated[float, Field(ge=0, lt=1)]
    attention: Annotated[float, Field(ge=0, lt=1)]
    classifier: Annotated[float, Field(ge=0, lt=1)]


class Batched(ContractModel):
    """How rows become batches.  Left out of what is written where it is `shuffled`: specs that do not say it keep their identity,
    and a backend that knows no other way refuses a spec that does.
    """

    batching: Literal["shuffled", "by_length"] = Field(
        default="shuffled",
        description="by_length: rows of like length share a batch (`order.epoch_batches`), so that less is padded",
    )

    @model_serializer(mode="wrap")
    def _said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = write(self)
        if said.get("batching") == "shuffled":
            del said["batching"]
        return said


class Recipe(Batched):
    """How it is trained."""

    optimizer: Optimizer
    schedule: Schedule
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(description="null: gradients are not clipped")
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1, description="examples a forward pass")]
    accumulation: Annotated[int, Field(ge=1, description="forward passes an update")]
    precision: Literal["fp32", "bf16"]
    max_length: Annotated[int, Field(ge=4, description="tokens, special tokens included")]
    truncation: Literal["longest_first", "only_first"] = Field(description="which text of a pair loses tokens first")
    dropout: Dropout
