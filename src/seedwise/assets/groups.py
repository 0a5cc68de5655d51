"""Which examples of the reported split belong together: rows of one group of the manifest, or of one text.

They are no independent draws, so verdicts count their groups as clusters. Kept beside the split files and out of them: a run
does not depend on groups, so its identity does not either.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import Field

from seedwise_contract.base import ContractModel


class Groups(ContractModel):
    """`groups.json`: id → group of every reported example that shares one with another; the rest stand by themselves.

    Groups are digests of their names, so that what is published of a verdict holds no text. `column` is the manifest's own,
    None where only equal texts are told. `alike` counts, where no column is named, the examples of which a part (such as the
    premise of a pair) is that of an example with another text: part → how many.
    """

    column: str | None
    of: dict[str, str]
    alike: dict[str, int] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 over the lines `id NUL group LF`, sorted: which examples belong together, whatever a column is called."""
        lines = sorted(f"{key}\0{group}\n" for key, group in self.of.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def groups_of(column: str | None, names: Mapping[str, str]) -> Groups:
    """The groups of examples by the names (id → name) that a column has, or by their texts."""
    counted = Counter(names.values())
    return Groups(column=column, of={key: group_key(name) for key, name in names.items() if counted[name] > 1})


def alike_parts(rows: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """Part → how many of the rows have it in common with a row whose whole text is another."""
    texts = [{name: value for name, value in row.items() if name not in ("id", "label")} for row in rows]
    found = {}
    for part in dict.fromkeys(name for row in texts for name in row):
        wholes: dict[str, set[tuple[str, ...]]] = {}
        for row in texts:
            wholes.setdefault(row.get(part, ""), set()).add(tuple(row.values()))
        count = sum(len(wholes[row.get(part, "")]) > 1 for row in texts)
        if count:
            found[part] = count
    return found


def group_key(name: str) -> str:
    """The first 12 hexadecimal digits of the sha256 of a group's name."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]
