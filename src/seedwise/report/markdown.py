"""The report as Markdown, for a pull-request comment or a job summary: verdicts, arms, and what is missing."""

from __future__ import annotations

from seedwise.report.model import ReportModel
from seedwise.report.pages import environment


def render_markdown(model: ReportModel) -> str:
    return environment(autoescape=False).get_template("report.md.j2").render(report=model)
