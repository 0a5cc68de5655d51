"""From study outcomes to one report: a frozen model, and from it HTML, Markdown and JSON that can only say what it holds.

`write_report` writes them; `build` gives the model alone.  matplotlib and jinja2 are imported when a page is drawn, never
before.
"""

from seedwise.report.build import build
from seedwise.report.model import ReportModel
from seedwise.report.write import write_report

__all__ = ["ReportModel", "build", "write_report"]
