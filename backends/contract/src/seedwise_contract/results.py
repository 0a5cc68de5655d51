"""`result.json`: written last; a run folder that holds it is finished."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, field_validator, model_validator

from seedwise_contract.base import ContractModel
from seedwise_contract.paths import below


class RunStatus(StrEnum):
    COMPLETED = "completed"
    DIVERGED = "diverged"  # loss or scores not finite: an outcome of the method, kept and flagged
    FAILED = "failed"


class FailureReason(StrEnum):
    BAD_SPEC = "bad_spec"
    BAD_DATA = "bad_data"
    OUT_OF_MEMORY = "out_of_memory"
    NO_SPACE = "no_space"
    TERMINATED = "terminated"
    INTERNAL = "internal"


class Selected(ContractModel):
    """The checkpoint that was reported, and why."""

    epoch: float
    update: int
    metric: str
    value: float


class Timings(ContractModel):
    """Seconds by the monotonic clock."""

    setup: float = Field(ge=0, description="imports left out; model and data made ready")
    training: float = Field(ge=0)
    evaluation: float = Field(ge=0)
    total: float = Field(ge=0)


class Cost(ContractModel):
    """Null where it could not be measured, never 0."""

    train_examples_per_second: float | None
    peak_host_bytes: int | None
    peak_device_bytes: int | None
    energy_joules: float | None
    checkpoint_bytes: int | None


class RunResult(ContractModel):
    contract: int = Field(ge=1, le=1)
    status: RunStatus
    reason: FailureReason | None = Field(description="exactly where status is failed")
    message: str | None
    metrics: dict[str, dict[str, float]] = Field(description="split → metric → value, at the selected checkpoint")
    selected: Selected | None
    updates: int = Field(ge=0, description="optimizer updates done")
    timings: Timings
    cost: Cost
    files: dict[str, str] = Field(description="relative path → sha256 of the run's other files that never change")

    @field_validator("files")
    @classmethod
    def _below(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            below(name)
        return files

    @model_validator(mode="after")
    def _typed(self) -> RunResult:
        if (self.status is RunStatus.FAILED) != (self.reason is not None):
            raise ValueError("reason is given exactly where status is failed")
        if self.status is RunStatus.COMPLETED and "test" not in self.metrics:
            raise ValueError("a completed run has metrics of the reported split 'test'")
        return self
