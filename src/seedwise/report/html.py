"""The report as one HTML file that needs nothing else: styles and figures are inside, nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from seedwise.report.evidence import Evidence
from seedwise.report.figures import figures
from seedwise.report.model import ReportModel, StudyReport
from seedwise.report.noise_figure import noise_figure
from seedwise.report.pages import environment
from seedwise.report.search_figures import search_figures
from seedwise.report.svg import Figure


def render_html(model: ReportModel, evidence: Evidence | None = None) -> str:
    drawn = {study.name: _drawn(study) for study in model.studies}
    return (
        environment(autoescape=True).get_template("report.html.j2").render(report=model, drawn=drawn, evidence=evidence)
    )


def _drawn(study: StudyReport) -> dict[str, list[dict[str, object]]]:
    """The figures of each part of the page."""
    noise = noise_figure(study)
    return {
        "all": on_page(figures(study)),
        "search": on_page(search_figures(study)),
        "noise": on_page(() if noise is None else (noise,)),
    }


def on_page(found: Sequence[Figure]) -> list[dict[str, object]]:
    """Figures for a template; our own drawings, in which matplotlib escapes the text."""
    return [{"figure": figure, "svg": Markup(figure.svg)} for figure in found]
