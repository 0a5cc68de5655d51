"""A manifest writes and reads where it may, and nowhere else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from seedwise.assets.fetch import fetch
from seedwise.assets.manifest import load_manifest
from seedwise.assets.prepare import prepare_data
from seedwise.errors import AssetError, InputError
from tests.conftest import Small, toy_manifest


@pytest.mark.parametrize("name", ["/elsewhere/pwned", "../../pwned", "a/b", "..", "a\\b", "a\\0b"])
def test_names_of_files_have_no_folder(name: str, tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(toy_manifest("x").replace("toy.jsonl", f'"{name}"'))
    with pytest.raises(InputError, match=r"toy\.yaml:\d+: (files|sources)"):
        load_manifest(path)


@pytest.mark.parametrize("member", ["/etc/passwd", "../secret", "a/../../secret"])
def test_members_lie_below_the_data_root(member: str, tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(toy_manifest("x").replace("{toy.jsonl: toy.jsonl}", f"{{toy.jsonl: {member}}}"))
    with pytest.raises(InputError, match="must be a relative path"):
        load_manifest(path)


def test_a_fifo_is_not_waited_for(small: Small) -> None:
    assert small.project.data_root is not None
    (small.project.data_root / "toy.jsonl").unlink()
    os.mkfifo(small.project.data_root / "toy.jsonl")
    manifest = load_manifest(small.project.root / "benchmarks" / "assets" / "toy.yaml")
    with pytest.raises(AssetError, match="no regular file"):
        fetch(manifest, small.project, lambda line: None)


def _prepared(small: Small, data: bytes, suffix: str = "") -> None:
    assert small.project.data_root is not None
    (small.project.data_root / f"toy.jsonl{suffix}").write_bytes(data)
    manifest = toy_manifest("").replace(hashlib.sha256(b"").hexdigest(), hashlib.sha256(data).hexdigest())
    manifest = manifest.replace("toy.jsonl", f"toy.jsonl{suffix}")
    (small.project.root / "benchmarks" / "assets" / "toy.yaml").write_text(manifest)
    prepare_data("toy", None, small.project, lambda line: None)


GOOD = b'{"text": "fine", "label": "good"}\n{"text": "dull", "label": "bad"}\n'


@pytest.mark.parametrize(
    "row",
    [
        b"[1]", b"1", b"null", b'"text"', b"[" * 5000 + b"]" * 5000, b'{"text": "\\ud800", "label": "good"}',
        b'{"text": ' + b"9" * 5000 + b', "label": "good"}', b'{"text": [1], "label": "good"}', b'{"text": "a"', b"\xff",
        b'{"text": "a", "text": "b", "label": "good"}', b'{"text": true, "label": "good"}', b'{"text": NaN, "label": "good"}',
    ],
)  # fmt: skip
def test_rows_that_are_none_are_named_by_file_and_row(row: bytes, small: Small) -> None:
    with pytest.raises(AssetError, match=r"toy\.jsonl.*(row|line|cannot be read)"):
        _prepared(small, GOOD + row + b"\n")


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("kind", ["none", "cut"])
def test_packed_files_that_are_none(suffix: str, kind: str, small: Small) -> None:
    import bz2
    import gzip
    import lzma

    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[suffix]
    data = GOOD if kind == "none" else pack(GOOD * 500)[:-20]
    with pytest.raises(AssetError, match=r"toy\.jsonl.*cannot be read"):
        _prepared(small, data, suffix)


def test_one_label_is_nothing_to_learn(small: Small) -> None:
    rows = "".join(f'{{"text": "text {n}", "label": "good"}}\n' for n in range(40))
    with pytest.raises(AssetError, match="the same label"):
        _prepared(small, rows.encode())
