"""Long lines on a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seedwise.escaping import folded


def test_long_lines_are_folded_at_blanks_two_columns_further_in() -> None:
    text = "name: short\n  over seeds and examples, one is better\ncite as: seedwise:0.1|study:a|claim:b"
    assert folded(text, 24).split("\n") == [
        "name: short",
        "  over seeds and",
        "    examples, one is",
        "    better",
        "cite as:",
        "  seedwise:0.1|study:a|claim:b",
    ]


@given(st.text(alphabet="ab -\n", max_size=80), st.integers(1, 60))
def test_nothing_but_blanks_and_line_ends_is_changed(text: str, width: int) -> None:
    assert folded(text, width).split() == text.split()
    assert folded(text, 80) == text
