"""`seedwise`: plan, report, compare, doctor, run and their companions.  Each command is a file; errors are one text and an exit code."""

from __future__ import annotations

import sys

import typer

import seedwise.threads  # noqa: F401
from seedwise.cli import bundle, certify, compare, convert, doctor, images, params, plan, pretrain, record, run, ui
from seedwise.errors import SeedwiseError
from seedwise.version import __version__
from seedwise_contract import BackendError


class _Group(typer.core.TyperGroup):
    """Prints the suite's own errors without a traceback."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except (SeedwiseError, BackendError) as error:
            typer.secho(str(error), fg=typer.colors.RED, err=True)
            sys.exit(int(error.exit_code))


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
