"""The figures of a suite: every arm on each task, the differences by task and over them, and which arms are not told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwise.report import text
from seedwise.report.arm_rows import Interval
from seedwise.report.bands import draw_bands
from seedwise.report.drawing import label_rows, legend, render, render_canvas, style
from seedwise.report.suite import SuiteReport
from seedwise.report.svg import ARM_COLOURS, INK, Figure
from seedwise.study.metric import METRICS, MINUS, MetricName
from seedwise.verdicts.bands import Bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas


def suite_figures(report: SuiteReport) -> tuple[Figure, ...]:
    """Those that the suite has numbers for."""
    found = (arms_by_task(report), differences(report), not_told_apart(report))
    return tuple(figure for figure in found if figure is not None)


def arms_by_task(report: SuiteReport) -> Figure | None:
    """A panel a metric, a row a task: every arm's mean with its interval over seeds, and what others report."""
    names = list(report.matrix)
    if all(cell.mean is None for cells in report.matrix.values() for cell in cells):
        return None
    panels: dict[MetricName, list[int]] = {}
    for place, column in enumerate(report.tasks):
        panels.setdefault(column.metric, []).append(place)
    heights = [len(places) * (0.36 + 0.17 * len(names)) + 0.45 for places in panels.values()]
    quoted = any(column.reported for column in report.tasks)

    def draw(canvas: Canvas) -> None:
        rows = canvas.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (metric, places) in zip(rows, panels.items(), strict=True):
            for row, place in enumerate(places):
                for index, name in enumerate(names):
                    _arm_on_task(
                        axes, report, name, place, -row + 0.12 - 0.5 * (index + 0.5) / len(names), style(index)
                    )
            label_rows(axes, [report.tasks[place].task for place in places])
            axes.set_xlabel(f"{metric} on the test split{METRICS[metric].axis}")
            axes.grid(axis="x")
        shown = {line.get_label(): line for axes in rows for line in axes.get_lines() if line.get_label() in names}
        legend(rows[0], len(shown), [shown[name] for name in names if name in shown])

    spoken = []
    for place, column in enumerate(report.tasks):
        told = [f"{name} {report.text(name, place)}" for name in names]
        told += [f"reported of {row.arm} {text.score(row.mean, column.metric)}" for row in column.reported]
        spoken.append(f"{report.head(place)}: {', '.join(told)}")
    key = f"{report.name}-arms"
    crosses = " A cross: a number reported elsewhere." if quoted else ""
    return Figure(
        key=key,
        title="Every arm on each task",
        caption=f"Means over seeds, their t intervals shaded, which hold for these test files.{crosses}",
        alternative="; ".join(spoken) + ".",
        svg=render_canvas(key, sum(heights) + 0.3, draw),
    )


def _arm_on_task(axes: Axes, report: SuiteReport, arm: str, place: int, y: float, looks: tuple[str, str]) -> None:
    colour, marker = looks
    cell, column = report.matrix[arm][place], report.tasks[place]
    scale = METRICS[column.metric].scale
    if cell.interval is not None:
        axes.plot([scale * bound for bound in cell.interval], [y, y], color=colour, linewidth=4, alpha=0.35)
    for row in column.reported:
        if row.arm == arm:
            axes.plot([scale * row.mean], [y], "x", color=colour, markersize=7, markeredgewidth=1.8)
    if cell.mean is not None:
        axes.plot(
            [scale * cell.mean], [y], marker, color=colour, markersize=6, markerfacecolor="none", markeredgewidth=1.6,
            linestyle="none", label=arm,
        )  # fmt: skip


def differences(report: SuiteReport) -> Figure | None:
    """Differences of the claimed pairs on each task and over the tasks; None where there is nothing to draw.

    Only of raw differences: those of other metrics have no axis in common.
    """
    if len({column.metric for column in report.tasks}) > 1 or any(claim.standardised for claim in report.claims):
        return None
    metric = METRICS[report.tasks[0].metric]
    rows: list[tuple[str, float, Interval, bool]] = []
    for claim in report.each:
        if claim.estimate is not None and claim.interval is not None:
            rows.append((f"{claim.a} {MINUS} {claim.b}, {claim.task}", claim.estimate, claim.interval, False))
    for over in report.claims:
        if over.estimate is not None and over.interval is not None:
            words = "tasks like these" if over.scope == "tasks-like-these" else "these tasks"
            rows.append((f"{over.a} {MINUS} {over.b}, mean of {words}", over.estimate, over.interval, True))
    if not rows:
        return None

    def draw(axes: Axes) -> None:
        axes.axvline(0.0, color=INK, linewidth=1.0)
        for place, (_, estimate, (low, high), mean) in enumerate(rows):
            axes.plot(
                [metric.scale * low, metric.scale * high], [-place, -place], color=INK, linewidth=2.6 if mean else 1.4
            )
            axes.plot([metric.scale * estimate], [-place], "D" if mean else "o", color=ARM_COLOURS[0], markersize=7)
        label_rows(axes, [name for name, *_ in rows])
        axes.set_xlabel(f"difference in {metric.name}{f', {metric.unit}' if metric.unit else ''}")
        axes.grid(axis="x")

    spoken = [
        f"{name}: {f'{metric.difference(estimate)} {metric.unit}'.strip()}, interval {text.difference_interval(interval, metric.name)}"
        for name, estimate, interval, _ in rows
    ]
    key = f"{report.name}-tasks"
    side = "right" if metric.higher_is_better else "left"
    return Figure(
        key=key,
        title="Differences by task and over the tasks",
        caption=f"Estimates and intervals over seeds and examples; {side} of zero the first arm is better. Thick: over the tasks.",
        alternative="; ".join(spoken) + ".",
        svg=render(key, 0.62 * len(rows) + 0.75, draw),
    )


def not_told_apart(report: SuiteReport) -> Figure | None:
    """The arms' means over the tasks, with bars that join the groups."""
    if not report.bands:
        return None
    metric = METRICS[report.tasks[0].metric]
    letters = dict.fromkeys(letter for band in report.bands for letter in band.letters.split())
    bands = Bands(
        task=None,
        metric=f"mean {metric.name}{metric.axis}",
        scale=metric.scale,
        arms=tuple((band.arm, band.mean) for band in report.bands),
        groups=tuple(tuple(band.arm for band in report.bands if letter in band.letters.split()) for letter in letters),
        best=(),
    )
    key = f"{report.name}-bands"
    return Figure(
        key=key,
        title="Arms over these tasks",
        caption="A bar joins arms that are not told apart over these tasks: all pairs, one family under Holm, exploratory.",
        alternative="; ".join(f"{band.arm}: {metric.shown(band.mean)}, groups {band.letters}" for band in report.bands)
        + ".",
        svg=draw_bands(bands, key),
    )
