"""Bundles opened and made again, for tests that tamper with them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from seedwise.bundle.archive import archive_bytes, read_archive

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
