"""Curves of a study's runs, and what they say to prompts."""

from __future__ import annotations

from seedwise_contract.base import ContractModel


class Curve(ContractModel):
    """One run's curve of (epochs done, value)."""

    arm: str
    seed: int
    points: tuple[tuple[float, float], ...]


class EpochRow(ContractModel):
    """The runs of an arm on the reported split after one epoch; `sd` is the sample's (ddof 1), None for a single run."""

    arm: str
    epoch: float
    n: int
    mean: float
    minimum: float
    maximum: float
    sd: float | None


class Curves(ContractModel):
    """Curves of all finished runs; a point of `loss` is the mean over `updates_per_point` (arm → updates).

    `reported` and its summary `by_epoch` are for display: selection never saw them.  Both are empty where no run has them.
    """

    selection: tuple[Curve, ...]
    reported: tuple[Curve, ...] = ()
    by_epoch: tuple[EpochRow, ...] = ()
    loss: tuple[Curve, ...]
    updates_per_point: dict[str, int]


class Said(ContractModel):
    """What one run says to a prompt: its most probable answer, and one that was drawn."""

    arm: str
    seed: int
    greedy: str
    sampled: str


class Answered(ContractModel):
    """A prompt of the reported split, the answer in the data, and what the arms say; `how` is how answers were drawn."""

    id: str
    prompt: str
    answer: str
    how: str
    said: tuple[Said, ...]
