"""The fast path of the project's own database: a small file says what has been imported, so that MLflow stays unloaded.

The stamp is believed only where the database itself, asked with plain SQL, still holds every run that it names.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from seedwise.tracker.content import FORMAT
from seedwise_contract.base import ContractModel
from seedwise_contract.files import read_record, write_json

STAMP = "imported.json"


class Imported(ContractModel):
    """One comparison as it was imported."""

    digest: str
    experiment: str
    runs: list[str]


class Stamp(ContractModel):
    format: int
    inode: int
    comparisons: dict[str, Imported]


@dataclass(frozen=True, slots=True)
class Imports:
    """What is known to be in the database, by comparison."""

    comparisons: dict[str, Imported] = field(default_factory=dict)

    def holds(self, wanted: dict[str, str]) -> bool:
        """Whether each comparison (key → digest) is there as wanted."""
        return all(key in self.comparisons and self.comparisons[key].digest == digest for key, digest in wanted.items())


def read_stamp(folder: Path, database: Path) -> Imports:
    """What the stamp says; nothing where it is missing, of another format or of another database."""
    try:
        stamp = Stamp.model_validate_json(read_record(folder / STAMP))
        inode = database.stat().st_ino
    except (OSError, ValidationError):
        return Imports()
    return Imports(stamp.comparisons) if stamp.format == FORMAT and stamp.inode == inode else Imports()


def write_stamp(folder: Path, database: Path, imports: Imports) -> None:
    write_json(folder / STAMP, Stamp(format=FORMAT, inode=database.stat().st_ino, comparisons=imports.comparisons))


def still_there(database: Path, runs: list[str]) -> bool:
    """Whether the database holds every run, none of them deleted.  False where it cannot say."""
    query = (
        "SELECT COUNT(*) FROM runs WHERE lifecycle_stage = 'active' AND run_uuid IN (SELECT value FROM json_each(?))"
    )
    if not database.is_file():
        return False
    try:
        connection = sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=1)
        try:
            (count,) = connection.execute(query, (json.dumps(runs),)).fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return False
    return bool(count == len(set(runs)))
