"""Cost against quality: what the score of each arm takes in parameters, time and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seedwise.report import text
from seedwise.report.arm_rows import ArmCost, ArmRow
from seedwise.report.drawing import legend, look, render_canvas
from seedwise.report.model import StudyReport
from seedwise.report.svg import Figure
from seedwise.study.metric import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

ALIKE = 1.02  # a cost in which no arm is further from another than this says nothing, and gets no panel
Measure = Callable[[ArmCost], float | None]
_PANELS: tuple[tuple[str, Measure, Callable[[float], str]], ...] = (
    ("trainable parameters", lambda cost: cost.trainable_parameters, lambda value: text.count(round(value))),
    ("seconds of training, a run", lambda cost: cost.training_seconds or None, text.seconds),
    ("peak memory, MiB", lambda cost: _mebibytes(cost.peak_host_bytes), lambda value: f"{value:,.0f} MiB"),
    ("peak GPU memory, MiB", lambda cost: _mebibytes(cost.peak_device_bytes), lambda value: f"{value:,.0f} MiB"),
)


def price(study: StudyReport) -> Figure | None:
    """A panel a cost in which the ways to train differ; scores with their intervals over seeds."""
    metric = METRICS[study.metric]
    panels = []
    for title, measure, words in _PANELS:
        found = [(arm, value) for arm in study.arms if (value := _value(arm, measure)) is not None]
        if len(found) > 1 and max(value for _, value in found) > ALIKE * min(value for _, value in found):
            panels.append((title, found, words))
    if not panels:
        return None

    def draw(canvas: Canvas) -> None:
        rows = canvas.subplots(len(panels), 1, squeeze=False)[:, 0]
        shown: dict[str, object] = {}
        for axes, (title, found, _) in zip(rows, panels, strict=True):
            for arm, value in found:
                shown.setdefault(arm.name, _point(axes, study, arm, value))
            _axis(axes, title, [value for _, value in found])
        legend(rows[0], len(shown), list(shown.values()))
        canvas.supylabel(f"{study.metric} on the test split{metric.axis}", fontsize=10.5)

    spoken = [
        f"{title}: "
        + ", ".join(f"{arm.name} {words(value)} for {text.score(arm.mean, study.metric)}" for arm, value in found)
        for title, found, words in panels
    ]
    key = f"{study.name}-price"
    return Figure(
        key=key,
        title="Cost against quality",
        caption=f"{'Up' if metric.higher_is_better else 'Down'} and to the left is better. One mark an arm, with the "
        f"{text.percent(study.level)} t interval of its mean over seeds; logarithmic where arms are far apart. Costs in which "
        "the arms are alike are left out.",
        alternative="; ".join(spoken) + ".",
        svg=render_canvas(key, 0.5 + 1.75 * len(panels), draw),
    )


def _value(arm: ArmRow, measure: Measure) -> float | None:
    return None if arm.cost is None or arm.mean is None or not arm.way else measure(arm.cost)


def _mebibytes(size: int | None) -> float | None:
    return None if size is None else size / (1 << 20)


def _point(axes: Axes, study: StudyReport, arm: ArmRow, value: float) -> object:
    assert arm.mean is not None
    colour, marker = look(study, arm.name)
    scale = METRICS[study.metric].scale
    if arm.interval is not None:
        axes.plot([value, value], [scale * bound for bound in arm.interval], color=colour, linewidth=5, alpha=0.35)
    (mark,) = axes.plot(
        [value], [scale * arm.mean], marker, color=colour, markersize=7, markerfacecolor="none", markeredgewidth=1.8,
        label=arm.name,
    )  # fmt: skip
    return mark


def _axis(axes: Axes, title: str, values: list[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xlabel(title)
    axes.grid()
    axes.margins(x=0.12, y=0.15)
    if max(values) > 10 * min(values):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(10.0))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))


def _short(value: float) -> str:
    """'250k', '1.6M': what fits under a tick."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
