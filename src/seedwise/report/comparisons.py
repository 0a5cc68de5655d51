"""Comparisons of a study: decided, waiting, refused, and beside numbers from elsewhere."""

from __future__ import annotations

from typing import Literal

from seedwise.report.arm_rows import Interval
from seedwise_contract.base import ContractModel

ClaimStatus = Literal["supported", "contradicted", "undecided"]


class ErrorParts(ContractModel):
    """What makes up the variance of a difference, squared units: V1 of each arm, V2 and V3 of the crossed analysis."""

    seeds_a: float
    seeds_b: float
    examples: float | None
    residual_a: float | None
    residual_b: float | None


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


class Decided(ContractModel):
    """What every decided comparison says of itself, whatever it was decided over."""

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


class Comparison(Decided):
    """One decided comparison: the typed verdict, flat.  `sentence` is generated from the verdict.

    `status` is what the outcome means for the claim of the study file; None where it made none.  `level` is the level at which
    it was decided, `basis` what a decided outcome rests on, and `collapse_bound` the rate of collapse (A, B) that the seeds do
    not exclude.
    """

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


class OpenClaim(ContractModel):
    """A declared claim that waits for runs."""

    name: str
    statement: str
    a: str
    b: str
    claim: Literal["superiority", "equivalence"]
    margin: float | None
    waiting_for: tuple[str, ...]


class RefusedClaim(ContractModel):
    """A claim across backends without a valid certificate."""

    name: str
    statement: str
    reason: str


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


class RatioRow(ContractModel):
    """A statement about the ratio of two arms' best values; None where no verdict is possible, `high` also where it has no end.

    `label` and `short` say the ratio in a few words and in a sentence or two (empty without a verdict); `best` are each arm's best
    values of the `setting`, a seed each.
    """

    name: str
    statement: str
    status: ClaimStatus
    label: str
    sentence: str
    short: str = ""
    setting: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    best: tuple[tuple[str, tuple[float, ...]], ...] = ()
