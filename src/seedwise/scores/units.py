"""What numbers of a unit are shown in: shares times 100, differences of shares and percentages in points, others as they are."""

from __future__ import annotations

_POINTS = ("fraction", "percent")


def scale_of(unit: str) -> float:
    return 100.0 if unit == "fraction" else 1.0


def words_of(unit: str) -> str:
    """Of a difference; empty for a metric's own unit."""
    return "points" if unit in _POINTS else ""
