"""One worker of this host at a run: a courtesy that saves work, never what keeps a run single (that is `attempts.publish`).

The locks lie on the host's own disk, where they are let go of when a process ends, however it ends.  On a shared folder they
would be trusted where they do not reach, and kept by hosts that are gone.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout

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


@contextmanager
def held(root: Path, identity: str, cancelled: Event | None = None) -> Iterator[None]:
    """Waits while another process of this host is at run `identity` of the store at `root`; `EngineError` once `cancelled`."""
    store = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    folder = local_folder() / "runs" / store
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{identity}.lock")
    while True:
        try:
            lock.acquire(timeout=1)
            break
        except Timeout:
            if cancelled is not None and cancelled.is_set():
                raise EngineError(f"run {identity}: another harness is at it, and this one was stopped") from None
    try:
        yield
    finally:
        lock.release()
