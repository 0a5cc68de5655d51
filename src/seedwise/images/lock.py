"""`images.lock`: which image was built from which sources, on which base, and its digests.

`docker/images.lock` is committed and says what was built and checked; `<home>/images.lock` holds what this checkout
built, so that the checkout stays clean.  Only images that one of them names are ever started, and by id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from docker.errors import ImageNotFound
from pydantic import Field, ValidationError

from docker import DockerClient
from seedwise.errors import ImageError, InputError
from seedwise.images.definition import DockerfileBackend, PackageBackend, load_definition
from seedwise.images.sources import folder_digest, sources_of
from seedwise.project import Project
from seedwise_contract import canonical_json, faults_of
from seedwise_contract.base import ContractModel
from seedwise_contract.files import read_record, write_json

COMMITTED = Path("docker/images.lock")
_LOCAL = "images.lock"
NOT_PUSHED = "the image was not pushed"  # in a note
_CONFIG_KEYS = ("Cmd", "Entrypoint", "Env", "ExposedPorts", "User", "Volumes", "WorkingDir")

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Sha256Id = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^docker:sha256:[0-9a-f]{64}$")]


class BaseIdentity(ContractModel):
    """`repo_digest` is null where no registry vouches for the base: then its layers say what it was."""

    reference: str
    id: Sha256Id
    repo_digest: str | None
    layers: list[Sha256Id]


class LockedImage(ContractModel):
    backend: str
    flavour: Literal["cpu", "cuda"]
    sources: Hex = Field(description="of packages, lock files, Dockerfiles, module, Python version")
    base: BaseIdentity
    digest: Digest = Field(description="of layers and settings: the same wherever the same bits are built")
    image_id: Sha256Id = Field(description="as the engine names it; holds the time of the build")
    repo_digest: str | None = Field(description="null where the image was never pushed")
    layers: list[Sha256Id]
    size_bytes: int
    platform: str
    built_at: str
    note: str | None = None


class ImagesLock(ContractModel):
    version: Literal[1] = 1
    images: dict[str, LockedImage] = Field(default_factory=dict, description="name → image")


def local_path(project: Project) -> Path:
    return project.home / _LOCAL


def committed_path(project: Project) -> Path:
    """The lock that is committed: of a checkout, the suite's own; of any other project, the one of its own backends."""
    return project.root / COMMITTED if project.own_backends is None else project.own_backends / _LOCAL


def read_lock(path: Path) -> ImagesLock:
    """The lock in `path`, empty where there is none; `InputError` lists every fault."""
    try:
        return ImagesLock.model_validate_json(read_record(path))
    except FileNotFoundError:
        return ImagesLock()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        faults = "\n".join(f"{path}: {fault}" for fault in faults_of(error))
        raise InputError(f"{faults}\n{path} is written by Seedwise: restore it, or remove it and build again") from None


def record(project: Project, image: LockedImage) -> None:
    """Put a new build into the local lock; earlier ones stay, for runs that were planned with them."""
    images = {**read_lock(local_path(project)).images, tag(image): image}
    write_json(local_path(project), ImagesLock(images=dict(sorted(images.items()))))


def commit_lock(project: Project) -> list[str]:
    """Put the local builds of the present sources into the committed lock; the names of the entries that changed."""
    definition = load_definition(project)
    local, committed = read_lock(local_path(project)).images.values(), read_lock(committed_path(project)).images
    fresh = {}
    for image in sorted(local, key=lambda image: image.built_at):
        backend = definition.backends.get(image.backend)
        if isinstance(backend, DockerfileBackend):
            sources = folder_digest(backend.root(project))
        elif isinstance(backend, PackageBackend) and image.flavour in backend.flavours:
            sources = sources_of(project, definition, image.backend, image.flavour).image_digest
        else:
            continue
        if sources == image.sources:
            fresh[f"{image.backend}-{image.flavour}"] = image
    changed = sorted(name for name, image in fresh.items() if committed.get(name) != image)
    if changed:
        write_json(committed_path(project), ImagesLock(images=dict(sorted({**committed, **fresh}.items()))))
    return changed


def entries(project: Project) -> list[LockedImage]:
    """All locked images, the local ones first."""
    paths = dict.fromkeys((local_path(project), committed_path(project), project.suite / COMMITTED))
    return [image for path in paths for image in read_lock(path).images.values()]


def latest(project: Project) -> dict[str, LockedImage]:
    """'hf-cpu' → the last image built of that backend and flavour, whichever lock it stands in; by name."""
    built = sorted(entries(project), key=lambda image: image.built_at)
    return dict(sorted({f"{image.backend}-{image.flavour}": image for image in built}.items()))


def find(client: DockerClient, images: Iterable[LockedImage]) -> LockedImage | None:
    """The first of the locked `images` that is in the engine."""
    return next((present for entry in images if (present := in_engine(client, entry)) is not None), None)


def in_engine(client: DockerClient, entry: LockedImage) -> LockedImage | None:
    """`entry` with the id that the engine has it by, or None where the engine does not have it."""
    for reference in (entry.image_id, tag(entry)):
        try:
            attributes = client.images.get(reference).attrs
        except ImageNotFound:
            continue
        if content_digest(attributes) == entry.digest:
            return entry.model_copy(update={"image_id": attributes["Id"]})
    return None


def tag(entry: LockedImage) -> str:
    """A name for people, and for finding a rebuilt image of the same content; nothing is ever started by it."""
    return f"seedwise-{entry.backend}:{entry.flavour}-{entry.digest.rsplit(':', 1)[1][:16]}"


def content_digest(attributes: dict[str, Any]) -> str:
    """Digest over an image's layers and the settings that a container inherits, from the engine's `inspect`.

    Unlike the image id it holds no time, so that who builds the same bits gets the same digest, and keeps their runs.
    """
    config = attributes["Config"]
    settings = {name: config[name] for name in _CONFIG_KEYS if config.get(name)}
    text = canonical_json({"layers": attributes["RootFS"]["Layers"], "settings": settings})
    return "docker:sha256:" + hashlib.sha256(text.encode()).hexdigest()


def require_locked(project: Project, client: DockerClient, backend: str, reference: str) -> LockedImage:
    """The locked image of `backend` that `reference` pins: a content digest, an image id, or `name@sha256:…`.

    `ImageError` where it is a tag, where no lock names it, or where the engine does not have it.
    """
    if not re.search(r"sha256:[0-9a-f]{64}$", reference):
        raise ImageError(
            f"image '{reference}' is a tag: a tag can be another image tomorrow, and no result could be traced to it. "
            f"Name it by digest (docker:sha256:…, sha256:…, or name@sha256:…) as {COMMITTED} does"
        )
    for entry in entries(project):
        if entry.backend == backend and reference in (entry.digest, entry.image_id, entry.repo_digest):
            present = in_engine(client, entry)
            if present is not None:
                return present
            raise ImageError(
                f"image {reference} of backend '{backend}' is locked, but the engine does not have it: "
                "build it again ('seedwise images build')"
            )
    raise ImageError(
        f"image {reference} of backend '{backend}' is in no images.lock, neither {COMMITTED} nor that of this "
        "checkout's builds: only locked images are run. Build it ('seedwise images build'), or add its entry"
    )
