"""Options and helpers that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated

import typer

from seedwise.bounded import shown
from seedwise.errors import InputError
from seedwise.escaping import folded
from seedwise.execution.workbench import Options, default_options
from seedwise.project import Project, find_project
from seedwise.study.load import StudyFile, load_studies
from seedwise.study.suite import Suite

_LEAST_GIB, _MOST_GIB = 0.1, 100_000
_WIDEST = 120  # characters of a line that are read with ease


class RuntimeName(StrEnum):
    auto = "auto"
    docker = "docker"
    podman = "podman"
    apptainer = "apptainer"
    venv = "venv"


class DeviceName(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


RuntimeOption = Annotated[
    RuntimeName | None,
    typer.Option("--runtime", help="docker (default where an engine answers), podman, apptainer, or venv."),
]
DeviceOption = Annotated[DeviceName | None, typer.Option("--device", help="For studies that leave it open.")]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine", help="Where runs are executed: local (default, or SEEDWISE_ENGINE), ray[://ADDRESS], slurm, …"
    ),
]
StudiesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Study files, or folders of them; default: the project's (benchmarks/quick in a checkout).",
        show_default=False,
    ),
]


def say(line: str) -> None:
    """Progress goes to standard error, so that standard output holds what was asked for."""
    typer.echo(line, err=True)


def show(text: str) -> None:
    """Print what was asked for; on a terminal long lines are folded, elsewhere a line stays a line."""
    typer.echo(folded(text, min(get_terminal_size().columns, _WIDEST)) if sys.stdout.isatty() else text)


def refuse_memory(gib: float) -> None:
    """`InputError` where `gib` is no limit on memory: NaN, infinite, nothing, or more than machines have."""
    if not _LEAST_GIB <= gib <= _MOST_GIB:
        raise InputError(f"--memory-gib {gib:g}: between {_LEAST_GIB:g} and {_MOST_GIB:,} GiB are needed")


def refuse_target(out: Path, begins: bytes) -> None:
    """`InputError` where `out` cannot be made a file, or is one that does not begin as what is to be written does."""
    if not out.name:
        raise InputError("--out: found nothing; give the name of a file")
    try:
        if out.is_dir():
            raise InputError(f"--out {shown(out)}: is a folder; give the name of a file")
        if os.path.lexists(out):
            if not out.is_file():
                raise InputError(f"--out {shown(out)}: is no regular file, and is not written over")
            with open(out, "rb") as handle:
                found = handle.read(len(begins))
            if found and found != begins:
                raise InputError(f"--out {shown(out)}: is a file of another kind, and is not written over")
        elif not out.absolute().parent.is_dir() and out.absolute().parent.exists():
            raise InputError(f"--out {shown(out)}: {shown(out.parent)} is no folder")
    except (OSError, ValueError) as error:
        raise InputError(f"--out {shown(out)}: {getattr(error, 'strerror', None) or error}") from None


def options_of(
    runtime: RuntimeName | None, device: DeviceName | None, jobs: int | None = None, engine: str | None = None
) -> Options:
    given = default_options()
    return replace(
        given,
        runtime=runtime.value if runtime else given.runtime,
        device=device.value if device else given.device,
        jobs=jobs,
        engine=engine or given.engine,
    )


def find_studies(paths: Sequence[Path] | None) -> tuple[Project, list[StudyFile]]:
    """The project and the studies of `paths` (files or folders), in the order of their names; a file of several tasks has one each."""
    if not paths:
        paths = [find_project(Path.cwd()).studies]
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; give a study file (YAML) or a folder of them")
        files.extend(sorted(path.glob("*.yaml")) if path.is_dir() else [path])
    if not files:
        raise InputError(f"{', '.join(map(str, paths))}: no study file (*.yaml) in there")
    return find_project(files[0]), [study for path in files for study in load_studies(path)]


def suites_of(files: Sequence[StudyFile]) -> list[Suite]:
    """The suites that the studies are tasks of, once each."""
    return list({file.suite.name: file.suite for file in files if file.suite is not None}.values())
