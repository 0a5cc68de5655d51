"""Building a backend's image: wheels by the host's pip, an environment image a lock file, our sources on top."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from docker import DockerClient
from seedwise.errors import ImageError
from seedwise.images import lock
from seedwise.images.bases import ChosenBase, choose_base
from seedwise.images.definition import Base
from seedwise.images.engine import machine
from seedwise.images.lock import BaseIdentity, LockedImage, content_digest
from seedwise.images.sources import Sources
from seedwise.images.wheels import Target, archives, wheelhouse
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise_contract.files import sha256_file

ENVIRONMENT_LABEL = "seedwise.environment"
_STAGE_LABEL = "seedwise.stage"
_BLOCK = 1 << 20
_NO_REGISTRY = f"no registry vouches for the base: its layers identify it; {lock.NOT_PUSHED}"
_TAIL_LINES = 25


def build_image(
    project: Project, client: DockerClient, sources: Sources, base: Base, say: Notify, *, cached: bool = True
) -> LockedImage:
    """Build the backend's image and put it into the local lock.  `cached` False builds every layer anew."""
    with sources.frozen() as sources:
        return _build_frozen(project, client, sources, base, say, cached)


def _build_frozen(
    project: Project, client: DockerClient, sources: Sources, base: Base, say: Notify, cached: bool
) -> LockedImage:
    chosen = choose_base(client, sources.base, base, _pinned_base(project, base), say)
    say(f"{sources.backend} ({sources.flavour}): base {chosen.identity.reference}: {chosen.why}")
    environment = _environment_image(project, client, sources, base, chosen, say, cached)
    image = build(
        client,
        what=f"{sources.backend} ({sources.flavour}): image",
        context={
            "Dockerfile": sources.backend_recipe,
            **{f"packages/{file.name}": file.path for file in sources.files},
        },
        arguments={"ENVIRONMENT": environment, "MODULE": sources.module, "INPUTS": sources.image_digest},
        labels={"seedwise.backend": sources.backend, "seedwise.flavour": sources.flavour},
        say=say,
        cached=cached,
    )
    client.images.prune(filters={"dangling": True, "label": f"{_STAGE_LABEL}={sources.image_digest}"})
    flavour: Literal["cpu", "cuda"] = "cuda" if sources.flavour == "cuda" else "cpu"
    note = None if chosen.identity.repo_digest else _NO_REGISTRY
    return locked(project, client, image, sources.backend, flavour, sources.image_digest, chosen.identity, note)


def locked(
    project: Project,
    client: DockerClient,
    image: str,
    backend: str,
    flavour: Literal["cpu", "cuda"],
    sources: str,
    base: BaseIdentity,
    note: str | None,
) -> LockedImage:
    """The built `image`, tagged for people and put into the local lock."""
    attributes = client.images.get(image).attrs
    built = LockedImage(
        backend=backend,
        flavour=flavour,
        sources=sources,
        base=base,
        digest=content_digest(attributes),
        image_id=attributes["Id"],
        repo_digest=None,
        layers=attributes["RootFS"]["Layers"],
        size_bytes=attributes["Size"],
        platform=f"{attributes['Os']}/{attributes['Architecture']}",
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        note=note,
    )
    repository, _, label = lock.tag(built).partition(":")
    client.api.tag(built.image_id, repository, label)
    lock.record(project, built)
    return built


def _pinned_base(project: Project, base: Base) -> str | None:
    """`repository@sha256:…` of the base as a lock recorded it, so that a moved tag does not change the base."""
    for entry in lock.entries(project):
        if entry.base.reference == base.reference and entry.base.repo_digest:
            return entry.base.repo_digest
    return None


def _environment_image(
    project: Project, client: DockerClient, sources: Sources, base: Base, chosen: ChosenBase, say: Notify, cached: bool
) -> str:
    """Id of the image that holds the lock file's packages; built where the engine has none of these inputs."""
    recipe = sha256_file(sources.environment_recipe)
    name = f"{sources.wheels_digest}-{recipe[:12]}-{chosen.identity.layers[-1][-12:]}-{len(chosen.identity.layers)}"
    repository, label = "seedwise-environment", f"{name[:16]}-{name[65:]}"
    if cached:
        try:
            attributes = client.images.get(f"{repository}:{label}").attrs
            layers = attributes["RootFS"]["Layers"]
            marked = (attributes["Config"].get("Labels") or {}).get(ENVIRONMENT_LABEL)
            if marked == name and layers[: len(chosen.identity.layers)] == chosen.identity.layers:
                return str(attributes["Id"])
        except ImageNotFound:
            pass
    target = Target(sources.python, machine(client), base.glibc)
    folder = wheelhouse(project, sources, target, say)
    image = build(
        client,
        what=f"{sources.backend} ({sources.flavour}): environment",
        context={
            "Dockerfile": sources.environment_recipe,
            "requirements.lock": sources.lock,
            "wheels/build.lock": sources.build_lock,
            **{f"wheels/{path.name}": path for path in archives(folder)},
        },
        arguments={"BASE": chosen.identity.id, "PYTHON": sources.python, "INPUTS": name},
        labels={ENVIRONMENT_LABEL: name},
        say=say,
        cached=cached,
    )
    client.api.tag(image, repository, label)
    client.images.prune(filters={"dangling": True, "label": f"{_STAGE_LABEL}={name}"})
    return image


def build(
    client: DockerClient,
    *,
    what: str,
    context: Mapping[str, Path],
    arguments: dict[str, str],
    labels: dict[str, str],
    say: Notify,
    cached: bool,
    network: str = "none",
) -> str:
    """Build one Dockerfile, without a network where none is named; the image's id."""
    said: list[str] = []
    image = None
    say(f"{what}: building")
    try:
        for line in client.api.build(
            fileobj=context_stream(context),  # type: ignore[arg-type]
            custom_context=True,
            dockerfile="Dockerfile",
            buildargs=arguments,
            labels=labels,
            network_mode=network,
            nocache=not cached,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=3600,
        ):
            if "error" in line:
                raise BuildError(line["error"], iter(()))
            text = str(line.get("stream", "")).rstrip()
            said += text.splitlines()
            found = re.fullmatch(r"sha256:[0-9a-f]{64}", str((line.get("aux") or {}).get("ID", "")))
            image = found[0] if found else image
    except (BuildError, APIError, DockerException, OSError) as error:
        tail = "\n".join(f"    {line}" for line in said[-_TAIL_LINES:])
        room = " Free some space ('docker system df' shows what holds it)." if "no space left" in str(error) else ""
        raise ImageError(f"{what} could not be built: {error}.{room} The end of the build:\n{tail}") from None
    if image is None:
        raise ImageError(f"{what}: the engine named no image at the end of the build")
    return image


def context_stream(files: Mapping[str, Path]) -> Iterator[bytes]:
    """A build context as a tar stream: sorted, with no times, owners or modes of this machine."""
    for name in sorted(files):
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = files[name].stat().st_size, 0o644, 0
        yield info.tobuf(tarfile.PAX_FORMAT)
        with open(files[name], "rb") as handle:
            while block := handle.read(_BLOCK):
                yield block
        yield b"\0" * (-info.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)
