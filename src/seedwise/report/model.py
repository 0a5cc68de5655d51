"""The report model: everything a report says, as frozen values.  Scores and differences are in the metric's own units."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from seedwise.study.metric import MetricName
from seedwise.verdicts.certificates.certificate import Certificate
from seedwise_contract.base import ContractModel

FORMAT: Literal[1] = 1

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
    """One arm.  The summary (`n` to `maximum`) is given for complete arms only, so that nobody reads half a result."""

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


ClaimStatus = Literal["supported", "contradicted", "undecided"]


class ErrorParts(ContractModel):
    """What makes up the variance of a difference, squared units: V1 of each arm, V2 and V3 of the crossed analysis."""

    seeds_a: float
    seeds_b: float
    examples: float | None
    residual_a: float | None
    residual_b: float | None


class Comparison(ContractModel):
    """One decided comparison: the typed verdict, flat.  `sentence` is generated from the verdict.

    `status` is what the outcome means for the claim of the study file; None where it made none.  `level` is the level at which
    it was decided, `basis` what a decided outcome rests on, and `collapse_bound` the rate of collapse (A, B) that the seeds do
    not exclude.
    """

    name: str
    statement: str
    a: str
    b: str
    outcome: str
    status: ClaimStatus | None
    label: str
    sentence: str
    declared: bool
    question: str
    claim: Literal["superiority", "equivalence"]
    alpha: float
    family_size: int
    level: float
    n_seeds: tuple[int, int]
    n_examples: int | None
    n_clusters: int | None = None
    estimate: float | None
    interval: Interval | None
    standard_error: float | None = None
    df: float | None = None
    parts: ErrorParts | None = None
    p: float | None
    p_adjusted: float | None
    p_exact: float | None
    floor: float | None
    require_exact: bool = False
    basis: str | None = None
    collapse_bound: tuple[float | None, float | None] = (None, None)
    p_a_greater_b: float | None
    p_a_greater_b_interval: Interval | None = None
    margin: float | None
    tost_p: float | None
    tost_interval: Interval | None
    welch_p: float | None
    welch_interval: Interval | None
    multi_bootstrap_p: float | None = None
    multi_bootstrap_interval: Interval | None = None
    seeds_needed: int | None
    examples_needed: int | None
    notes: tuple[str, ...]
    signature: str
    hinge: Hinge | None = None


class Hinge(ContractModel):
    """What a comparison hangs on, of right and wrong answers (`seedwise.verdicts.deciding`): examples on which (first, second) arm
    has the larger share of its runs right; those that every run of the one and none of the other has right, and some of these
    by id; how many examples the better arm would have to lose for the difference to be claimed no longer, and how many of its answers
    that is.
    """

    ahead: tuple[int, int]
    every: tuple[int, int]
    named: tuple[tuple[str, ...], tuple[str, ...]]
    overturned: int | None
    answers: int | None
    answers_of: int | None


class OpenClaim(ContractModel):
    """A declared claim that waits for runs."""

    name: str
    statement: str
    a: str
    b: str
    claim: Literal["superiority", "equivalence"]
    margin: float | None
    waiting_for: tuple[str, ...]


class ReportedRow(ContractModel):
    """A number published elsewhere.  `expected` is where the mean of `runs` further runs of ours would lie (interval)."""

    source: str
    arm: str
    values: tuple[float, ...]
    runs: int
    mean: float
    ours: float | None
    expected: Interval | None
    within: bool | None
    statement: str
    note: str


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


class Data(ContractModel):
    """The data set, its splits, and what a reader should know of overlaps."""

    name: str
    title: str
    citation: str
    licence: str
    labels: tuple[str, ...]
    rows: dict[str, int]
    sha256: dict[str, str]
    facts: dict[str, int]


class BackendFacts(ContractModel):
    """What the runs of one backend ran on; more than one value where runs differ."""

    backend: str
    runs: int
    digests: tuple[str, ...]
    runtimes: tuple[str, ...]
    pythons: tuple[str, ...]
    packages: dict[str, tuple[str, ...]]
    devices: tuple[str, ...]
    drivers: tuple[str, ...]
    cpus: tuple[str, ...]
    platforms: tuple[str, ...]
    threads: tuple[int, ...]
    determinism: tuple[str, ...]


class RunFacts(ContractModel):
    arm: str
    seed: int
    run_id: str
    status: str
    score: float | None
    updates: int
    seconds: float
    host: str
    git: str | None
    started: str
    declaration: str


class Provenance(ContractModel):
    """Where every number comes from."""

    declaration: str
    models: dict[str, str]
    backends: tuple[BackendFacts, ...]
    runs: tuple[RunFacts, ...]


class RefusedClaim(ContractModel):
    """A claim across backends without a valid certificate."""

    name: str
    statement: str
    reason: str


class Look(ContractModel):
    """The declared look that everything here is of: the `number`-th of `of`, with `seeds` an arm.

    Each claim is decided at `level`, two-sided: what the rule (`spending`) leaves this look of the claim's alpha.
    """

    number: int
    of: int
    seeds: int
    level: float
    spending: str


class Source(ContractModel):
    """The study's file as its author wrote it, and the command that repeats its runs."""

    file: str
    text: str
    command: str


