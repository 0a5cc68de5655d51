"""The figures of a study as SVG: equal values give equal bytes, text stays text, colours are the page's variables."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from seedwise.report import text
from seedwise.report.arm_rows import ArmRow
from seedwise.report.comparisons import Comparison
from seedwise.report.curve_rows import Curve
from seedwise.report.drawing import label_rows, legend, look, render
from seedwise.report.model import StudyReport
from seedwise.report.price import price
from seedwise.report.svg import ARM_COLOURS, INK, Figure, alone, empty
from seedwise.study.metric import METRICS, MINUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def figures(study: StudyReport) -> tuple[Figure, ...]:
    """Those that the study has numbers for."""
    found = [difference(study), strips(study), reported(study) or epochs(study), losses(study), price(study)]
    return tuple(figure for figure in found if figure is not None)


def leading(study: StudyReport) -> str:
    """The one figure that says most, as a document of its own: the differences, or every seed while nothing is compared."""
    figure = difference(study) or strips(study)
    return empty(f"{study.name}: nothing to draw yet") if figure is None else alone(figure)


def difference(study: StudyReport) -> Figure | None:
    """Every comparison's estimate and interval, with the band of its margin."""
    metric = METRICS[study.metric]
    rows = [c for c in (*study.claims, *study.explored) if c.estimate is not None and c.interval is not None]
    if not rows:
        return None

    in_unit = f", {metric.unit}" if metric.unit else ""

    def draw(axes: Axes) -> None:
        axes.axvline(0.0, color=INK, linewidth=1.0)
        for place, row in enumerate(rows):
            _difference_row(axes, -place, row, metric.scale)
        label_rows(axes, [f"{row.a} {MINUS} {row.b}{'' if row.declared else ' (exploratory)'}" for row in rows])
        axes.set_xlabel(f"difference in {study.metric}{in_unit}")
        axes.grid(axis="x")

    spoken = [
        f"{row.a} minus {row.b}: {f'{text.difference(row.estimate, study.metric)} {metric.unit}'.strip()}, interval "
        f"{text.difference_interval(row.interval, study.metric)}"
        for row in rows
    ]
    side = (
        "right of zero the first arm scores higher"
        if metric.higher_is_better
        else "left of zero the first arm is better"
    )
    band = " The shaded band is the declared margin; the thick bar inside is the interval of the equivalence test."
    return Figure(
        key=f"{study.name}-difference",
        title="Differences between arms",
        caption=f"Estimate and {text.percent(study.level)} interval over seeds and examples; {side}. Filled: supported or "
        f"contradicted; hollow: undecided or exploratory.{band if any(row.margin for row in rows) else ''}",
        alternative="; ".join(spoken) + ".",
        svg=render(f"{study.name}-difference", 0.62 * len(rows) + 0.75, draw),
    )


def _difference_row(axes: Axes, place: float, row: Comparison, scale: float) -> None:
    assert row.estimate is not None
    assert row.interval is not None
    low, high = (scale * bound for bound in row.interval)
    if row.margin is not None:
        wide = scale * row.margin
        axes.fill_betweenx([place - 0.22, place + 0.22], -wide, wide, color=ARM_COLOURS[2], alpha=0.22, linewidth=0)
    if row.tost_interval is not None:
        axes.plot([scale * bound for bound in row.tost_interval], [place, place], color=INK, linewidth=4.5, alpha=0.55)
    axes.plot([low, high], [place, place], color=INK, linewidth=1.6)
    for bound in (low, high):
        axes.plot([bound, bound], [place - 0.07, place + 0.07], color=INK, linewidth=1.6)
    fill = ARM_COLOURS[0] if row.declared and row.status in ("supported", "contradicted") else "none"
    axes.plot(
        [scale * row.estimate], [place], "D", markersize=7, markerfacecolor=fill, markeredgecolor=ARM_COLOURS[0],
        markeredgewidth=1.6,
    )  # fmt: skip


def strips(study: StudyReport) -> Figure | None:
    """Every seed's score, the arms' means and intervals, single-run baselines as lines."""
    metric = METRICS[study.metric]
    arms = [arm for arm in study.arms if arm.n is not None and not (arm.baseline and arm.deterministic)]
    lines = [arm for arm in _levels(study) if arm.deterministic]
    if not arms:
        return None

    def draw(axes: Axes) -> None:
        for index, arm in enumerate(arms):
            colour, marker = look(study, arm.name)
            if arm.interval is not None:
                axes.plot(
                    [metric.scale * b for b in arm.interval], [-index, -index], color=colour, linewidth=5, alpha=0.35
                )
            if arm.mean is not None:
                axes.plot([metric.scale * arm.mean] * 2, [-index - 0.2, -index + 0.2], color=colour, linewidth=2.4)
            ordered = sorted((s for s in arm.scores if s.score is not None), key=lambda s: (s.score, s.seed))
            for rank, score in enumerate(ordered):
                assert score.score is not None
                shown = "x" if score.status == "diverged" else marker
                lift = (-1) ** rank * 0.09 if len(ordered) > 1 else 0.0
                fill = colour if shown == "x" else "none"
                axes.plot(
                    [metric.scale * score.score], [-index + lift], shown, color=colour, markersize=6, markerfacecolor=fill,
                    markeredgewidth=1.5,
                )  # fmt: skip
        for index, arm in enumerate(lines):
            assert arm.mean is not None
            axes.axvline(metric.scale * arm.mean, color=INK, linestyle=_dashes(index), linewidth=1.3, label=arm.name)
        label_rows(axes, [arm.name for arm in arms])
        axes.set_xlabel(f"{study.metric} on the test split{metric.axis}")
        axes.grid(axis="x")
        if lines:
            legend(axes, len(lines))

    spoken = [
        f"{arm.name}: mean {text.score(arm.mean, study.metric)} over {text.plural(arm.n or 0, 'seed')}" for arm in arms
    ]
    spoken += [f"baseline {arm.name}: {text.score(arm.mean, study.metric)}" for arm in lines]
    dashed = " Dashed: the baseline." if lines else ""
    crosses = " A cross is a diverged run." if any(arm.diverged for arm in arms) else ""
    return Figure(
        key=f"{study.name}-seeds",
        title="Every seed",
        caption=f"One mark a seed, the arm's mean as a bar, its {text.percent(study.level)} t interval over seeds shaded."
        f"{dashed}{crosses}",
        alternative="; ".join(spoken) + ".",
        svg=render(f"{study.name}-seeds", 0.62 * len(arms) + (1.1 if lines else 0.75), draw),
    )


