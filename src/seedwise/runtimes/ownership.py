"""Whose containers these are, so that only our own are ever stopped, and only when nobody waits for them any more."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from docker.errors import APIError, NotFound
from docker.models.containers import Container
from filelock import FileLock, Timeout

from docker import DockerClient
from seedwise.project import Project
from seedwise.runtimes.host import local_folder, realm

UNPRIVILEGED = 10001
OWNER_LABEL = "seedwise.owner"
SESSION_LABEL = "seedwise.session"
RUN_LABEL = "seedwise.run"


def owner_of(project: Project) -> str:
    """The checkout's state folder and this host, as a short digest: two checkouts never touch each other's containers, and hosts
    that share the folder not either, since who lives on another one cannot be told.
    """
    return hashlib.sha256(f"{project.home}@{realm()}".encode()).hexdigest()[:16]


def _sessions(project: Project) -> Path:
    """On the host's own disk, where locks are let go of when a process ends."""
    return local_folder() / "sessions" / owner_of(project)


class Session:
    """One life of the harness: a lock file that the system lets go of when the process ends, however it ends."""

    def __init__(self, project: Project) -> None:
        self.name = uuid.uuid4().hex[:16]
        self.owner = owner_of(project)
        self._folder = _sessions(project)
        self._folder.mkdir(parents=True, exist_ok=True)
        # Not bound to the thread that took it: a runtime may be closed by another one.
        self._lock = FileLock(self._folder / f"{self.name}.lock", thread_local=False)
        with _guard(self._folder):
            self._lock.acquire(timeout=0)

    def close(self) -> None:
        self._lock.release()
        with contextlib.suppress(OSError):
            (self._folder / f"{self.name}.lock").unlink()

    @property
    def labels(self) -> dict[str, str]:
        return {OWNER_LABEL: self.owner, SESSION_LABEL: self.name}


def sweep(project: Project, client: DockerClient, grace_seconds: int = 10) -> list[str]:
    """Stop and remove the containers that a killed harness of this checkout left; their run ids.

    They get SIGTERM first, so that a backend can save a resumable state.
    """
    folder = _sessions(project)
    swept = []
    for container in _containers(client, owner_of(project)):
        session = container.labels.get(SESSION_LABEL, "")
        if not session or not _dead(folder / f"{session}.lock"):
            continue
        try:
            container.stop(timeout=grace_seconds)
            container.remove(force=True)
        except NotFound:
            continue
        except APIError as error:
            if error.status_code != 409:  # its removal is already in progress
                raise
        swept.append(container.labels.get(RUN_LABEL, container.short_id))
    if folder.is_dir():
        for path in folder.glob("*.lock"):
            _dead(path)
    return swept


def _containers(client: DockerClient, owner: str) -> Iterator[Container]:
    for container in client.containers.list(all=True, filters={"label": f"{OWNER_LABEL}={owner}"}, ignore_removed=True):
        if container.labels.get(OWNER_LABEL) == owner:
            yield container


def _dead(path: Path) -> bool:
    """Whether no process holds the session's lock; a dead session's file is removed."""
    if not path.exists():
        return True
    with _guard(path.parent):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        path.unlink(missing_ok=True)
        return True


def _guard(folder: Path) -> FileLock:
    """Between making a session's file and locking it, nobody may take it for a dead one's."""
    return FileLock(folder / "guard")


def run_user(out: Path) -> str:
    """`uid:gid` that a container runs as; never root.  Where the harness is root, `out` is handed to another user."""
    if os.getuid() != 0:
        return f"{os.getuid()}:{os.getgid()}"
    os.lchown(out, UNPRIVILEGED, UNPRIVILEGED)
    for place, folders, files in os.walk(out, followlinks=False):
        for name in (*folders, *files):  # a link itself, never what it leads to
            os.lchown(Path(place, name), UNPRIVILEGED, UNPRIVILEGED)
    return f"{UNPRIVILEGED}:{UNPRIVILEGED}"
