"""An SVG of matplotlib made fit to stand inside a page: its colours become the page's, its ids its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

# Matplotlib is given these; the page is given CSS variables, which follow light and dark.
INK = "#010101"
MUTED = "#020202"
PAPER = "#020203"
ARM_COLOURS = tuple(f"#0300{index:02x}" for index in range(8))

# A figure that stands alone is on white paper, in the page's colours by day.
_ALONE = {
    "currentColor": "#1b1f24",
    "var(--muted)": "#5a636d",
    "var(--paper)": "#ffffff",
    **{
        f"var(--arm-{index})": colour
        for index, colour in enumerate(
            ("#0072b2", "#d55e00", "#008a65", "#b8548e", "#a87400", "#2f8cc0", "#6b6b6b", "#8a7a00")
        )
    },
}
_VARIABLES = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    PAPER: "var(--paper)",
    **{colour: f"var(--arm-{index})" for index, colour in enumerate(ARM_COLOURS)},
}


@dataclass(frozen=True, slots=True)
class Figure:
    """`alternative` says in words what the figure shows, with its numbers."""

    key: str
    title: str
    caption: str
    alternative: str
    svg: str


def inline(svg: str, key: str) -> str:
    """The `<svg>` element of a document, scalable, hidden from assistive technology (the figure's text says it all).

    Ids that nothing refers to go; the others are prefixed with `key`, since ids are shared by the whole page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r'\1 aria-hidden="true" focusable="false"', svg, count=1)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{key}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{key}-", svg)
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda found: _VARIABLES.get(found[0], found[0]), svg)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def alone(figure: Figure) -> str:
    """The figure as a document of its own, for a paper, a comment, or a page that knows nothing of the report's colours."""
    svg = re.sub(r"currentColor|var\(--[a-z0-9-]+\)", lambda found: _ALONE[found[0]], figure.svg)
    svg = svg.replace(' aria-hidden="true" focusable="false"', ' role="img" width="720"', 1)
    head, body = svg.split(">", 1)
    paper = f'<rect width="100%" height="100%" fill="{_ALONE["var(--paper)"]}"/>'
    style = '<style>text { font-family: "DejaVu Sans", Verdana, sans-serif; }</style>'
    words = f"<title>{escape(figure.title)}</title><desc>{escape(figure.alternative)}</desc>"
    return f"{head}>\n{words}\n{style}\n{paper}{body}\n"


def empty(words: str) -> str:
    """A picture that says why there is none."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="720" viewBox="0 0 360 60">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<text x="12" y="34" font-family="sans-serif" font-size="12">{escape(words)}</text>\n</svg>\n'
    )
