"""How figures are drawn: one style, one look an arm, SVG whose bytes follow from its values."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from seedwise.report.model import StudyReport
from seedwise.report.svg import ARM_COLOURS, INK, MUTED, PAPER, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MARKERS = "osD^vPX*"
_WIDTH = 5.0  # inches: 360 units, about a phone's width, so that text keeps its size there
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "seedwise",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": MUTED,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
}


def look(study: StudyReport, name: str) -> tuple[str, str]:
    """Colour and marker of an arm, the same in every figure."""
    return style([arm.name for arm in study.arms].index(name))


def style(index: int) -> tuple[str, str]:
    """Colour and marker of the arm at a place of its study."""
    return ARM_COLOURS[index % len(ARM_COLOURS)], MARKERS[index % len(MARKERS)]


def label_rows(axes: Axes, names: Sequence[str]) -> None:
    """Names above their rows, so that long ones take no width from the data."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-len(names) + 0.6, 0.6)
    for index, name in enumerate(names):
        axes.text(
            0.0, -index + 0.3, name, transform=axes.get_yaxis_transform(), fontweight="bold", va="bottom",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip


def legend(axes: Axes, entries: int, handles: Sequence[Any] | None = None) -> None:
    """Above the axes, where no data is; of what they hold, or of `handles`."""
    axes.legend(
        handles=axes.get_legend_handles_labels()[0] if handles is None else handles,
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=min(entries, 2), frameon=False, borderaxespad=0.0,
        handlelength=1.8, columnspacing=1.2,
    )  # fmt: skip


def render(key: str, height: float, draw: Callable[[Axes], None]) -> str:
    """A figure of one pair of axes, `height` inches high, as an SVG that stands inside a page."""

    def one(canvas: Canvas) -> None:
        draw(canvas.add_subplot())

    return render_canvas(key, height, one)


def render_canvas(key: str, height: float, draw: Callable[[Canvas], None]) -> str:
    """The same, with as many axes as `draw` makes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the reader's own matplotlibrc says
        matplotlib.rcParams.update(_SETTINGS)
        canvas = Figure(figsize=(_WIDTH, height), layout="constrained")
        FigureCanvasAgg(canvas)
        draw(canvas)
        written = io.StringIO()
        canvas.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline(written.getvalue(), key)
