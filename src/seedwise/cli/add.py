"""`seedwise add`: a model or a data set of one's own becomes a manifest, which is committed."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from seedwise.assets import add_data, add_model
from seedwise.assets.hub import HubFile, Repository, download, resolve
from seedwise.assets.keep import keep
from seedwise.assets.manifest import HubSource, Manifest
from seedwise.assets.prepare import read_splits
from seedwise.cli.common import say
from seedwise.errors import InputError
from seedwise.execution.engines.packing import memory_bytes
from seedwise.project import Project, find_project
from seedwise.temporary import temporary_folder
from seedwise_contract.files import sha256_file

app = typer.Typer(
    help="Bring a model or a data set of your own: a manifest, which you commit.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_NAME = re.compile(r"[^a-z0-9._-]+")

NameOption = Annotated[str | None, typer.Option("--name", help="What studies call it; default: made from the source.")]
RevisionOption = Annotated[
    str | None, typer.Option("--revision", help="Branch, tag or commit of the Hub; it is pinned.")
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Write a manifest of that name anew.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Take what was guessed without asking.")]
TitleOption = Annotated[str | None, typer.Option("--title", help="Its title, in the report.")]
CitationOption = Annotated[str | None, typer.Option("--citation", help="What to cite for it.")]
LicenceOption = Annotated[str | None, typer.Option("--licence", "--license", help="Its licence, if you know it.")]


@app.command()
def model(
    source: Annotated[
        str, typer.Argument(help="owner/name on the Hugging Face Hub, a model's folder, or a fairseq checkpoint (.pt).")
    ],
    name: NameOption = None,
    revision: RevisionOption = None,
    allow_pickle: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-pickle", metavar="FILE", help="Take this file though it can run any program when it is loaded."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also a model that is too large for this machine.")] = False,
    replace: ReplaceOption = False,
    title: TitleOption = None,
    citation: CitationOption = None,
    licence: LicenceOption = None,
) -> None:
    """Pin a model: its revision, and the sha256 of each file; say what it is and how large, before anything is fetched."""
    project = find_project(Path.cwd())
    path = Path(source).expanduser()
    repository: Repository | None = None
    if path.is_dir():
        listed = add_model.choose_files(add_model.folder_files(path), source, allow_pickle or ())
        files = {file.path: path / file.path for file in listed}
    elif path.suffix in (".pt", ".pth") and path.is_file():
        found = add_model.fairseq_files(path)
        listed = [HubFile(one.name, one.stat().st_size, None) for one in found]
        files = {("model.pt" if one == path else one.name): one for one in found}
    else:
        _require_repository(source, "a model's folder, a checkpoint (.pt)")
        repository = resolve(source, "model", revision)
        listed = add_model.choose_files(repository.files, source, allow_pickle or ())
        files = {}
    asset = name or _name_of(source)
    _require_name(asset)
    disk = shutil.disk_usage(_there(project.cache)).free
    for line in add_model.refuse_huge(source, listed, memory_bytes(), disk, force):
        say(line)
    pinned: HubSource | None = None
    if repository is not None:
        say(f"{source}: revision {revision or 'main'} is {repository.revision}")
        files = _fetched(repository, listed)
        pinned = _pinned(repository, {file.path: file.path for file in listed})
    facts = add_model.facts_of(asset, files, repository, licence)
    for line in facts.lines:
        typer.echo(line)
    cited = citation or (f"{repository.name}, {repository.address}" if repository else "none given")
    made = add_model.manifest_of(asset, files, facts, cited, pinned, project)
    if title:
        made = made.model_copy(update={"title": title})
    _kept(made, files, project, source, replace, f"model: {asset}")


@app.command()
def data(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="owner/name on the Hugging Face Hub, and a configuration; or a table (CSV, TSV, JSONL, Parquet), or one for each "
            "split, named after it."
        ),
    ],
    text: Annotated[str | None, typer.Option("--text", help="Column of the text; default: guessed.")] = None,
    text_pair: Annotated[str | None, typer.Option("--text-pair", help="Column of a second text.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column of the label; default: guessed.")] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="Rows that share this come to lie in one split (an author, a document)."),
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Column that says which split a row is of.")] = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Labels are numbers that a model is to tell (regression), and no classes.")
    ] = False,
    test_share: Annotated[float, typer.Option("--test-share", help="Where the test split is cut here.")] = 0.2,
    selection_share: Annotated[float, typer.Option("--selection-share", help="Where the selection split is.")] = 0.1,
    name: NameOption = None,
    revision: RevisionOption = None,
    yes: YesOption = False,
    replace: ReplaceOption = False,
    title: TitleOption = None,
    citation: CitationOption = None,
    licence: LicenceOption = None,
) -> None:
    """Pin a data set of labelled texts: which columns, labels and splits it has, its duplicates and leaks, and the sha256 of each file."""
    if not (0 < test_share < 1 and 0 < selection_share < 1 and test_share + selection_share < 1):
        raise InputError("--test-share and --selection-share lie between 0 and 1, and leave rows to train on")
    project = find_project(Path.cwd())
    repository, pinned, given = _given(sources, revision)
    asset = name or _name_of(sources[0] if repository is None else "-".join(sources))
    _require_name(asset)
    named = {"text": text, "text_pair": text_pair, "label": label, "group": group, "split": split}
    looked = add_data.look(given, named, add_data.Shares(test_share, selection_share), numbers)
    licence = licence or (repository.licence if repository else None)
    where = f"{repository.name}, {repository.address}" if repository else "none given"
    facts = {"title": title or asset, "citation": citation or where, "licence": licence or "not stated"}
    if pinned is not None:
        pinned = pinned.model_copy(
            update={"members": {n: p for n, p in pinned.members.items() if n in {u.name for u in looked.used}}}
        )
    made, files = add_data.manifest_of(asset, looked, project, pinned, facts)
    _show(looked)
    with temporary_folder() as place:
        for file, path in files.items():
            (place / file).symlink_to(path.resolve())
        for line in (*looked.lines, *add_data.counted(made, read_splits(made, place))):
            typer.echo(line)
    if looked.roles.guessed and not yes:
        _confirm(sources, looked.roles.as_options())
    _kept(made, files, project, " ".join(sources), replace, f"data: {asset}")


def _given(
    sources: list[str], revision: str | None
) -> tuple[Repository | None, HubSource | None, list[add_data.Given]]:
    first = Path(sources[0]).expanduser()
    if first.is_file() or first.suffix.lower() in (*add_data.FORMATS, ".gz", ".bz2", ".xz"):
        paths = [Path(source).expanduser() for source in sources]
        alone = len(paths) == 1
        return None, None, [add_data.read_given(path, add_data.part_of(path, alone)) for path in paths]
    if len(sources) > 2:
        raise InputError(
            f"{sources[0]}: is no file; a data set of the Hub is named as owner/name, and one configuration"
        )
    _require_repository(sources[0], "a file (CSV, TSV, JSONL, Parquet)")
    from seedwise.assets.hub_data import parquet_files

    repository, wanted = parquet_files(sources[0], sources[1] if len(sources) == 2 else None, revision)
    size = sum(one.file.size for one in wanted)
    say(
        f"{sources[0]}: revision {revision or 'main'} is {repository.revision}; {len(wanted)} files, {size / (1 << 20):.1f} MiB"
    )
    given = []
    for one in wanted:
        path = download(repository.name, "dataset", repository.revision, one.file.path)
        given.append(add_data.read_given(path, one.part, one.name))
    return repository, _pinned(repository, {one.name: one.file.path for one in wanted}), given


def _fetched(repository: Repository, files: list[HubFile]) -> dict[str, Path]:
    """Each file where the client has put it; `InputError` where one is not what the Hub said it would be."""
    found = {}
    for file in files:
        path = download(repository.name, repository.type, repository.revision, file.path)
        if file.sha256 is not None and (digest := sha256_file(path)) != file.sha256:
            raise InputError(
                f"{repository.name}: {file.path}: sha256 is {digest}, but the Hub declares {file.sha256}: "
                "it was damaged on its way; remove it from the client's cache and call again"
            )
        found[file.path] = path
    return found


def _pinned(repository: Repository, members: dict[str, str]) -> HubSource:
    return HubSource(
        type="hub", repository=repository.name, kind=repository.type, revision=repository.revision, members=members
    )


def _show(looked: add_data.Looked) -> None:
    row = looked.used[0].rows[0]
    for role in ("text", "text_pair", "label", "group", "split"):
        column = getattr(looked.roles, role)
        if column is not None:
            how = " (guessed)" if role in looked.roles.guessed else ""
            value = " ".join(str(row.get(column)).split())
            typer.echo(f"{role.replace('_', '-')}: {column}{how}, such as {value[:70]!r}")
    names = looked.table.labels
    typer.echo("labels: numbers" if names is None else f"labels: {', '.join(dict.fromkeys(names.values()))}")


def _confirm(sources: list[str], options: str) -> None:
    if not sys.stdin.isatty():
        raise InputError(
            "columns were guessed, and nobody is there to confirm them: look at them above, then add --yes, or name them: "
            f"seedwise add data {' '.join(sources)} {options}"
        )
    if not typer.confirm("Is that right?", default=True):
        raise InputError(f"nothing was written; name the columns: seedwise add data {' '.join(sources)} {options}")


def _kept(made: Manifest, files: Mapping[str, Path], project: Project, source: str, replace: bool, words: str) -> None:
    comment = f"Made by 'seedwise add {made.kind} {source}'.  Commit it: it pins what runs are made with."
    path = keep(made, files, project, comment, replace)
    typer.echo(f"written: {path.relative_to(project.root)}; in a study: `{words}`")


def _require_repository(source: str, else_: str) -> None:
    path = Path(source)
    if path.exists() or not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", source):
        found = "a folder" if path.is_dir() else "a file of another kind" if path.exists() else "no such file or folder"
        raise InputError(f"{source}: {found}; give {else_}, or a name on the Hub (owner/name)")
    if "/" not in source:
        say(f"{source}: no such file or folder here, so that it is looked for on the Hub")


def _name_of(source: str) -> str:
    bare = re.sub(r"\.(bz2|gz|xz)$", "", source.rstrip("/").rpartition("/")[2])
    bare = re.sub(r"\.(csv|tsv|jsonl|ndjson|parquet|pt|pth)$", "", bare)
    return _NAME.sub("-", bare.lower()).strip("-._") or "asset"


def _require_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", name):
        raise InputError(f"--name {name}: small letters, digits, '-', '_' and '.', at most 64")


def _there(folder: Path) -> Path:
    return next(path for path in [folder, *folder.parents] if path.exists())
