"""The figures of a search: every point's score by the value that was searched, and the best that a budget is expected to find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedwise.report import text
from seedwise.report.arm_rows import TunedArm
from seedwise.report.drawing import legend, look, render, render_canvas
from seedwise.report.model import StudyReport
from seedwise.report.svg import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MOST_TICKS = 8  # labels that have room under an axis


def search_figures(study: StudyReport) -> tuple[Figure, ...]:
    """Those that the study's search has numbers for."""
    return tuple(figure for figure in (scores_by_value(study), best_by_budget(study)) if figure is not None)


def scores_by_value(study: StudyReport) -> Figure | None:
    """A panel a setting, with the arms that are searched over that positive number alone: every seed's score and the points' means."""
    panels: dict[str, list[tuple[TunedArm, list[float]]]] = {}
    for arm in study.tuned:
        found = searched_number(arm)
        if found is not None:
            panels.setdefault(found[0], []).append((arm, found[1]))
    if not panels:
        return None
    scale = _scale(study.tuned[0])

    def draw(canvas: Canvas) -> None:
        rows = canvas.subplots(len(panels), 1, squeeze=False)[:, 0]
        marks: list[Any] = []
        for axes, (name, arms) in zip(rows, panels.items(), strict=True):
            marks += [_hill(axes, study, arm, values, scale) for arm, values in arms]
            _log_axis(axes, name, sorted({value for _, values in arms for value in values}))
        legend(rows[0], len(marks), marks)
        canvas.supylabel(_axis(study.tuned[0]), fontsize=10.5)

    spoken = []
    for name, arms in panels.items():
        for arm, values in arms:
            means = zip(values, (mean for _, mean in arm.points), strict=True)
            told = ", ".join(f"{text.number(value)} {_said(mean, arm)}" for value, mean in sorted(means))
            spoken.append(f"{arm.arm}, {name}: {told}; chosen {text.number(values[arm.chosen])}")
    drawn = {arm.arm for arms in panels.values() for arm, _ in arms}
    others = [arm.arm for arm in study.tuned if arm.arm not in drawn]
    beside = f" {text.listed(others)}: over more than one number, in the table alone." if others else ""
    gone = any(mean is None for _, mean in (point for arm in study.tuned for point in arm.points))
    diverged = " Points at which a run diverged are left out." if gone else ""
    key = f"{study.name}-searched"
    return Figure(
        key=key,
        title=f"Every point of the search, by {text.listed(list(panels))}",
        caption=f"One hollow mark a seed of the search, the mean as a line; filled: the chosen point, the best mean.{diverged}{beside}",
        alternative="; ".join(spoken) + ".",
        svg=render_canvas(key, 0.6 + 2.5 * len(panels), draw),
    )


def searched_number(arm: TunedArm) -> tuple[str, list[float]] | None:
    """The one setting that the arm's points differ in and its value at each of them; None of several, or of no positive numbers."""
    names = list(arm.settings[0]) if arm.settings else []
    moved = [name for name in names if any(point[name] != arm.settings[0][name] for point in arm.settings)]
    if len(moved) != 1:
        return None
    values = []
    for point in arm.settings:
        value = point[moved[0]]
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            return None
        values.append(float(value))
    return moved[0], values


def _hill(axes: Axes, study: StudyReport, arm: TunedArm, values: Sequence[float], scale: float) -> Any:
    colour, marker = look(study, arm.arm)
    points = sorted(zip(values, arm.points, arm.scores, strict=True), key=lambda point: point[0])
    whole = [(value, scale * mean, line) for value, (_, mean), line in points if mean is not None]
    for value, _, line in whole:
        shown = [scale * score for score in line if score is not None]
        axes.plot(
            [value] * len(shown), shown, marker, color=colour, markersize=5, markerfacecolor="none", markeredgewidth=1.0, alpha=0.7
        )  # fmt: skip
    (mark,) = axes.plot(
        [value for value, *_ in whole], [mean for _, mean, _ in whole], color=colour, linewidth=2.0, marker=marker, markersize=9,
        markeredgewidth=1.4, markevery=[values[arm.chosen] == value for value, *_ in whole], label=arm.arm,
    )  # fmt: skip
    return mark


def _log_axis(axes: Axes, name: str, values: Sequence[float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.margins(x=0.06)
    axes.set_xlabel(f"{name}, logarithmic")
    axes.xaxis.set_major_locator(FixedLocator(_ticks(values)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text.number(value)))
    axes.grid()


def _ticks(values: Sequence[float]) -> list[float]:
    """Those of the rising values that have room for a label."""
    room = math.log(values[-1] / values[0]) / MOST_TICKS
    ticks = [values[0]]
    for value in values[1:]:
        if math.log(value / ticks[-1]) >= room:
            ticks.append(value)
    return ticks


def best_by_budget(study: StudyReport) -> Figure | None:
    """The expected best score of each budget with its interval, an arm beside the other."""
    arms = [arm for arm in study.tuned if len(arm.curve) > 1]
    if not arms:
        return None
    scale = _scale(arms[0])
    wide = min(0.16, 0.6 / len(arms))  # between the arms' bars at one budget

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        for index, arm in enumerate(arms):
            colour, marker = look(study, arm.arm)
            aside = wide * (index - (len(arms) - 1) / 2)
            for budget, _, interval in arm.curve:
                if interval is not None:
                    axes.plot(
                        [budget + aside] * 2,
                        [scale * bound for bound in interval],
                        color=colour,
                        linewidth=4,
                        alpha=0.35,
                    )
            axes.plot(
                [budget + aside for budget, *_ in arm.curve], [scale * best for _, best, _ in arm.curve], color=colour,
                marker=marker, markersize=6, label=arm.arm,
            )  # fmt: skip
        axes.set_xlabel("points tried")
        axes.set_ylabel(_axis(arms[0]))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid()
        legend(axes, len(arms))

    spoken = []
    for arm in arms:
        told = ", ".join(
            f"{budget} {_said(best, arm)} ({text.selected_interval(interval, arm.metric)})" for budget, best, interval in arm.curve
        )  # fmt: skip
        spoken.append(f"{arm.arm}: {told}")
    key = f"{study.name}-budget"
    return Figure(
        key=key,
        title="Expected best score by budget",
        caption="The best mean that so many of the points, drawn, are expected to hold (Dodge et al. 2019). Shaded: the 95 % interval over "
        "searches of as many points; it is too narrow where there are few.",
        alternative="; ".join(spoken) + ".",
        svg=render(key, 3.1, draw),
    )


def _said(score: float | None, arm: TunedArm) -> str:
    return "diverged" if score is None else text.selected(score, arm.metric)


def _scale(arm: TunedArm) -> float:
    known = text.SELECTION_METRICS.get(arm.metric)
    return 1.0 if known is None else known.scale


def _axis(arm: TunedArm) -> str:
    return f"{arm.metric} on the selection split{text.selection_axis(arm.metric)}"
