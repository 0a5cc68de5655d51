"""Which Parquet files a data set of the Hub has, by configuration and split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from seedwise.assets.guess import PARTS
from seedwise.assets.hub import HubFile, Repository, resolve
from seedwise.errors import AssetError

CONVERTED = "refs/convert/parquet"  # where the Hub keeps Parquet of data sets that have another format


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file, the split that it holds (train, selection or test), and what the asset calls it."""

    part: str
    name: str
    file: HubFile


def parquet_files(name: str, configuration: str | None, revision: str | None) -> tuple[Repository, list[Wanted]]:
    """The repository and the files of `configuration` (None: its only one); `AssetError` names the configurations there are."""
    repository = resolve(name, "dataset", revision)
    found = _declared(repository) or _by_path(repository.files)
    if not found and revision is None:
        converted = resolve(name, "dataset", CONVERTED)
        repository = replace(converted, card=repository.card)
        found = _by_path(repository.files)
    if not found:
        raise AssetError(
            f"{name}: has no Parquet files, neither its own nor any that the Hub has converted; download it and add its files"
        )
    if configuration is None and len(found) == 1:
        configuration = next(iter(found))
    if configuration is None or configuration not in found:
        said = "which configuration?" if configuration is None else f"no configuration {configuration!r};"
        raise AssetError(f"{name}: {said} There are: {', '.join(sorted(found))}")
    wanted = []
    for split, files in found[configuration].items():
        part = PARTS.get(re.split(r"[^a-z]", split.lower())[0])
        if part is None:
            continue  # a split of another use, such as 'unsupervised'
        for number, file in enumerate(files):
            wanted.append(Wanted(part, f"{split}.parquet" if len(files) == 1 else f"{split}-{number}.parquet", file))
    return repository, _one_a_part(wanted, configuration, name)


def _one_a_part(wanted: list[Wanted], configuration: str, name: str) -> list[Wanted]:
    """Of several splits for one part (validation_matched, validation_mismatched) the first in the order of their names."""
    if not any(one.part == "train" for one in wanted):
        raise AssetError(f"{name} {configuration}: has no split 'train'")
    first: dict[str, str] = {}
    for one in sorted(wanted, key=lambda one: one.name):
        first.setdefault(one.part, _split(one.name))
    return [one for one in wanted if _split(one.name) == first[one.part]]


def _split(name: str) -> str:
    return re.sub(r"(-\d+)?\.parquet$", "", name)


def _declared(repository: Repository) -> dict[str, dict[str, list[HubFile]]]:
    """Configuration → split → files, where the card declares them (`configs`)."""
    found: dict[str, dict[str, list[HubFile]]] = {}
    declared = repository.card.get("configs")
    for config in declared if isinstance(declared, list) else ():
        splits: dict[str, list[HubFile]] = {}
        for entry in _entries(config.get("data_files") if isinstance(config, dict) else None):
            patterns = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
            files = [
                file for file in _parquet(repository.files) if any(fnmatchcase(file.path, str(one)) for one in patterns)
            ]
            if files:
                splits[str(entry["split"])] = files
        if splits:
            found[str(config.get("config_name", "default"))] = splits
    return found


def _entries(value: Any) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else []
    return [one for one in entries if isinstance(one, dict) and "split" in one and "path" in one]


def _by_path(files: Iterable[HubFile]) -> dict[str, dict[str, list[HubFile]]]:
    """By how files are called: CONFIGURATION/SPLIT-00000-of-00001.parquet, data/SPLIT-….parquet, CONFIGURATION/SPLIT/0000.parquet."""
    found: dict[str, dict[str, list[HubFile]]] = defaultdict(lambda: defaultdict(list))
    for file in _parquet(files):
        *folders, last = file.path.split("/")
        stem = re.sub(r"(-\d+-of-\d+)?\.parquet$", "", last)
        if re.fullmatch(r"\d+", stem) and folders:
            split, folders = folders[-1], folders[:-1]
        else:
            split = stem
        configuration = "/".join(folders)
        found["default" if configuration in ("", "data") else configuration][split].append(file)
    return {
        name: dict(splits)
        for name, splits in found.items()
        if any(PARTS.get(split.lower()) == "train" for split in splits)
    }


def _parquet(files: Iterable[HubFile]) -> list[HubFile]:
    return sorted((file for file in files if file.path.endswith(".parquet")), key=lambda file: file.path)
