"""Where the noise comes from, drawn: standard deviations between runs with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwise.report import text
from seedwise.report.drawing import label_rows, look, render
from seedwise.report.model import StudyReport
from seedwise.report.svg import Figure
from seedwise.study.metric import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def noise_figure(study: StudyReport) -> Figure | None:
    """A row a source: the standard deviation as a mark, its interval as a bar; what is left has none, and no row."""
    metric = METRICS[study.metric]
    rows = [row for row in study.noise if row.sd is not None]
    if not rows:
        return None
    several = len({row.arm for row in rows}) > 1
    names = [f"{row.arm}, {row.source}" if several else row.source for row in rows]

    def draw(axes: Axes) -> None:
        for place, row in enumerate(rows):
            assert row.sd is not None
            colour, marker = look(study, row.arm)
            if row.interval is not None:
                axes.plot(
                    [metric.scale * bound for bound in row.interval],
                    [-place, -place],
                    color=colour,
                    linewidth=5,
                    alpha=0.35,
                )
            fill = colour if row.source == "together" else "none"
            axes.plot(
                [metric.scale * row.sd],
                [-place],
                marker,
                color=colour,
                markersize=7,
                markerfacecolor=fill,
                markeredgewidth=1.6,
            )
        label_rows(axes, names)
        axes.set_xlim(left=0.0)
        axes.set_xlabel(f"standard deviation of {study.metric}{f', {metric.unit}' if metric.unit else ''}")
        axes.grid(axis="x")

    spoken = [
        f"{name}: {text.score(row.sd, study.metric)} ({text.score_interval(row.interval, study.metric)})"
        for name, row in zip(names, rows, strict=True)
    ]
    key = f"{study.name}-noise"
    return Figure(
        key=key,
        title="Standard deviations between runs",
        caption=f"A row for each source that varies alone; filled: all vary together. Shaded: the {text.percent(study.level)} interval.",
        alternative="; ".join(spoken) + ".",
        svg=render(key, 0.62 * len(rows) + 0.75, draw),
    )
