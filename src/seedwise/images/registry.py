"""A container registry: an image is pulled by the digest that a lock pins, and pushed so that a lock can pin it.

A registry's digest names one upload of an image; the content digest, which run ids rest on, names its bits. A lock holds both, and
what was pulled counts only where its content digest is the locked one. So it never matters for a run whether its image was
pulled or built.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import requests
from docker.errors import DockerException, ImageNotFound

import docker
from docker import DockerClient
from seedwise.errors import ImageError, InputError
from seedwise.images import lock
from seedwise.images.lock import LockedImage
from seedwise.notify import Notify
from seedwise.project import Project

VARIABLE = "SEEDWISE_REGISTRY"
OFF = "off"
_ASK_SECONDS = 15
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_UPLOAD = re.compile(r"sha256:[0-9a-f]{64}")


class RegistryError(ImageError):
    """A registry did not give an image, or did not take one; nothing of it is used.  `sign`: why, in a few words."""

    def __init__(self, what: str, sign: str = "") -> None:
        super().__init__(f"{what} ({sign})" if sign else what)
        self.sign = sign or what


class RegistryAway(RegistryError):
    """It cannot be reached, or does not answer in time."""


class LoginNeeded(RegistryError):
    """It asks for a login, or this one may not do it."""


class NotInRegistry(RegistryError):
    """It answers, and does not have the image."""


class OtherContent(RegistryError):
    """It gave other bits than those that the digest names, or than those that the lock pins."""


# What engines and registries say, by what it means; the first that is found counts.
_SIGNS: tuple[tuple[type[RegistryError], tuple[str, ...]], ...] = (
    (OtherContent, ("verification failed", "digest mismatch", "did not match", "does not match", "invalid checksum")),
    (LoginNeeded, ("unauthorized", "authentication required", "no basic auth", "denied", "forbidden")),
    (NotInRegistry, ("manifest unknown", "not found", "name unknown", "does not exist", "no matching manifest")),
    (
        RegistryAway,
        (
            "no such host", "server misbehaving", "connection refused", "i/o timeout", "timed out", "deadline exceeded",
            "TLS handshake", "x509", "HTTP response to HTTPS", "connection reset", "no route to host", "EOF",
        ),
    ),
)  # fmt: skip

_ADVICE: dict[type[RegistryError], str] = {
    LoginNeeded: "; 'docker login' gives the engine a login",
    OtherContent: ": it is not what its digest names",
}


def prefix(given: str | None = None) -> str | None:
    """HOST[:PORT][/PATH] that images lie below: `given`, or `SEEDWISE_REGISTRY`; None where neither is.

    `InputError` for what is no such address, one with a password in it among them: logins belong to the engine (`docker login`).
    """
    where = VARIABLE if given is None else "--registry"
    value = (os.environ.get(VARIABLE, "") if given is None else given).strip().rstrip("/")
    if not value or value == OFF:
        return None
    if not _PREFIX.fullmatch(value):
        raise InputError(
            f"{where}: HOST[:PORT][/PATH] in small letters, without a scheme, a tag or a login ('docker login' takes that)"
        )
    return value


def uploaded(entries: Sequence[LockedImage], where: str | None) -> list[tuple[LockedImage, str]]:
    """Those of `entries` that were pushed, with the name to pull each by: below `where`, or as the lock has it."""
    found = []
    for entry in entries:
        if entry.repo_digest is None:
            continue
        name, _, digest = entry.repo_digest.rpartition("@")
        found.append((entry, f"{where}/{_repository(entry)}@{digest}" if where else f"{name}@{digest}"))
    return found


def pull(client: DockerClient, entry: LockedImage, reference: str) -> LockedImage:
    """The locked image from the registry, checked; a `RegistryError` says why not, and then nothing of it stays."""
    before = _present(client, reference)
    fetch(client, reference)
    attributes = client.images.get(reference).attrs
    if lock.content_digest(attributes) != entry.digest:
        if not before:
            client.images.remove(reference)
        raise OtherContent(f"{reference} holds {lock.content_digest(attributes)}, and the lock pins {entry.digest}")
    repository, _, label = lock.tag(entry).partition(":")
    client.api.tag(attributes["Id"], repository, label)
    return entry.model_copy(update={"image_id": attributes["Id"], "repo_digest": reference})


def pull_any(client: DockerClient, entries: Sequence[LockedImage], say: Notify) -> LockedImage | None:
    """The first of `entries` that a registry gives, or None; one sentence says what was tried and why it is built instead."""
    if os.environ.get(VARIABLE, "").strip() == OFF:
        return None
    for entry, reference in uploaded(entries, prefix()):
        name = f"{entry.backend} ({entry.flavour})"
        try:
            say(f"{name}: pulling {reference}")
            return pull(client, entry, reference)
        except RegistryError as error:
            say(f"{name}: {error}; building it instead, to the same content digest")
    return None


def push(project: Project, client: DockerClient, image: LockedImage, where: str) -> LockedImage:
    """Upload `image` below `where`; the local lock then pins it by the registry's digest too."""
    repository, label = f"{where}/{_repository(image)}", lock.tag(image).partition(":")[2]
    client.api.tag(image.image_id, repository, label)
    digest = None
    try:
        for line in client.api.push(repository, tag=label, stream=True, decode=True):
            if "error" in line:
                raise _meaning(f"{repository}: not pushed", str(line["error"]))
            found = _UPLOAD.fullmatch(str((line.get("aux") or {}).get("Digest", "")))
            digest = found[0] if found else digest
    except (DockerException, requests.RequestException) as error:
        raise _meaning(f"{repository}: not pushed", error) from None
    if digest is None:
        raise RegistryError(f"{repository}: not pushed: the engine named no digest at the end")
    note = None if image.note is None else image.note.replace(f"; {lock.NOT_PUSHED}", "")
    pushed = image.model_copy(update={"repo_digest": f"{repository}@{digest}", "note": note})
    lock.record(project, pushed)
    return pushed


def fetch(client: DockerClient, reference: str) -> None:
    """Pull `reference` into the engine, which checks what it gets against the digest in it; a `RegistryError` says why not."""
    try:
        # The registry is asked first, briefly: a pull without one may retry for minutes.
        quick = docker.from_env(timeout=_ASK_SECONDS)
        try:
            quick.images.get_registry_data(reference)
        finally:
            quick.close()
        for line in client.api.pull(reference, stream=True, decode=True):
            if "error" in line:
                raise _meaning(f"{reference} cannot be pulled", str(line["error"]))
    except (DockerException, requests.RequestException) as error:
        raise _meaning(f"{reference} cannot be pulled", error) from None


def _repository(entry: LockedImage) -> str:
    return lock.tag(entry).partition(":")[0]


def _present(client: DockerClient, reference: str) -> bool:
    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


def _meaning(what: str, error: Exception | str) -> RegistryError:
    text = str(getattr(error, "explanation", None) or error).strip()
    for kind, signs in _SIGNS:
        for sign in signs:
            if sign.lower() in text.lower():
                return kind(what, sign + _ADVICE.get(kind, ""))
    first = text.splitlines()[0][:160] if text else type(error).__name__
    return RegistryError(what, first)
