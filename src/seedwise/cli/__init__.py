"""`seedwise`: plan, report, compare, doctor, run and their companions.  Each command is a file; errors are one text and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

import seedwise.threads  # noqa: F401
from seedwise.bounded import shown
from seedwise.cli import bundle, certify, compare, convert, doctor, images, params, plan, pretrain, record, run, ui
from seedwise.errors import SeedwiseError
from seedwise.escaping import plain
from seedwise.secrets import masked
from seedwise.version import __version__
from seedwise_contract import BackendError


class _Group(typer.core.TyperGroup):
    """Prints the suite's own errors without a traceback."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except (SeedwiseError, BackendError) as error:
            _end(str(error), int(error.exit_code))
        except BrokenPipeError:  # whoever read standard output has gone
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            place = f"{shown(str(error.filename))}: " if error.filename else ""
            _end(f"{place}{error.strerror or error}; what was not written is still to be made: repeat the command", 5)
        except (RecursionError, MemoryError) as error:
            _end(f"{type(error).__name__}: an input is nested too deep, or larger than this machine's memory", 2)


def _end(text: str, code: int) -> NoReturn:
    """One text without control sequences on standard error, and the exit code."""
    with suppress(OSError, ValueError):
        typer.secho(plain(masked(text)), fg=typer.colors.RED, err=True)
    sys.exit(code)


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


app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("pretrain")(pretrain.pretrain)
app.command("track")(record.track_command)
app.command("report")(record.report_command)
app.command("compare")(compare.compare)
app.command("bundle")(bundle.bundle)
app.command("verify")(bundle.verify)
app.command("certify")(certify.certify)
app.command("params")(params.params)
app.command("convert")(convert.convert)
app.command("doctor")(doctor.doctor)
app.command("ui")(ui.ui)
app.command("schema")(plan.schema)
app.add_typer(images.app, name="images")
