"""The page over all studies that have a report."""

from __future__ import annotations

from collections.abc import Sequence

from seedwise.report.model import Entry
from seedwise.report.pages import environment
from seedwise.report.suite import SuiteReport


def render_index(entries: Sequence[Entry], suites: Sequence[SuiteReport], key: str) -> str:
    """`key` stands in the page, so that an unchanged one need not be made again."""
    return environment(autoescape=True).get_template("index.html.j2").render(entries=entries, suites=suites, key=key)
