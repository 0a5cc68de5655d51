"""`seedwise params`: a model's parameters under each counting rule, by formula and over the frameworks' real modules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from seedwise.assets.fetch import fetch
from seedwise.assets.manifest import find_manifest
from seedwise.assets.sizes import Sizes, sizes_of_folder
from seedwise.cli.common import RuntimeOption, options_of, say
from seedwise.errors import AssetError, InputError
from seedwise.execution.verb import ask
from seedwise.models.params import FRAMEWORKS, RULES, Framework, check, differences
from seedwise.project import Project, find_project
from seedwise.runtimes.choose import choose
from seedwise.temporary import temporary_folder
from seedwise_contract import faults_of
from seedwise_contract.files import read_record
from seedwise_contract.tools import Modules, ParametersRequest

Number = Annotated[int | None, typer.Option(min=1, show_default=False)]


def params(
    model: Annotated[
        str | None,
        typer.Argument(help="A model asset, or a folder with config.json or architecture.json.", show_default=False),
    ] = None,
    layers: Number = None,
    hidden: Number = None,
    feed_forward: Number = None,
    heads: Number = None,
    positions: Annotated[
        int | None, typer.Option(min=1, help="Places that a token can have, empty rows not counted.")
    ] = None,
    vocabulary: Number = None,
    types: Annotated[int | None, typer.Option(min=1, help="Token types of the transformers model (default 1).")] = None,
    classes: Annotated[int, typer.Option(min=2, help="Labels of the classification head.")] = 2,
    count: Annotated[
        bool | None,
        typer.Option(
            "--count/--no-count",
            help="Count real modules too, by the backends hf and fairseq.  Default: by those that are built.",
            show_default=False,
        ),
    ] = None,
    runtime: RuntimeOption = None,
) -> None:
    """Print how many parameters a BERT or RoBERTa encoder has, under each rule that reports count by, and why they differ."""
    project = _project(needed=(model is not None and not Path(model).is_dir()) or count is True)
    given = {
        "layers": layers,
        "hidden": hidden,
        "feed_forward": feed_forward,
        "heads": heads,
        "positions": positions,
        "vocabulary": vocabulary,
        "types": types,
    }
    sizes = sizes_of(model, {name: value for name, value in given.items() if value is not None}, classes, project)
    counted = {} if count is False or project is None else _count(sizes, project, runtime, build=count is True)
    typer.echo(_table(model or "by the sizes given", sizes, counted))


def _project(needed: bool) -> Project | None:
    """The project around this folder; numbers need none, and are then counted by formula."""
    try:
        return find_project(Path.cwd())
    except InputError:
        if needed:
            raise
        return None


def sizes_of(model: str | None, given: dict[str, int], classes: int, project: Project | None) -> Sizes:
    """Sizes of `model`, an asset or a folder, with those of `given` in place of its own."""
    base: dict[str, Any] = {"kind": "roberta"}
    if model is not None:
        base = _of_model(model, project).model_dump()
    try:
        return Sizes.model_validate({**base, **given, "classes": classes})
    except ValidationError as error:
        lines = [f"--{fault.field.replace('_', '-')}: {fault.found}; {fault.allowed}" for fault in faults_of(error)]
        raise InputError(
            "sizes are missing or wrong (name a model, or give every size):\n" + "\n".join(lines)
        ) from None


def _of_model(model: str, project: Project | None) -> Sizes:
    folder = Path(model)
    if folder.is_dir():
        return sizes_of_folder(folder)
    if "/" in model:
        raise InputError(f"{model}: no such folder")
    if project is None:
        project = find_project(Path.cwd())
    manifest = find_manifest(model, project.root)
    if manifest.kind != "model":
        raise AssetError(f"asset {model} is a data set, not a model")
    return manifest.architecture or sizes_of_folder(fetch(manifest, project, say))


def _count(
    sizes: Sizes, project: Project, runtime: RuntimeOption, build: bool
) -> dict[Framework, tuple[Modules, dict[str, int]]]:
    """Of each framework the real model and its counts; without `build`, of those whose backend is built."""
    chosen, why = choose(project, options_of(runtime, None).runtime, "cpu")
    wanted: list[Framework] = [name for name in FRAMEWORKS if build or chosen.digest(name) is not None]
    for name in FRAMEWORKS:
        if name not in wanted:
            say(f"backend {name} is not built here ({chosen.name}): by formula only; --count builds it and counts")
    chosen.prepare(wanted, say)
    counted: dict[Framework, tuple[Modules, dict[str, int]]] = {}
    with temporary_folder() as place:
        for name in wanted:
            say(f"counting the modules of {name} ({chosen.name}: {why})")
            out = place / name
            nothing = Path(place, "models")
            nothing.mkdir(exist_ok=True)
            ask(chosen, project, name, "parameters", ParametersRequest(**sizes.model_dump()), out, nothing)
            modules = Modules.model_validate_json(read_record(out / "modules.json"))
            shapes = {parameter: tuple(shape) for parameter, shape in modules.parameters.items()}
            counted[name] = (modules, check(sizes, shapes, name))
    chosen.close()
    return counted


def _table(name: str, sizes: Sizes, counted: dict[Framework, tuple[Modules, dict[str, int]]]) -> str:
    """The rules as rows; two columns a framework: by formula, and counted."""
    columns = [(framework, way) for framework in FRAMEWORKS for way in ("formula", "counted")]
    rows = [["rule", *(f"{framework}, {way}" for framework, way in columns)]]
    for rule in RULES:
        row = [rule.title]
        for framework, way in columns:
            if framework not in rule.frameworks:
                row.append("")
            elif way == "formula":
                row.append(f"{rule.formula(sizes, framework):,}")
            else:
                row.append(f"{counted[framework][1][rule.name]:,}" if framework in counted else "not counted")
        rows.append(row)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    s = sizes
    lines = [
        f"{name}: {s.kind}, {s.layers} layers, hidden {s.hidden}, feed-forward {s.feed_forward}, {s.heads} heads, "
        f"{s.positions} positions, vocabulary {s.vocabulary:,}, {s.types} token type{'s' if s.types > 1 else ''}, "
        f"{s.classes} classes",
        "",
    ]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    lines += ["", "What each counts:", *(f"  {line}" for line in differences(sizes))]
    for modules, _ in counted.values():
        left = (
            f"; {modules.left_out:,} duplicates that its layers keep for fast inference are left out"
            if modules.left_out
            else ""
        )
        lines.append(f"Counted: {modules.model} of {modules.framework}; a shared matrix counts once{left}.")
    return "\n".join(lines)
