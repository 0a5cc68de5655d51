"""From study outcomes to reports: a frozen model, and from it HTML, Markdown, LaTeX, CSV and JSON that say what it holds.

`write_reports` writes them, `render` gives one as text; `build` the model alone.  matplotlib and jinja2 are imported when a page is
drawn, never before.
"""

from seedwise.report.build import build
from seedwise.report.model import ReportModel
from seedwise.report.render import render
from seedwise.report.write import append_summary, write_reports

__all__ = ["ReportModel", "append_summary", "build", "render", "write_reports"]