def reported(study: StudyReport) -> Figure | None:
    """The reported split by epoch, every seed thin and the mean thick, in one axes; baselines as dashed levels."""
    metric = METRICS[study.metric]
    curved = {curve.arm for curve in study.curves.reported}
    levels = [arm for arm in _levels(study) if arm.name not in curved]
    dashed = " Dashed: the baseline, which has no epochs." if levels else ""
    caption = f"For display: selection never saw it. One thin line a seed, the mean thick.{dashed}"
    return _curves(
        study, study.curves.reported, "reported", f"{study.metric.capitalize()} by epoch on the reported split{metric.axis}",
        metric.scale, caption, integer=True, levels=levels,
    )  # fmt: skip


def epochs(study: StudyReport) -> Figure | None:
    """The selection split by epoch, every seed thin and the mean thick."""
    metric = METRICS[study.metric]
    caption = "One thin line a seed, the mean thick. Not the reported score: where the best checkpoint is kept, this split chooses it."
    return _curves(
        study, study.curves.selection, "epochs", f"{study.metric.capitalize()} on the selection split{metric.axis}",
        metric.scale, caption, integer=True,
    )  # fmt: skip


def losses(study: StudyReport) -> Figure | None:
    """Training loss by epoch, every seed thin and the mean thick."""
    widths = sorted(set(study.curves.updates_per_point.values()))
    each = text.listed([str(width) for width in widths])
    caption = f"One thin line a seed, the mean thick; each point is the mean over {each} updates."
    if widths == [1]:
        caption = "One thin line a seed, the mean thick; one point an update."
    return _curves(study, study.curves.loss, "loss", "Training loss", 1.0, caption, integer=False)


def _curves(
    study: StudyReport, curves: Sequence[Curve], key: str, title: str, scale: float, caption: str, *, integer: bool,
    levels: Sequence[ArmRow] = (),
) -> Figure | None:  # fmt: skip
    arms = list(dict.fromkeys(curve.arm for curve in curves))
    if all(len(curve.points) < 2 for curve in curves):
        return None  # one point is no course

    from matplotlib.ticker import MaxNLocator

    faint = 0.55 if len(arms) <= 3 else 0.25

    def draw(axes: Axes) -> None:
        for arm in arms:
            colour, marker = look(study, arm)
            own = [curve.points for curve in curves if curve.arm == arm]
            for points in own:
                axes.plot(
                    [x for x, _ in points], [scale * y for _, y in points], color=colour, linewidth=0.8, alpha=faint
                )
            mean = _mean(own)
            spacing = max(1, len(mean) // 6)
            axes.plot(
                [x for x, _ in mean], [scale * y for _, y in mean], color=colour, linewidth=2.4, marker=marker,
                markersize=6, markevery=spacing, label=arm,
            )  # fmt: skip
        for index, level in enumerate(levels):
            assert level.mean is not None
            axes.axhline(scale * level.mean, color=INK, linestyle=_dashes(index), linewidth=1.3, label=level.name)
        axes.set_xlabel("epochs of training done")
        axes.grid()
        if integer:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.margins(x=0.06)
        legend(axes, len(arms) + len(levels))

    spoken = []
    for arm in arms:
        mean = _mean([curve.points for curve in curves if curve.arm == arm])
        first, last = (f"{scale * value:.2f}" for value in (mean[0][1], mean[-1][1]))
        spoken.append(f"{arm}: the mean goes from {first} to {last} at {mean[-1][0]:g} epochs")
    spoken += [f"baseline {level.name}: {text.score(level.mean, study.metric)}" for level in levels]
    name = f"{study.name}-{key}"
    return Figure(name, title, caption, "; ".join(spoken) + ".", render(name, 3.1, draw))


def _mean(curves: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Over the seeds that have a point there; a diverged seed leaves the mean where its curve ends."""
    by_place: dict[float, list[float]] = {}
    for points in curves:
        for x, y in points:
            by_place.setdefault(x, []).append(y)
    return [(x, fmean(values)) for x, values in sorted(by_place.items())]


def _levels(study: StudyReport) -> list[ArmRow]:
    """Baselines, each of which is one level beside the arms' curves."""
    return [arm for arm in study.arms if arm.mean is not None and arm.baseline]


def _dashes(index: int) -> tuple[int, tuple[int, ...]]:
    """Lines of one colour that can still be told apart."""
    return 0, ((4, 3), (1, 2), (6, 2, 1, 2))[index % 3]
