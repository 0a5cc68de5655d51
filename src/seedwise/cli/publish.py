"""`seedwise publish`: studies and bundles as a static site."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedwise.cli.common import DeviceOption, RuntimeOption, find_studies, options_of, say, suites_of
from seedwise.errors import InputError
from seedwise.execution.workbench import open_workbench

if TYPE_CHECKING:
    from seedwise.publish import Item

SUFFIX = ".zip"


def publish(
    out: Annotated[Path, typer.Option("--out", help="The site's folder: new, empty, or published before.")],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="STUDY|BUNDLE",
            help="Study files, folders of them, and bundles (.zip); default: the project's studies with finished runs.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Of the site's index.", show_default=False)] = "",
    address: Annotated[
        str,
        typer.Option("--address", metavar="URL", help="Where the site will be, for link previews.", show_default=False),
    ] = "",
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
) -> None:
    """Write a static site: an index of claims by data sets, and each study's page with the bundle that it rests on.

    Every bundle is checked first, as `seedwise verify` does; where one does not hold nothing is published, with its exit code.
    Pages that are made of a bundle alone have no learning curves.
    """
    from seedwise.publish import publish as write

    if address and not address.startswith(("https://", "http://")):
        raise InputError(f"--address {address}: begins with https:// or http://")
    bundles = [path for path in sources or () if path.suffix == SUFFIX]
    studies = [path for path in sources or () if path.suffix != SUFFIX]
    items = [_of_bundle(path) for path in bundles]
    if studies or not bundles:
        items += _of_studies(studies, runtime, device)
    typer.echo(write(items, out, say, title=title, address=address))


def _of_bundle(path: Path) -> Item:
    from seedwise.bounded import read_bytes
    from seedwise.bundle.archive import MAX_BYTES
    from seedwise.publish import Item

    return Item(path.stem, read_bytes(path, MAX_BYTES))


def _of_studies(paths: list[Path], runtime: RuntimeOption, device: DeviceOption) -> list[Item]:
    """Each study file in a bundle of its own, with the reports of its studies from the store."""
    from seedwise.bundle import pack
    from seedwise.publish import Item
    from seedwise.report import build
    from seedwise.verdicts.comparison import compare

    project, files = find_studies(paths or None)
    bench = open_workbench(project, options_of(runtime, device), [file.study for file in files])
    items = []
    for path in dict.fromkeys(file.path for file in files):
        own = [file for file in files if file.path == path]
        plans = [replace(bench.plan(file.study, say), source=path) for file in own]
        done = [plan for plan in plans if any(bench.store.is_done(run.run_id) for run in plan.runs)]
        if paths and not done:
            raise InputError(f"{path}: none of its runs is finished here, so there is nothing to publish; run it first")
        for plan in plans:
            if plan not in done:
                say(f"left out: {plan.study.name}: none of its runs is finished here")
        if done:
            data = pack([(plan, path) for plan in done], bench.store, suites_of(own))
            reports = tuple(build([compare(plan, bench.store)], bench.store) for plan in done)
            suite = own[-1].suite
            items.append(Item(own[-1].study.name if suite is None else suite.name, data, reports))
    return items
