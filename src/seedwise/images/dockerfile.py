"""A project's own backend that brings a Dockerfile: its folder is the build context, its image is locked as every other."""

from __future__ import annotations

from docker import DockerClient
from seedwise.images import lock
from seedwise.images.build import build, locked
from seedwise.images.definition import DockerfileBackend
from seedwise.images.lock import BaseIdentity, LockedImage
from seedwise.images.sources import folder_digest, folder_files
from seedwise.notify import Notify
from seedwise.project import Project

_NOTE = "built from a Dockerfile of the project's own, with a network: what it installed is pinned by the image alone"


def find_own_image(project: Project, client: DockerClient, name: str, backend: DockerfileBackend) -> LockedImage | None:
    """The image of the folder's present files, where it is locked and here."""
    sources = folder_digest(backend.root(project))
    return lock.find(project, client, name, "cpu", sources, [_reference(name, backend)])


def build_own_image(
    project: Project, client: DockerClient, name: str, backend: DockerfileBackend, say: Notify
) -> LockedImage:
    """Build the folder's Dockerfile, and put the image into the local lock; `ImageError` has the end of the build."""
    folder = backend.root(project)
    sources = folder_digest(folder)
    image = build(
        client,
        what=f"{name}: image",
        context={file.name: file.path for file in folder_files(folder)},
        arguments={},
        labels={"seedwise.backend": name},
        say=say,
        cached=True,
        network="default",
    )
    identity = BaseIdentity(reference=_reference(name, backend), id=image, repo_digest=None, layers=[])
    return locked(project, client, image, name, "cpu", sources, identity, _NOTE)


def _reference(name: str, backend: DockerfileBackend) -> str:
    return f"{name}/{backend.dockerfile}"
