"""`seedwise`: plan, report, compare, doctor, run and their companions.  Each command is a file; errors are one text and an exit code.

A command's file is imported when the command is called: the core does without the packages that only others need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn, TextIO, cast

import typer

import seedwise.threads  # noqa: F401
from seedwise.bounded import shown
from seedwise.errors import SeedwiseError
from seedwise.escaping import PlainStream, plain
from seedwise.extras import missing
from seedwise.secrets import masked
from seedwise.version import __version__

# Command → module of this package, and the function or Typer application in it.
COMMANDS = {
    "init": ("init", "init"),
    "add": ("add", "app"),
    "plan": ("plan", "plan"),
    "bench": ("bench", "bench"),
    "run": ("run", "run"),
    "pretrain": ("pretrain", "pretrain"),
    "track": ("record", "track_command"),
    "report": ("record", "report_command"),
    "compare": ("compare", "compare"),
    "bundle": ("bundle", "bundle"),
    "verify": ("bundle", "verify"),
    "publish": ("publish", "publish"),
    "certify": ("certify", "certify"),
    "params": ("params", "params"),
    "convert": ("convert", "convert"),
    "backend": ("backend", "app"),
    "images": ("images", "app"),
    "doctor": ("doctor", "doctor"),
    "ui": ("ui", "ui"),
    "schema": ("plan", "schema"),
}


class _Group(typer.core.TyperGroup):
    """Imports a command when it is wanted; prints the suite's own errors without a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        try:
            return _load(cmd_name)
        except ImportError as error:
            if (told := missing(error)) is None:
                raise
            return _unavailable(cmd_name, told)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.commands = cast(Any, dict.fromkeys(COMMANDS))  # names alone, for what a mistyped one may have meant
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with _plain_streams():
            return self._invoke(ctx)

    def _invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ImportError as error:
            if (told := missing(error)) is None:
                raise
            _end(str(told), told.exit_code)
        except SeedwiseError as error:
            _end(str(error), error.exit_code)
        except BrokenPipeError:  # whoever read standard output has gone
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            place = f"{shown(str(error.filename))}: " if error.filename else ""
            _end(f"{place}{error.strerror or error}; what was not written is still to be made: repeat the command", 5)
        except (RecursionError, MemoryError) as error:
            _end(f"{type(error).__name__}: an input is nested too deep, or larger than this machine's memory", 2)
        except Exception as error:
            from seedwise_contract import BackendError  # brings pydantic, slow to import

            if not isinstance(error, BackendError):
                raise
            _end(str(error), int(error.exit_code))


@contextmanager
def _plain_streams() -> Iterator[None]:
    """Nothing that a command prints is a control sequence, or lets anybody in, whoever wrote it."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, PlainStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _end(text: str, code: int) -> NoReturn:
    """One text without control sequences on standard error, and the exit code."""
    with suppress(OSError, ValueError):
        typer.secho(plain(masked(text)), fg=typer.colors.RED, err=True)
    sys.exit(int(code))


def _load(name: str) -> Any:
    module, attribute = COMMANDS[name]
    found = getattr(import_module(f"seedwise.cli.{module}"), attribute)
    return typer.main.get_command(found if isinstance(found, typer.Typer) else _single(name, found))


def _single(name: str, function: Callable[..., None], **settings: Any) -> typer.Typer:
    single = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=app.info.context_settings,
    )
    single.command(name, **{**getattr(function, "settings", {}), **settings})(function)
    return single


def _unavailable(name: str, told: SeedwiseError) -> Any:
    """Stands for a command whose packages are not installed."""

    def refuse(words: list[str] | None = typer.Argument(None)) -> None:
        raise told

    settings = {"ignore_unknown_options": True}
    return typer.main.get_command(
        _single(name, refuse, help=f"Not available: {told}", short_help=f"({told})", context_settings=settings)
    )


app = typer.Typer(
    cls=_Group,
    help="Which way of fine-tuning is really better, and how sure are we?",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seedwise {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """Which way of fine-tuning is really better, and how sure are we?"""
