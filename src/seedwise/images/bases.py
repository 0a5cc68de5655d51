"""Which base image to build on: the one asked for, the official one, or one of the distribution's packages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from docker.errors import ImageNotFound

from docker import DockerClient
from seedwise.errors import ImageError, NoImage
from seedwise.images.definition import Base, base_override, base_variable
from seedwise.images.lock import BaseIdentity
from seedwise.images.registry import RegistryError, fetch
from seedwise.notify import Notify
from seedwise.project import bundled_suite

_SCRIPT = Path("docker/debian-base.sh")


@dataclass(frozen=True, slots=True)
class ChosenBase:
    identity: BaseIdentity
    why: str


def local_command() -> str:
    """The command that makes a base of the distribution's packages, with the script where it lies."""
    return f"sudo sh {_SCRIPT if _SCRIPT.is_file() else bundled_suite() / _SCRIPT}"


def allowed(name: str, base: Base) -> list[str]:
    """References of the base that an image may have been built on: only the one asked for, where one is."""
    override = base_override(name)
    if override:
        return [override]
    return [base.reference] + ([base.local] if base.local else [])


def choose_base(client: DockerClient, name: str, base: Base, pinned: str | None, say: Notify) -> ChosenBase:
    """The base to build on.  `pinned` is the `repository@sha256:…` that the lock holds for the reference, or None.

    Order: SEEDWISE_BASE_<NAME>; the official reference where it is here or can be pulled; the local base.
    """
    override = base_override(name)
    if override:
        found = _present(client, override)
        if found is None:
            say(f"base {name}: pulling {override} ({base_variable(name)})")
            problem = _pull(client, override)
            found = None if problem else _present(client, override)
            if found is None:
                raise ImageError(
                    f"base {override}, asked for by {base_variable(name)}, is not here and cannot be pulled: {problem}"
                )
        return ChosenBase(found, f"{base_variable(name)} asks for it")
    reference = pinned or base.reference
    found = _present(client, reference)
    if found is not None:
        return ChosenBase(found.model_copy(update={"reference": base.reference}), "the official image, already here")
    say(f"base {name}: pulling {reference}")
    problem = _pull(client, reference)
    found = None if problem else _present(client, reference)
    if found is not None:
        return ChosenBase(found.model_copy(update={"reference": base.reference}), "the official image, pulled now")
    local = _present(client, base.local) if base.local else None
    if local is not None:
        return ChosenBase(local, f"{base.reference} cannot be pulled ({problem})")
    make = f"'{local_command()}' builds {base.local} from the distribution's packages; or " if base.local else ""
    raise NoImage(
        f"base {name}: {base.reference} cannot be pulled ({problem}) and no local base is here. "
        f"{make}set {base_variable(name)} to an image that holds Python {base.python}"
    )


def _present(client: DockerClient, reference: str) -> BaseIdentity | None:
    try:
        attributes = client.images.get(reference).attrs
    except ImageNotFound:
        return None
    digests = attributes.get("RepoDigests") or []
    return BaseIdentity(
        reference=reference,
        id=attributes["Id"],
        repo_digest=digests[0] if digests else None,
        layers=attributes["RootFS"]["Layers"],
    )


def _pull(client: DockerClient, reference: str) -> str | None:
    """Pull `reference`; None where it worked, else why not, in a few words."""
    try:
        fetch(client, reference)
    except RegistryError as error:
        return error.sign
    return None
