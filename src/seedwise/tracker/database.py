"""The project's own SQLite database: made whole under another name, and put aside where it cannot be used."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

_DAMAGE = re.compile(
    r"malformed|not a database|file is encrypted|_alembic_tmp_|duplicate column|table \S+ already exists|no such (table|column)|"
    r"out-of-date database schema|Can't locate revision|has no column named",
    re.IGNORECASE,
)
_SIDES = ("", "-journal", "-wal", "-shm")


def sqlite_uri(database: Path) -> str:
    """The address of an SQLite file, as SQLAlchemy reads it: `%`, `?` and `#` are letters of an address."""
    if not set("%?#") & set(str(database)):
        return f"sqlite:///{database}"
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(database)).render_as_string(hide_password=False)


def sqlite_file(uri: str) -> Path:
    """Where the SQLite file at `uri` is."""
    from sqlalchemy import make_url

    return Path(make_url(uri).database or "")


def make_database(database: Path, artifacts: Path | None) -> None:
    """Make the schema where there is no database: some forty migrations, under a temporary name that is renamed at the end.

    However that ends early, there is no database, and the next import makes it.
    """
    if os.path.lexists(database):
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database.parent.mkdir(parents=True, exist_ok=True)
    for left in database.parent.glob(f"{database.name}.*.tmp*"):  # of a killed import: the caller is the only writer
        left.unlink(missing_ok=True)
    temporary = database.with_name(f"{database.name}.{os.getpid()}.tmp")
    try:
        store = SqlAlchemyStore(  # type: ignore[no-untyped-call]
            sqlite_uri(temporary), artifacts.as_uri() if artifacts else "mlruns"
        )
        store.engine.dispose()
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        temporary.rename(database)
    finally:
        for side in _SIDES:
            Path(f"{temporary}{side}").unlink(missing_ok=True)


@contextmanager
def quicker_commits() -> Iterator[None]:
    """SQLite waits for the disk less often on connections that are opened meanwhile: `PRAGMA synchronous = NORMAL`.

    A killed program does no harm by it; a power failure may damage the database on some file systems
    (https://www.sqlite.org/pragma.html#pragma_synchronous), and a damaged history is made again from the store.
    """
    from sqlalchemy import Engine, event

    def opened(connection: Any, record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(Engine, "connect", opened)
    try:
        yield
    finally:
        event.remove(Engine, "connect", opened)


def is_damaged(error: Exception, database: Path) -> bool:
    """Whether `error` is of the database itself, not of its disk or of another program that holds it."""
    return _is_none(database) or _DAMAGE.search(str(error)) is not None


def refuse_unusable(database: Path) -> None:
    """`OSError` for what is no file, or may not be read and written: MLflow would try it for minutes."""
    if _is_none(database):
        raise OSError(f"{database} is no file")
    if os.path.lexists(database) and not os.access(database, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, "Permission denied", str(database))


def reach(uri: str) -> None:
    """Open the database at `uri` once: MLflow itself would try for minutes what cannot be opened.  Raises its error."""
    from sqlalchemy import create_engine, make_url

    url = make_url(uri)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)  # as MLflow does
    engine = create_engine(url)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _is_none(database: Path) -> bool:
    return os.path.lexists(database) and not database.is_file()


def holds_studies(database: Path) -> bool:
    """Whether there is an experiment of a study in it, as far as it can be read."""
    if _is_none(database):
        return False
    try:
        connection = sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=1)
        try:
            query = "SELECT COUNT(*) FROM experiment_tags WHERE key = 'seedwise.study'"
            (count,) = connection.execute(query).fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return False
    return bool(count)


def set_aside(database: Path) -> Path:
    """Rename it, and what SQLite keeps beside it; the new name.  Nothing is deleted."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = getattr(SqlAlchemyStore, "_engine_map", {}).get(sqlite_uri(database))
    if engine is not None:  # its connections stay with the file that they were opened on
        engine.dispose()
    number = 1
    while os.path.lexists(aside := database.with_name(f"{database.name}.damaged-{number}")):
        number += 1
    for side in _SIDES:
        if os.path.lexists(f"{database}{side}"):
            Path(f"{database}{side}").rename(f"{aside}{side}")
    return aside
