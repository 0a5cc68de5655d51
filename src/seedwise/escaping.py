"""What a name, a title or a message is where others read it: no control sequence in a terminal, no formula in a table."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)))


def plain(text: str) -> str:
    """`text` for a terminal: line ends and tabs stay, control characters and marks that turn writing around are shown as U+XXXX."""
    return "".join(
        letter
        if letter in "\n\t" or (ord(letter) >= 0x20 and not 0x7F <= ord(letter) < 0xA0 and letter not in _TURNS)
        else f"<U+{ord(letter):04X}>"
        for letter in text
    )


def cell(value: object) -> object:
    """A cell of a CSV file: text that a spreadsheet would take for a formula is given a quote before it."""
    if not isinstance(value, str) or not _FORMULA.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
