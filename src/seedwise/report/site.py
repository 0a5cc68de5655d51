"""The index of a published site: claims by data sets, each cell leading to the study's page and its bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seedwise.report.comparisons import Comparison
from seedwise.report.evidence import Evidence
from seedwise.report.model import StudyReport
from seedwise.report.pages import environment
from seedwise.report.suite import SuiteReport


@dataclass(frozen=True, slots=True)
class PublishedStudy:
    """A study with a page of its own; `figures` were recomputed from its bundle."""

    study: StudyReport
    evidence: Evidence
    figures: int

    @property
    def name(self) -> str:
        return self.study.name


@dataclass(frozen=True, slots=True)
class Cell:
    """What a study says of a claim; `comparison` is None where the claim is open or refused, and `state` says which."""

    published: PublishedStudy
    comparison: Comparison | None
    state: str = ""


def render_site(studies: Sequence[PublishedStudy], title: str, address: str, suites: Sequence[SuiteReport] = ()) -> str:
    data = sorted({study.study.data.name for study in studies})
    return (
        environment(autoescape=True)
        .get_template("site.html.j2")
        .render(
            studies=studies,
            suites=suites,
            title=title or "Verdicts, each with its evidence",
            address=address.rstrip("/"),
            data=data,
            titles={study.study.data.name: study.study.data.title for study in studies},
            rows=claims_by_data(studies),
        )
    )


def claims_by_data(studies: Sequence[PublishedStudy]) -> dict[str, dict[str, list[Cell]]]:
    """Statement → data set → what the studies found, in the order of the studies."""
    rows: dict[str, dict[str, list[Cell]]] = {}

    def add(statement: str, cell: Cell) -> None:
        rows.setdefault(statement, {}).setdefault(cell.published.study.data.name, []).append(cell)

    for one in studies:
        for claim in one.study.claims:
            add(claim.statement, Cell(one, claim))
        for waiting in one.study.open_claims:
            add(waiting.statement, Cell(one, None, "open"))
        for refused in one.study.refused_claims:
            add(refused.statement, Cell(one, None, "refused"))
    return rows
