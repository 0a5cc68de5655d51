"""Arms of a study: what each is, scores, costs, and where it stands."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from seedwise_contract.base import ContractModel
from seedwise_contract.spec import SelectionMetric

Interval = tuple[float, float]


class Score(ContractModel):
    """One planned run.  `score` is on the reported split; None where there is none (missing, or diverged without one)."""

    seed: int
    run_id: str | None
    status: Literal["completed", "diverged", "missing"]
    score: float | None
    selected_epoch: float | None
    selected_value: float | None
    reason: str | None


class ArmCost(ContractModel):
    """Means over the arm's finished runs, peaks as the largest; None where no run could measure it.

    `trainable_head` of the trainable parameters are the task's head.  `seconds_to_target` is the mean training time at which
    the runs that reach the study's `target` on the selection split first do; `reached_target` is how many that are.
    """

    seconds_per_run: float
    training_seconds: float
    train_examples_per_second: float | None
    trainable_parameters: int | None
    trainable_head: int | None
    total_parameters: int | None
    seconds_to_target: float | None
    reached_target: int
    peak_host_bytes: int | None
    peak_device_bytes: int | None
    energy_joules: float | None
    checkpoint_bytes: int | None


class ArmRow(ContractModel):
    """One arm.  The summary (`n` to `maximum`) is given for complete arms only, so that nobody reads half a result.

    `way`: it is a way to train of its own, no point of a search, nor like another arm but for what varies in it.
    """

    name: str
    backend: str
    model: str | None
    initialisation: str
    method: str
    method_parameters: dict[str, JsonValue]
    baseline: bool
    deterministic: bool
    complete: bool
    scores: tuple[Score, ...]
    n: int | None
    mean: float | None
    sd: float | None
    interval: Interval | None
    minimum: float | None
    maximum: float | None
    cost: ArmCost | None
    way: bool = True

    @property
    def diverged(self) -> tuple[int, ...]:
        return tuple(score.seed for score in self.scores if score.status == "diverged")

    @property
    def finished(self) -> int:
        return sum(score.status != "missing" for score in self.scores)


class Recipe(ContractModel):
    """A training recipe, and the arms that share it, as (setting, value) pairs."""

    arms: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]


class NoiseRow(ContractModel):
    """What one source of noise gives of the variance between an arm's runs; `share` of it, with its interval.

    Of "interactions", which is what is left, there are no runs of their own; a share whose estimate is below 0 is 0.
    """

    arm: str
    source: str
    n: int | None
    sd: float | None
    interval: Interval | None
    share: float | None
    share_interval: Interval | None


class TunedArm(ContractModel):
    """An arm's search: each point in words and its mean score on the selection split, which was chosen, and the expected best score
    by budget (budget, expected, interval).

    `settings` are the points as values by name, `scores` those of each point by seed, in the order of `tried_on`; a score is None where
    the run diverged without one, a mean where one of its scores is.
    """

    arm: str
    metric: SelectionMetric
    points: tuple[tuple[str, float | None], ...]
    chosen: int
    seeds: int
    curve: tuple[tuple[int, float, Interval | None], ...]
    settings: tuple[dict[str, JsonValue], ...] = ()
    scores: tuple[tuple[float | None, ...], ...] = ()
    tried_on: tuple[int, ...] = ()


class ArmStanding(ContractModel):
    """Where an arm stands between quality and one cost (the mean over its runs); `p` is adjusted over the whole family."""

    cost: str
    arm: str
    value: float
    standing: str
    by: str | None
    p: float | None
    words: str
