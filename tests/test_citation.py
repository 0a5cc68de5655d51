"""CITATION.cff says what the package says, by the rules of the Citation File Format 1.2.0."""

from __future__ import annotations

from pathlib import Path

from seedwise import __version__
from seedwise.study.yamlfile import read_yaml

ROOT = Path(__file__).parents[1]
# https://github.com/citation-file-format/citation-file-format/blob/1.2.0/schema-guide.md
KEYS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license",
    "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact", "repository-code",
    "title", "type", "url", "version",
}  # fmt: skip


def test_citation_file_is_valid_and_current() -> None:
    said = read_yaml(ROOT / "CITATION.cff")
    assert set(said) <= KEYS
    assert {"authors", "cff-version", "message", "title"} <= set(said)
    assert said["cff-version"] == "1.2.0"
    assert said["version"] == __version__
    assert said["type"] == "software"
    assert said["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert all("name" in author or "family-names" in author for author in said["authors"])
    assert all(isinstance(value, str) for key, value in said.items() if key not in ("authors", "keywords"))
