"""The report as one HTML file that needs nothing else: styles and figures are inside, nothing is fetched."""

from __future__ import annotations

from markupsafe import Markup

from seedwise.report.evidence import Evidence
from seedwise.report.figures import figures
from seedwise.report.model import ReportModel
from seedwise.report.pages import environment


def render_html(model: ReportModel, evidence: Evidence | None = None) -> str:
    drawn = {
        study.name: [
            {"figure": figure, "svg": Markup(figure.svg)}  # our own drawing; matplotlib escapes the text in it
            for figure in figures(study)
        ]
        for study in model.studies
    }
    return (
        environment(autoescape=True).get_template("report.html.j2").render(report=model, drawn=drawn, evidence=evidence)
    )
