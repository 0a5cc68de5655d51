"""Where MLflow is, and how it is reached: lazily, quietly, and with errors that say what to do."""

from __future__ import annotations

import errno
import logging
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedwise.errors import SeedwiseError
from seedwise.project import Project
from seedwise.secrets import masked
from seedwise.tracker.database import is_damaged, make_database, quicker_commits, reach, refuse_unusable, sqlite_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

URI_VARIABLE = "MLFLOW_TRACKING_URI"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it would print the password in it, for every run
}
_IN_MEMORY = re.compile(r"sqlite(\+\w+)?:(//(/?(:memory:)?)?)?")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_UNUSABLE = (ImportError, ValueError, UnicodeError, AttributeError, OverflowError)
# Of the first question to a server, so that a wrong address fails within seconds; then of the import itself.
PROBE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
TRANSFER = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}


class TrackerError(SeedwiseError):
    """The import into MLflow did not end; nothing in the store is touched, and the next import goes on from there."""

    exit_code = 7


class DamagedHistory(TrackerError):
    """The project's own database is half made, damaged or of another version; it can be made again from the store."""


@dataclass(frozen=True, slots=True)
class Target:
    """An MLflow to import into.  `database` is the project's own SQLite file, None for anything else."""

    uri: str
    database: Path | None
    artifacts: Path | None

    @property
    def is_server(self) -> bool:
        return self.uri.startswith(("http://", "https://"))

    @property
    def shown(self) -> str:
        """The URI without user, password, token and query."""
        return masked(self.uri)


def tracking_uri(project: Project) -> str:
    """`MLFLOW_TRACKING_URI`, or else the project's own SQLite database."""
    return find_target(project).uri


def find_target(project: Project) -> Target:
    """The target; a server keeps artifacts itself, every other one leaves them in the project's folder."""
    database = project.mlflow / "mlflow.db"
    artifacts = project.mlflow / "artifacts"
    given = os.environ.get(URI_VARIABLE, "").strip()
    if _IN_MEMORY.fullmatch(given) or "mode=memory" in given:
        raise TrackerError(
            f"{URI_VARIABLE} is {masked(given)}: a database in memory is gone when the import ends; name a file "
            "(sqlite:////absolute/path/mlflow.db), a server, or unset it"
        )
    own = sqlite_uri(database)
    if given in ("", own, f"sqlite:///{database}"):
        return Target(own, database, artifacts)
    target = Target(given, None, None)
    return target if target.is_server else Target(given, None, artifacts)


@contextmanager
def variables(values: dict[str, str], *, keep: bool = False) -> Iterator[None]:
    """Environment variables for a while; with `keep`, those that the user has set stay as they are."""
    before = {name: os.environ.get(name) for name in values}
    for name, value in values.items():
        if not (keep and before[name] is not None):
            os.environ[name] = value
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old


@contextmanager
def connected(target: Target) -> Iterator[MlflowClient]:
    """A client of `target` that has answered once.  Whatever goes wrong inside is a `TrackerError`."""
    os.environ.update({name: value for name, value in QUIET.items() if name != "MLFLOW_LOGGING_LEVEL"})
    with variables({"MLFLOW_LOGGING_LEVEL": QUIET["MLFLOW_LOGGING_LEVEL"]}, keep=True):
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
        from sqlalchemy.exc import SQLAlchemyError

        from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        if target.database is not None:
            refuse_unusable(target.database)
            make_database(target.database, target.artifacts)
        elif target.uri.startswith(_DATABASES):
            reach(target.uri)
        with nullcontext() if target.database is None else quicker_commits():
            with variables(PROBE):
                client = MlflowClient(target.uri)
                client.search_experiments(max_results=1)
            with variables(TRANSFER, keep=True):
                yield client
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        damaged = target.database is not None and is_damaged(error, target.database)
        raise (DamagedHistory if damaged else TrackerError)(explain(error, target)) from error
    except _UNUSABLE as error:  # a driver that is not installed, an address that is none
        raise TrackerError(explain(error, target)) from error


def explain(error: Exception, target: Target) -> str:
    """What failed, what to do, and that nothing is lost."""
    text = str(error)
    if isinstance(error, ImportError):
        return (
            f"MLflow at {target.shown}: a package that it needs is not installed ({_first_line(text)}); install it beside "
            f"Seedwise, or correct or unset {URI_VARIABLE}. The runs are safe in the store."
        )
    if target.database is not None and is_damaged(error, target.database):
        return (
            f"MLflow at {target.shown}: its database is damaged, or was never made whole ({_first_line(text)}). The runs are safe in "
            f"the store; make the history again: {remake(target.database)}"
        )
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or re.search(
        "disk is full|No space left", text, re.IGNORECASE
    ):
        cause = "no space left on its disk; make room"
    elif "database is locked" in text:
        cause = "its database is locked by another program; close whatever else writes to it"
    elif re.search("readonly database|unable to open database|Permission denied", text):
        cause = f"its files cannot be written ({_first_line(text)}); check who owns them and where the path leads"
    elif re.search("NameResolution|Failed to resolve|Connection refused|Max retries|timed out|ConnectTimeout", text):
        cause = f"it does not answer; start the server, or correct or unset {URI_VARIABLE}"
    elif re.search(r"\b(401|403)\b", text):
        cause = "it refuses these credentials; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or a token"
    else:
        cause = _first_line(text)
    again = f" If that does not help, make it again: {remake(target.database)}." if target.database is not None else ""
    return (
        f"MLflow at {target.shown}: {cause}. The runs are safe in the store; "
        f"import them again with `seedwise track`, or by repeating the command that ran them.{again}"
    )


def remake(database: Path) -> str:
    """The one command that makes the project's own history again."""
    return f"rm -r {shlex.quote(str(database.parent))} && seedwise track"


def _first_line(text: str) -> str:
    text = masked(text)
    line = text.strip().splitlines()[0] if text.strip() else "unknown error"
    return (line if len(line) <= 300 else line[:299] + "…").rstrip(".")
