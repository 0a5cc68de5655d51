"""One model, every format."""

from __future__ import annotations

from typing import Literal

from seedwise.report.evidence import Evidence
from seedwise.report.model import ReportModel

Kind = Literal["html", "md", "latex", "csv", "json", "scores", "figure"]

FILES: dict[Kind, str] = {
    "html": "report.html",
    "md": "report.md",
    "latex": "report.tex",
    "csv": "report.csv",
    "json": "report.json",
    "scores": "scores.csv",
    "figure": "figure.svg",
}


def render(model: ReportModel, kind: Kind, evidence: Evidence | None = None) -> str:
    """The text of a format.  Page and figure bring jinja2 and matplotlib, which are slow to import; the page leads to the
    `evidence` where it lies beside a bundle."""
    if kind == "html":
        from seedwise.report.html import render_html

        return render_html(model, evidence)
    if kind == "md":
        from seedwise.report.markdown import render_markdown

        return render_markdown(model)
    if kind == "latex":
        from seedwise.report.latex import render_latex

        return render_latex(model)
    if kind == "figure":
        from seedwise.report.figures import leading

        return leading(model.studies[0])
    if kind == "json":
        return model.model_dump_json(indent=1) + "\n"
    from seedwise.report.tables import render_scores, render_verdicts

    return render_scores(model) if kind == "scores" else render_verdicts(model)
