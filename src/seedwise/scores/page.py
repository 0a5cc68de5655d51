"""A comparison as one HTML page that needs nothing else, in the styles of a study's report; and as a part of a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seedwise.report.bands import draw_bands
from seedwise.report.drawing import label_rows, render
from seedwise.report.svg import ARM_COLOURS, INK
from seedwise.scores.card import Compared, Scorecard, outcome_of, pair_cells
from seedwise.scores.units import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEAD = ("A", "B", "verdict", "A − B", "interval", "p", "exact p", "floor", "seeds", "examples")


def page(card: Scorecard) -> str:
    """A whole page, with its figures."""
    return _render("compare.html.j2", card, figures=True)


def fragment(card: Scorecard) -> str:
    """The tables and sentences alone, for a notebook."""
    return _render("compare-part.html.j2", card, figures=False)


def _render(template: str, card: Scorecard, figures: bool) -> str:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("seedwise.scores"), PackageLoader("seedwise.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        card=card,
        head=HEAD,
        pairs=(*card.pairs, *card.over_tasks),
        cells=[pair_cells(pair) for pair in (*card.pairs, *card.over_tasks)],
        outcomes=[outcome_of(pair) for pair in (*card.pairs, *card.over_tasks)],
        drawn=_drawn(card) if figures else (),
    )


def _drawn(card: Scorecard) -> list[dict[str, object]]:
    """Differences, a figure a metric's unit; bands, a figure a task."""
    found: list[dict[str, object]] = []
    drawable = [
        pair for pair in (*card.pairs, *card.over_tasks) if pair.interval is not None and pair.estimate is not None
    ]
    rows = [pair for pair in drawable if (pair.unit == "own") == (drawable[0].unit == "own")]
    if rows:
        spoken = "; ".join(
            f"{pair.a} minus {pair.b}: {pair_cells(pair)[3]}, interval {pair_cells(pair)[4]}" for pair in rows
        )
        found.append({"title": "Differences", "svg": Markup(_differences(rows)), "text": spoken})
    for place, bands in enumerate(card.bands):
        text = "; ".join(f"{name} {mean * bands.scale:.4g}, group {bands.letters(name)}" for name, mean in bands.arms)
        found.append(
            {
                "title": f"Arms not told apart{f': {bands.task}' if bands.task else ''}",
                "svg": Markup(draw_bands(bands, f"compare-bands-{place}")),
                "text": text,
            }
        )
    return found


def _differences(rows: Sequence[Compared]) -> str:
    scale = scale_of(rows[0].unit)

    def draw(axes: Axes) -> None:
        axes.axvline(0.0, color=INK, linewidth=1.0)
        for place, pair in enumerate(rows):
            low, high = pair.interval or (0.0, 0.0)
            axes.plot([low * scale, high * scale], [-place, -place], color=ARM_COLOURS[0])
            axes.plot([(pair.estimate or 0.0) * scale], [-place], marker="o", color=ARM_COLOURS[0])
        label_rows(axes, [f"{pair.a} − {pair.b}{f' ({pair.task})' if pair.task else ''}" for pair in rows])
        axes.set_xlabel(f"difference in {rows[0].metric}{', points' if rows[0].unit != 'own' else ''}")
        axes.grid(axis="x")

    return render("compare-difference", 0.62 * len(rows) + 0.75, draw)
