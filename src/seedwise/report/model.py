"""The report model: everything a report says, as frozen values.  Scores and differences are in the metric's own units."""

from __future__ import annotations

from typing import Literal

from seedwise.report.arm_rows import ArmRow, ArmStanding, NoiseRow, Recipe, TunedArm
from seedwise.report.comparisons import ClaimStatus, Comparison, OpenClaim, RatioRow, RefusedClaim, ReportedRow
from seedwise.report.curve_rows import Answered, Curves
from seedwise.report.origins import Data, Provenance, Source
from seedwise.study.metric import MetricName
from seedwise.verdicts.certificates.certificate import Certificate
from seedwise_contract.base import ContractModel

FORMAT: Literal[1] = 1


class Look(ContractModel):
    """The declared look that everything here is of: the `number`-th of `of`, with `seeds` an arm.

    Each claim is decided at `level`, two-sided: what the rule (`spending`) leaves this look of the claim's alpha.
    """

    number: int
    of: int
    seeds: int
    level: float
    spending: str


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
