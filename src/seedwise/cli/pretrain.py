"""`seedwise pretrain`: make a language model from running text, for studies on this machine to name."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from seedwise.assets.pretraining import load_pretraining, made_model
from seedwise.cli.common import DeviceOption, RuntimeOption, options_of, say
from seedwise.execution.pretrain import pretrain as carry_out
from seedwise.project import find_project


def pretrain(
    file: Annotated[Path, typer.Argument(help="A pretraining file (YAML), as in benchmarks/lab/pretraining.")],
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    again: Annotated[bool, typer.Option("--again", help="Ask the store again, though the model is there.")] = False,
) -> None:
    """Pretrain the model that FILE declares, and keep it under its name; what was stopped goes on from there."""
    pretraining = load_pretraining(file)
    project = find_project(file)
    made = made_model(pretraining, project)
    if made is None or again:
        signal.signal(signal.SIGTERM, _interrupt)
        made = carry_out(pretraining, project, options_of(runtime, device), say)
    typer.echo(
        f"model {made.model.name}, a stand-in pretrained here: perplexity {made.perplexity:.1f} on held-out text; "
        f"run {made.run_id}; digest {made.model.sha256}"
    )


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
