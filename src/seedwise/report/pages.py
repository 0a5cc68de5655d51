"""The jinja2 environments of the templates, with the number formats as filters."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seedwise.escaping import markdown, plain
from seedwise.report import brief, text
from seedwise.study.metric import METRICS


def _shown(value: Any) -> Any:
    return plain(value) if type(value) is str else value


@cache
def environment(*, autoescape: bool) -> Environment:
    """Templates fail on a name that the model does not have, rather than print nothing.

    One for all pages: to compile the templates takes longer than to fill them.
    """
    made = Environment(
        loader=PackageLoader("seedwise.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    for name in (
        "score",
        "difference",
        "score_interval",
        "selected",
        "selected_interval",
        "selection_axis",
        "setting",
        "number",
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
    for function in (
        brief.brief,
        brief.best_by_seed,
        brief.settings_of,
        brief.how_many,
        brief.hinge_head,
        brief.hinge_words,
    ):
        made.filters[function.__name__] = function
    made.filters["md"] = markdown
    made.filters["breakable"] = breakable
    made.globals["plural"] = text.plural
    made.globals["metrics"] = METRICS
    return made


def breakable(signature: str) -> Markup:
    """A line may end after each field of a signature."""
    return Markup("|<wbr>").join(signature.split("|"))
