"""Arms by their means, best first, with bars that join those that are not told apart, in the manner of a critical-difference diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwise.report.drawing import label_rows, render
from seedwise.report.svg import ARM_COLOURS, INK
from seedwise.verdicts.bands import Bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_bands(bands: Bands, name: str) -> str:
    """An SVG called `name`."""
    rank = {arm: index for index, (arm, _) in enumerate(bands.arms)}
    means = [mean * bands.scale for _, mean in bands.arms]
    span = (max(means) - min(means)) or 1.0

    def draw(axes: Axes) -> None:
        axes.scatter(means, [-rank[arm] for arm, _ in bands.arms], color=INK, zorder=3)
        for index, group in enumerate(bands.groups):
            x = max(means) + span * (0.08 + 0.06 * index)
            ends = [-rank[arm] for arm in group]
            axes.plot(
                [x, x], [min(ends) - 0.2, max(ends) + 0.2], color=ARM_COLOURS[index % len(ARM_COLOURS)], linewidth=4
            )
        label_rows(axes, [arm for arm, _ in bands.arms])
        axes.set_xlabel(f"{bands.metric}; a bar joins arms that are not told apart")
        axes.grid(axis="x")

    return render(name, 0.62 * len(bands.arms) + 0.75, draw)
