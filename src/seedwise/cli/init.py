"""`seedwise init`: a project in somebody's own repository."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from seedwise.errors import InputError
from seedwise.project import BUILD_DEFINITION, MARKER, folders, settings_file
from seedwise.version import __version__

_IGNORED = (".seedwise/",)
_SETTINGS = """# This folder is a Seedwise project.  Settings, with their defaults:
# studies = "studies"      # study files
# assets = "assets"        # manifests of data sets and models ('seedwise add')
# backends = "backends"    # backends of your own ('seedwise backend new')
"""


def init(
    folder: Annotated[Path, typer.Argument(help="The repository's folder; default: this one.")] = Path(),
    workflow: Annotated[bool, typer.Option(help="Also a GitHub workflow.")] = True,
) -> None:
    """Make a project of a folder: seedwise.toml, a commented study, lines in .gitignore, a GitHub workflow; nothing else.

    What is there already stays as it is.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; make it, or go into your repository")
    if (folder / BUILD_DEFINITION).is_file() and settings_file(folder) is None:
        raise InputError(f"{folder.resolve()}: is a checkout of Seedwise, which is a project already")
    made = {} if settings_file(folder) else {MARKER: _SETTINGS}
    names = folders(folder)
    studies = folder / names["studies"]
    if not studies.is_dir() or not any(studies.glob("*.y*ml")):
        made[f"{names['studies']}/first.yaml"] = _template("study.yaml")
    if workflow:
        text = _template("workflow.yml").replace("VERSION", __version__)
        for name, path in names.items():
            text = text.replace(name.upper(), path)
        made[".github/workflows/seedwise.yml"] = text
    for name, text in made.items():
        _write(folder / name, text)
    _ignore(folder / ".gitignore")
    typer.echo(
        f"next: seedwise plan {names['studies']}    what would run, and what it can decide\n"
        f"      seedwise bench {names['studies']}   run it"
    )


def _template(name: str) -> str:
    return (resources.files("seedwise") / "templates" / name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    if path.exists():
        typer.echo(f"kept     {path}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    typer.echo(f"written  {path}")


def _ignore(path: Path) -> None:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    new = [line for line in _IGNORED if line not in text.splitlines()]
    if not new:
        return
    gap = "" if not text or text.endswith("\n") else "\n"
    path.write_text(
        f"{text}{gap}# Seedwise: runs, reports, MLflow history\n" + "".join(f"{line}\n" for line in new),
        encoding="utf-8",
    )
    typer.echo(f"{'added to' if text else 'written '} {path}: {', '.join(new)}")
