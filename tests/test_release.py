"""A release is made of places that agree on its version, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from release.make import faults, notes
from seedwise.version import __version__
from tests.conftest import ROOT

NAMES = ("pyproject.toml", "CITATION.cff", "CHANGELOG.md")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The three files as they would be for version 1.2.3."""
    for name in NAMES:
        shutil.copy(ROOT / name, tmp_path / name)
        text = (tmp_path / name).read_text().replace(__version__, "1.2.3")
        (tmp_path / name).write_text(text.replace("## [Unreleased]", "## [Unreleased]\n\n## [1.2.3] - 2001-02-03"))
    return tmp_path


def test_the_checkout_agrees_with_itself_and_says_what_is_not_released() -> None:
    assert faults(ROOT, __version__, None) == []
    assert "seedwise publish" in notes(ROOT, None)


def test_a_version_in_development_is_not_released() -> None:
    assert "dev" in __version__  # between releases; a release's own commit changes this line with the version
    found = faults(ROOT, __version__, f"v{__version__}")
    assert [line.split(":")[0] for line in found] == [f"version {__version__}", "CHANGELOG.md"]


def test_a_release_has_one_version_everywhere(tree: Path) -> None:
    assert faults(tree, "1.2.3", "v1.2.3") == []
    assert "- The run contract, version 1" in notes(tree, "1.2.3")
    assert notes(tree, None) == ""


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("pyproject.toml", "1.2.3", "1.2.4", "pyproject.toml: says 1.2.4, src/seedwise/version.py 1.2.3"),
        ("CITATION.cff", "version: 1.2.3", "version: 1.2.2", "CITATION.cff: says 1.2.2"),
        ("CHANGELOG.md", "2001-02-03", "soon", "CHANGELOG.md: has no section '## [1.2.3] - YYYY-MM-DD'"),
    ],
)
def test_whatever_says_something_else_is_named(tree: Path, name: str, old: str, new: str, told: str) -> None:
    text = (tree / name).read_text()
    assert old in text
    (tree / name).write_text(text.replace(old, new, 1))
    (found,) = faults(tree, "1.2.3", "v1.2.3")
    assert found.startswith(told)


def test_a_tag_of_another_version_is_refused(tree: Path) -> None:
    assert faults(tree, "1.2.3", "v1.3.0") == ["tag v1.3.0: the package is 1.2.3; tag v1.2.3"]
