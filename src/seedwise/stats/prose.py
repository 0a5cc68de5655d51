"""How figures are printed."""

from __future__ import annotations


def format_p(p: float) -> str:
    """Return p as reports print it: ".100", ".0286", "1.000", and "< .0001" below that, where no p value is known to be right."""
    if p < 1e-4:
        return "< .0001"
    return format_floor(p)


def p_is(p: float) -> str:
    """Return "p = .0286", or "p < .0001"."""
    text = format_p(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def format_floor(p: float) -> str:
    """Return an exact probability, as the floor of a test is: like p, but below .0001 "1.1e-05"."""
    if p < 1e-4:
        return f"{p:.1e}"
    text = f"{p:.3f}" if p >= 0.1 else f"{p:.{_decimals(p)}f}"
    return text.removeprefix("0")


def format_score(value: float, precision: float) -> str:
    """Return a score with two decimals, more where its error is of size `precision` below .02, none of 80 digits where it is huge."""
    if abs(value) >= 1e6 or (value != 0.0 and precision < 1e-6):
        return f"{value:.4g}"
    decimals = 2
    while precision * 10**decimals < 2.0 and decimals < 8:
        decimals += 1
    return f"{value:.{decimals}f}"


def _decimals(p: float) -> int:
    """Return the decimals that show three significant digits of p in [1e-4, 0.1)."""
    decimals = 4
    while p * 10**decimals < 100.0:
        decimals += 1
    return decimals
