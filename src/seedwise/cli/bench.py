"""`seedwise bench`: pytest with the plug-in, on studies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from seedwise.errors import InputError
from seedwise.project import find_project


def bench(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]... [OPTIONS]",
            help="Study files or folders (default: the project's studies), and options: --device cpu, --runtime venv, --jobs 2, "
            "--gate, --no-record, and pytest's own (-k, -x, --lf, --collect-only, --junitxml FILE).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run studies: images or environments and assets where missing, runs, verdicts, MLflow import, report.

    It is `pytest STUDY` with the plug-in, without the options that the project gives its own tests (addopts).
    """
    import pytest  # noqa: F401  # where it is missing, its extra is told

    given = list(words or [])
    if not any(not word.startswith("-") and Path(word.partition("::")[0]).exists() for word in given):
        _refuse_unknown(given)
        studies = find_project(Path.cwd()).studies
        if not studies.is_dir():
            raise InputError(f"{studies}: no such folder, and no study was named; 'seedwise init' makes one")
        given.append(os.path.relpath(studies))
    # A process of its own (in this one's place): pytest is the first to import what it collects.  -P: a folder `docker/` or
    # `mlflow/` here is no package.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "pytest", "-p", "seedwise", "-o", "addopts=", *given])


bench.settings = {  # type: ignore[attr-defined]  # of the command: what it does not know is pytest's
    "context_settings": {"ignore_unknown_options": True, "allow_interspersed_args": False}
}


def _refuse_unknown(words: list[str]) -> None:
    for word in words:
        if word.endswith((".yaml", ".yml")) and not word.startswith("-"):
            raise InputError(f"{word}: no such file; give a study file (YAML) or a folder of them")
