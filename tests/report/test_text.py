"""Numbers as papers print them."""

from __future__ import annotations

import pytest

from seedwise.report import text


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (text.score(0.79364, "accuracy"), "79.36"),
        (text.score(None, "accuracy"), "–"),
        (text.difference(-0.0123, "accuracy"), "\N{MINUS SIGN}1.23"),
        (text.difference(0.1275, "accuracy"), "+12.75"),
        (text.difference_interval((-0.01, 0.02), "accuracy"), "\N{MINUS SIGN}1.00 to +2.00"),
        (text.p_value(0.0286), ".0286"),
        (text.margin(0.015, "accuracy"), "±1.5"),
        (text.number(1e-8), "1e-8"),
        (text.number(0.0001), "0.0001"),
        (text.seconds(38.5), "38.5 s"),
        (text.seconds(600), "10.0 min"),
        (text.seconds(9000), "2.5 h"),
        (text.size(900 << 20), "900 MiB"),
        (text.size(3 << 30), "3.00 GiB"),
        (text.rate(79.25), "79.2"),
        (text.count(22713216), "22,713,216"),
        (text.listed(["a", "b", "c"]), "a, b and c"),
        (text.some(tuple("abcdefgh"), 3), "a, b, c and 5 more"),
        (text.seeds((0, 1, 2, 3)), "0 to 3"),
        (text.seeds((1, 4)), "1 and 4"),
        (text.short("sha256:" + "ab" * 32), "abababababab"),
    ],
)
def test_formats(shown: str, expected: str) -> None:
    assert shown == expected
