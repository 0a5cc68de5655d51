"""A page taken apart: its tables as text, its ids and references, its text."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.elements: list[str] = []
        self.text = ""
        self._cell: list[str] | None = None
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src", "xlink:href"):
                self.references.append(value or "")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell is not None:
            self._cell.append(data + " ")

    def table(self, *headers: str) -> dict[str, list[str]]:
        """Rows by their first cell, of the table whose header begins with `headers`."""
        for table in self.tables:
            if table[0][: len(headers)] == list(headers):
                return {row[0]: row[1:] for row in table[1:]}
        raise AssertionError(f"no table with {headers}; there are {[table[0] for table in self.tables]}")
