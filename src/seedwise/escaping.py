"""What a name, a title or a message is where others read it: no control sequence in a terminal, no formula in a table, no
markup and no script in a page, no command in LaTeX.  HTML is escaped by its templates (autoescape)."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import Any, TextIO

from seedwise.secrets import without_credentials

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COLOUR = re.compile("(\x1b\\[[0-9;]*m)")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")
_CONTROLS = {code: f"<U+{code:04X}>" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
# Marks that turn writing around, and line and paragraph separators that are no line ends to most readers.
_MARKS = {code: f"<U+{code:04X}>" for code in (*range(0x2028, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)}
_SHOWN = {**_CONTROLS, **_MARKS}

# fmt: off
_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "{'}{'}",  # what prints a straight one needs another encoding of fonts
    "[": "{[}",  # after \\ it would begin an optional argument, and * would be one
    "*": "{*}",
    "-": "{-}",  # two would become a dash
    "'": "{'}",
    "`": "{`}",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{ALMOST EQUAL TO}": r"$\approx$",
    "\N{GREEK CAPITAL LETTER DELTA}": r"$\Delta$",
    "\N{SECTION SIGN}": r"\S{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
}
# fmt: on


def plain(text: str) -> str:
    """`text` for a terminal: line ends and tabs stay, control characters and marks that turn writing around are shown as U+XXXX."""
    return text if text.isascii() and text.isprintable() else text.translate(_SHOWN)


def one_line(text: str) -> str:
    """As `plain`, on one line."""
    return plain(" ".join(text.split()))


def cell(value: object) -> object:
    """A cell of a CSV file: text that a spreadsheet would take for a formula is given a quote before it."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return text if _NUMBER.fullmatch(text) or not (_FORMULA.match(text) or _FORMULA.match(value)) else f"'{text}"


def folded(text: str, width: int) -> str:
    """`text` with lines of more than `width` characters broken at blanks, and continued two columns further in."""
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip(" "))]
        broken = (
            [line]
            if len(line) <= width
            else wrap(
                line.strip(),
                max(width, 20),
                initial_indent=indent,
                subsequent_indent=f"{indent}  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
        lines += broken or [line]
    return "\n".join(lines)


def markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no table cell ended early."""
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", shown)


def latex(text: str) -> str:
    """Text that LaTeX prints as it is, on one line."""
    line = " ".join(text.split())
    return "".join(_LATEX.get(letter, letter) for letter in line if letter.isprintable())


def latex_comment(text: str) -> str:
    """What stands after a `%`: one line, whose end nothing in it can be."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable()).replace("^^", "^ ^")


class PlainStream:
    """A text stream to a terminal: whatever is written to it is `plain`, colours of ours apart, and lets nobody in."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        parts = _COLOUR.split(without_credentials(text))
        self._stream.write("".join(part if number % 2 else plain(part) for number, part in enumerate(parts)))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
