"""One worker of this host at a run: a courtesy that saves work, never what keeps a run single (that is `attempts.publish`).

The locks lie on the host's own disk, where they are let go of when a process ends, however it ends.  On a shared folder they
would be trusted where they do not reach, and kept by hosts that are gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout

from seedwise.errors import EngineError
from seedwise.runtimes.host import local_folder


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
