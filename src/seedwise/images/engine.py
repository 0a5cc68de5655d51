"""The container engine of this machine."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from seedwise.errors import EngineError

if TYPE_CHECKING:
    import docker

_ANSWER_SECONDS = 3
_WORK_SECONDS = 120
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def answers() -> str | None:
    """None where an engine answers, else what stands in the way."""
    if (sdk := find_spec("docker")) is None or sdk.origin is None:  # a folder docker/ here is none
        return "its Python package is not installed: it comes with the extra 'bench'"
    from docker.errors import DockerException

    import docker

    try:
        client = docker.from_env(timeout=_ANSWER_SECONDS)
        try:
            client.ping()
            if any("rootless" in option for option in client.info().get("SecurityOptions") or ()):
                return "it is rootless, which maps users in a way that runs cannot write their results through"
        finally:
            client.close()
    except (DockerException, OSError) as error:
        return _short(error)
    return None


def connect(address: str | None = None) -> docker.DockerClient:
    """A client of the engine at `address`, or that the environment names (DOCKER_HOST, else the default socket)."""
    import docker

    if address is not None:
        return docker.DockerClient(base_url=address, version="auto", timeout=_WORK_SECONDS)
    problem = answers()
    if problem is not None:
        raise EngineError(
            f"no Docker engine answers ({problem}). Start one ('sudo systemctl start docker', or Docker Desktop), set "
            "DOCKER_HOST where it listens elsewhere, join the group 'docker' where permission is denied, "
            "or use '--runtime venv'"
        )
    return docker.from_env(timeout=_WORK_SECONDS)


def machine(client: docker.DockerClient) -> str:
    """The engine's architecture, as wheels name it."""
    architecture = str(client.version()["Arch"])
    return _MACHINES.get(architecture, architecture)


def _short(error: BaseException) -> str:
    text = str(error)
    for sign, meaning in (
        ("FileNotFoundError", "its socket does not exist"),
        ("PermissionError", "permission denied on its socket"),
        ("ConnectionRefusedError", "connection refused"),
        ("timed out", "it did not answer in time"),
    ):
        if sign in text:
            return meaning
    return text[:200]
