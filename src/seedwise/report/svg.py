"""An SVG of matplotlib made fit to stand inside a page: its colours become the page's, its ids its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Matplotlib is given these; the page is given CSS variables, which follow light and dark.
INK = "#010101"
MUTED = "#020202"
PAPER = "#020203"
ARM_COLOURS = tuple(f"#0300{index:02x}" for index in range(8))

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
