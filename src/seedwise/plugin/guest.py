"""How the plug-in behaves among other people's tests: which files are studies, and which options are ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seedwise.bounded import read_text
from seedwise.errors import SeedwiseError
from seedwise.project import find_root, folders, settings_file

PREFIX = "--seedwise-"
SHORT = (
    "runtime",
    "device",
    "engine",
    "jobs",
    "runs-per-gpu",
    "cold",
    "gate",
    "require-exact",
    "regression-gate",
    "look",
    "no-record",
)
# Manifests of data sets and models, and what makes models, lie among studies.
_NO_STUDIES = ("assets", "pretraining")


def is_study(path: Path, named: bool) -> bool:
    """Whether `path` is a study of a Seedwise project, or, `named` on the command line, looks like one anywhere."""
    if path.suffix not in (".yaml", ".yml") or path.parent.name in _NO_STUDIES:
        return False
    root = find_root(path.parent)
    if root is None:
        return named and _looks_like_one(path)
    if settings_file(root) is None:
        return named or "benchmarks" in path.parts
    return (root / folders(root)["studies"]) in path.resolve().parents or (named and _looks_like_one(path))


def is_short(word: str) -> bool:
    return word.startswith("--") and word[2:].partition("=")[0] in SHORT


def with_prefixes(words: Sequence[str], config: pytest.Config) -> list[str]:
    """`words` with our prefix on our short options, inside a Seedwise project and where nobody else has declared them."""
    if not any(find_root(place) for place in _places(words, config)):
        return list(words)
    found: list[str] = []
    for number, word in enumerate(words):
        if word == "--":
            return [*found, *words[number:]]
        name = word.partition("=")[0]
        found.append(PREFIX + word[2:] if is_short(word) and not _declared(name, config) else word)
    return found


def _places(words: Sequence[str], config: pytest.Config) -> Iterator[Path]:
    here = config.invocation_params.dir
    yield here
    for word in words:
        if not word.startswith("-") and (path := here / word.partition("::")[0]).exists():
            yield path


def _declared(name: str, config: pytest.Config) -> bool:
    try:
        config.getoption(name)
    except ValueError:
        return False
    return True


def _looks_like_one(path: Path) -> bool:
    """By its text alone: whose file it is, is not known, and nothing slow is imported for it."""
    try:
        text = read_text(path)
    except SeedwiseError:  # no file of text, or one that is larger than a study
        return False
    return all(re.search(rf"^{field}:", text, re.MULTILINE) for field in ("task", "arms", "selection"))
