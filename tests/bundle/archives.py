"""Bundles opened and made again, for tests that tamper with them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from seedwise.bundle import verify
from seedwise.bundle.archive import archive_bytes, read_archive
from seedwise.bundle.faults import RefutedBundle

Files = dict[str, bytes]


def files_of(bundle: Path) -> Files:
    return dict(read_archive(bundle).files)


def relisted(files: Files) -> bytes:
    """The archive of `files` with a manifest that agrees: what somebody would make who changes things on purpose."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in sorted(files.items())
        if name != "manifest.json"
    }
    return archive_bytes({**files, "manifest.json": json.dumps(manifest).encode()})


def run_with(files: Files, arm: str, seed: int) -> str:
    plan = json.loads(files["studies/small/plan.json"])
    return next(str(run["run_id"]) for run in plan["runs"] if (run["arm"], run["seed"]) == (arm, seed))


def edited(files: Files, name: str, old: str, new: str) -> Files:
    text = files[name].decode()
    assert old in text
    return files | {name: text.replace(old, new, 1).encode()}


def refuted(files: Files, path: Path) -> str:
    path.write_bytes(relisted(files))
    with pytest.raises(RefutedBundle) as caught:
        verify(path)
    return str(caught.value)
