"""This host, as told from others that share its folders: a place on its own disk, and a word by which it is known."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path

from seedwise.errors import EngineError

_FOLDER = "SEEDWISE_NODE_LOCAL"


def local_folder() -> Path:
    """A folder of this user on this host's own disk; `SEEDWISE_NODE_LOCAL` where the temporary folder is a shared one."""
    given = os.environ.get(_FOLDER)
    path = Path(given) if given else Path(tempfile.gettempdir()) / f"seedwise-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.getuid():
        raise EngineError(
            f"{path}: belongs to somebody else; set {_FOLDER} to a folder of your own on this host's disk"
        )
    return path


def realm() -> str:
    """Names the processes that the locks here reach: one word for this host's disk and this user."""
    path = local_folder() / "realm"
    while True:
        try:
            if (word := path.read_text(encoding="ascii").strip()).isalnum():
                return word
            path.unlink()  # cut short by a crash
        except FileNotFoundError:
            pass
        made = path.with_name(f"realm.{uuid.uuid4().hex}")
        made.write_text(uuid.uuid4().hex[:12], encoding="ascii")
        try:
            os.link(made, path)  # the first one counts
        except FileExistsError:
            pass
        finally:
            made.unlink()