class NoiseRow(ContractModel):
    """What one source of noise gives of the variance between an arm's runs; `share` of it, with its interval.

    Of "interactions", which is what is left, there are no runs of their own, and the share may be negative.
    """

    arm: str
    source: str
    n: int | None
    sd: float | None
    interval: Interval | None
    share: float | None
    share_interval: Interval | None


class TunedArm(ContractModel):
    """An arm's search: each point's settings and mean score on the selection split, which was chosen, and the expected best score
    by budget (budget, expected, interval)."""

    arm: str
    metric: str
    points: tuple[tuple[str, float | None], ...]
    chosen: int
    seeds: int
    curve: tuple[tuple[int, float, Interval | None], ...]


class RatioRow(ContractModel):
    """A statement about the ratio of two arms' best values; None where no verdict is possible, `high` also where it has no end."""

    name: str
    statement: str
    status: ClaimStatus
    sentence: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    best: tuple[tuple[str, tuple[float, ...]], ...] = ()


class ArmStanding(ContractModel):
    """Where an arm stands between quality and one cost (the mean over its runs); `p` is adjusted over the whole family."""

    cost: str
    arm: str
    value: float
    standing: str
    by: str | None
    p: float | None
    words: str


class StudyReport(ContractModel):
    name: str
    title: str
    description: str
    metric: MetricName
    alpha: float
    seeds: tuple[int, ...]
    look: Look | None
    claims: tuple[Comparison, ...]
    explored: tuple[Comparison, ...]
    open_claims: tuple[OpenClaim, ...]
    refused_claims: tuple[RefusedClaim, ...]
    certificates: tuple[Certificate, ...]
    planned: int
    finished: int
    arms: tuple[ArmRow, ...]
    target: float | None
    reported: tuple[ReportedRow, ...]
    recipes: tuple[Recipe, ...]
    curves: Curves
    answers: tuple[Answered, ...] = ()
    standings: tuple[ArmStanding, ...] = ()
    noise: tuple[NoiseRow, ...] = ()
    tuned: tuple[TunedArm, ...] = ()
    ratios: tuple[RatioRow, ...] = ()
    methods: tuple[str, ...]
    data: Data
    provenance: Provenance
    source: Source | None = None

    @property
    def level(self) -> float:
        """Of the intervals."""
        return 1.0 - self.alpha

    @property
    def explored_notes(self) -> tuple[str, ...]:
        """Notes that every explored comparison carries, to be said once."""
        return tuple(
            note
            for note in (self.explored[0].notes if self.explored else ())
            if all(note in comparison.notes for comparison in self.explored)
        )


class ReportModel(ContractModel):
    """All studies of one report, and the versions of what computed it."""

    format: Literal[1]
    inputs: str
    versions: dict[str, str]
    studies: tuple[StudyReport, ...]


class Entry(ContractModel):
    """What the index says of a study; a verdict is (statement, label, status, declared)."""

    name: str
    title: str
    finished: int
    planned: int
    verdicts: tuple[tuple[str, str, ClaimStatus, bool], ...]
    open_claims: tuple[str, ...]
    refused_claims: tuple[str, ...]
