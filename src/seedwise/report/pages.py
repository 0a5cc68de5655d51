"""The jinja2 environments of the templates, with the number formats as filters."""

from __future__ import annotations

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seedwise.report import brief, text
from seedwise.study.metric import METRICS

_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")


def environment(*, autoescape: bool) -> Environment:
    """Templates fail on a name that the model does not have, rather than print nothing."""
    made = Environment(
        loader=PackageLoader("seedwise.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in (
        "score",
        "difference",
        "score_interval",
        "difference_interval",
        "margin",
        "goal",
        "p_value",
        "floor",
        "degrees",
        "error",
        "probability",
        "percent",
        "status",
        "look",
        "count",
        "seconds",
        "rate",
        "size",
        "energy",
        "epoch",
        "short",
        "listed",
        "some",
        "seeds",
        "capitalize_first",
        "as_sentence",
    ):
        made.filters[name] = getattr(text, name)
    for function in (brief.brief, brief.hinge_head, brief.hinge_words):
        made.filters[function.__name__] = function
    made.filters["md"] = markdown_text
    made.filters["breakable"] = breakable
    made.globals["plural"] = text.plural
    made.globals["metrics"] = METRICS
    return made


def markdown_text(value: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no table cell ended early."""
    plain = " ".join(value.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", plain)


def breakable(signature: str) -> Markup:
    """A line may end after each field of a signature."""
    return Markup("|<wbr>").join(signature.split("|"))
