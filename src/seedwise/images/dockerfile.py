"""A project's own backend that brings a Dockerfile: its folder is the build context, its image is locked as every other."""

from __future__ import annotations

import hashlib

from docker.errors import ImageNotFound

from docker import DockerClient
from seedwise.errors import ImageError
from seedwise.images import lock
from seedwise.images.build import build, locked
from seedwise.images.definition import DockerfileBackend
from seedwise.images.lock import BaseIdentity, LockedImage
from seedwise.images.sources import folder_digest, folder_files
from seedwise.notify import Notify
from seedwise.project import Project

_NOTE = "built from a Dockerfile of the project's own, with a network: what it installed is pinned by the image alone"


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
    identity = BaseIdentity(reference=own_base(name, backend), id=image, repo_digest=None, layers=[])
    return locked(project, client, image, name, "cpu", sources, identity, _NOTE)


def given_image(project: Project, client: DockerClient, name: str, image: str) -> LockedImage:
    """An image that somebody has made, put into the local lock as it is; `ImageError` where the engine does not have it."""
    try:
        found = client.images.get(image)
    except ImageNotFound:
        raise ImageError(f"image {image}: the engine does not have it; build it, or pull it") from None
    identity = BaseIdentity(reference=image, id=str(found.id), repo_digest=None, layers=[])
    sources = hashlib.sha256(str(found.id).encode()).hexdigest()
    for entry in lock.entries(project):
        if (entry.backend, entry.image_id) == (name, found.id):
            return entry
    return locked(
        project, client, str(found.id), name, "cpu", sources, identity, "given as an image: nothing here built it"
    )


def own_base(name: str, backend: DockerfileBackend) -> str:
    """What the lock says that such an image is built on: its own Dockerfile."""
    return f"{name}/{backend.dockerfile}"
