"""`seedwise convert`: a model folder for the other framework, with the proof that it gives the same numbers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from seedwise.cli.common import RuntimeOption, options_of, say
from seedwise.project import find_project
from seedwise.runtimes.choose import choose


class To(StrEnum):
    hf = "hf"
    fairseq = "fairseq"


def convert(
    model: Annotated[str, typer.Argument(help="A model asset, or a model folder.")],
    to: Annotated[To, typer.Option("--to", help="The framework it is for.")],
    out: Annotated[Path, typer.Option("--out", help="The new folder; must be absent.")],
    texts: Annotated[
        Path | None,
        typer.Option(
            "--texts", help="Compare on these texts, one a line; default: the embedded data set.", show_default=False
        ),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Compare on so many texts.")] = 64,
    runtime: RuntimeOption = None,
) -> None:
    """Convert fairseq's RoBERTa to transformers' and back, or BERT to either, and prove it on real text.

    The folder is only written where the largest difference of hidden states and logits is below 1e-4.
    """
    from seedwise.models.conversion import convert as convert_model  # brings numpy; only this command needs it
    from seedwise.models.conversion import manifest_of, table

    project = find_project(Path.cwd())
    chosen, why = choose(project, options_of(runtime, None).runtime, "cpu")
    say(f"runtime: {chosen.name} ({why})")
    try:
        done = convert_model(model, to.value, out, texts, rows, chosen, project, say)
    finally:
        chosen.close()
    typer.echo(table(done))
    typer.echo(f"folder         {out.resolve()}")
    typer.echo(
        f"\nTo use it in a study: lay {out.name}/ below the folder that SEEDWISE_DATA names, save this as\n"
        f"benchmarks/assets/NAME.yaml, NAME being its name, and write `model: NAME` in an arm.\n"
    )
    typer.echo(manifest_of(done))
