"""The formats of a suite's report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from seedwise.report.suite import SuiteReport

SuiteKind = Literal["html", "md", "json"]
SUITE_FILES: Sequence[tuple[SuiteKind, str]] = (
    ("html", "report.html"),
    ("md", "report.md"),
    ("json", "report.json"),
)


def render_suite(report: SuiteReport, kind: SuiteKind, page: str = "report.html") -> str:
    """The suite's page, its Markdown, or its values; `page` is the name of its tasks' pages."""
    if kind == "json":
        return report.model_dump_json(indent=1) + "\n"
    from seedwise.report.pages import environment  # brings jinja2, and the page matplotlib

    template = environment(autoescape=kind == "html").get_template(f"suite.{kind}.j2")
    if kind == "md":
        return template.render(suite=report, page=page)
    from seedwise.report.html import on_page
    from seedwise.report.suite_figures import suite_figures

    return template.render(suite=report, page=page, drawn=on_page(suite_figures(report)))
