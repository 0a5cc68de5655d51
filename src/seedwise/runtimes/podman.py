"""Runs in locked containers of Podman, through its Docker-compatible socket: the same images by the same digests, the same cage.

Where Podman differs without saying so, it is said here: an older one takes a request for GPUs and gives none, none tells that a
container was killed at its memory limit, and a rootless one
leaves out limits where the system lets no user set them.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import requests
from docker.errors import DockerException
from docker.types import DeviceRequest, Ulimit

from docker import DockerClient
from seedwise.errors import EngineError
from seedwise.images.lock import LockedImage
from seedwise.project import Project
from seedwise.runtimes.base import Lease
from seedwise.runtimes.docker import DockerRuntime
from seedwise.runtimes.host import local_folder
from seedwise.runtimes.launch import launched

_VARIABLE = "CONTAINER_HOST"
_GIVES_GPUS = (5, 4)  # requests of GPUs through the socket, as names of CDI
_START_SECONDS = 20.0
_MOST = 4096  # open files, and processes of the user; of a container's, the cage allows 512


class PodmanRuntime(DockerRuntime):
    """`address` is of the socket that `CONTAINER_HOST` names, of the system's, or of a service that is started for the session."""

    name = "podman"
    tells_oom = False
    _INSIDE = "0:0"

    def __init__(self, project: Project, flavour: str, address: str | None = None) -> None:
        self._service: subprocess.Popen[bytes] | None = None
        address = address or _listening() or self._started_service()
        super().__init__(project, flavour, address=address)
        version = str(self._client.version().get("Version", ""))
        self._version = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        host = _told(self._client)
        self._rootless = bool(host["security"]["rootless"])
        if self._rootless and host["cgroupVersion"] != "v2":
            self.close()
            raise EngineError(
                "Podman is rootless here, on version 1 of control groups, where it leaves out limits of memory and cores without a "
                "word; version 2 is needed, or the rootful one, or '--runtime apptainer' or '--runtime venv'"
            )

    def close(self) -> None:
        super().close()
        if self._service is not None:
            self._service.terminate()
            self._service.wait(10)

    def _settings(self, image: LockedImage, lease: Lease, memory_bytes: int, user: str) -> dict[str, Any]:
        """As in Docker; with limits of open files and processes, since Podman's own may be more than it is allowed to give."""
        settings = super()._settings(image, lease, memory_bytes, self._INSIDE if self._rootless else user)
        for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
            ours = resource.getrlimit(kind)[1]
            limit = _MOST if ours == resource.RLIM_INFINITY else min(ours, _MOST)
            settings["ulimits"].append(Ulimit(name=name, soft=limit, hard=limit))
        return settings

    def _user(self, out: Path) -> str:
        """Rootless, root inside is the user outside, who owns `out`; it has no capability, and cannot get one."""
        return self._INSIDE if self._rootless else super()._user(out)

    def _devices(self, lease: Lease) -> list[DeviceRequest] | None:
        if not lease.gpus:
            return None
        if self._version < _GIVES_GPUS:
            raise EngineError(
                f"Podman {'.'.join(map(str, self._version))} takes a request for GPUs and silently gives none; "
                f"{'.'.join(map(str, _GIVES_GPUS))} or newer is needed, with CDI (nvidia-ctk cdi generate); or '--device cpu', or "
                "'--runtime venv'"
            )
        return [DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={gpu}" for gpu in lease.gpus])]

    def _started_service(self) -> str:
        program = shutil.which("podman")
        if program is None:
            raise EngineError(
                f"--runtime podman: no socket answers and there is no program podman; install it, or set {_VARIABLE}"
            )
        socket = local_folder() / f"podman-{os.getpid()}.sock"
        words = [program, "system", "service", "--time=0", f"unix://{socket}"]
        log = local_folder() / "podman.log"
        with log.open("ab") as output:
            self._service = subprocess.Popen(
                [*launched(), *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=socket.parent,  # its monitor leaves a file `oom` where it was started
            )
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._service.poll() is None:
            if answers(f"unix://{socket}"):
                return f"unix://{socket}"
            time.sleep(0.1)
        raise EngineError(f"--runtime podman: its service does not come up; {log} has its last words")


def _told(client: DockerClient) -> dict[str, Any]:
    """What Podman says of its host; the part of its interface that is Docker's leaves out whether it is rootless."""
    try:
        answer = client.api.get(f"{client.api.base_url}/v4.0.0/libpod/info", timeout=_START_SECONDS)
        answer.raise_for_status()
        host: dict[str, Any] = answer.json()["host"]
        _ = host["security"]["rootless"], host["cgroupVersion"]
    except (requests.RequestException, DockerException, OSError, ValueError, LookupError, TypeError) as error:
        raise EngineError(
            f"--runtime podman: what answers there is no Podman of version 4 or newer ({error})"
        ) from None
    return host


def answers(address: str) -> bool:
    try:
        client = DockerClient(base_url=address, version="auto", timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (DockerException, requests.RequestException, OSError, ValueError):
        return False


def _listening() -> str | None:
    """A socket of Podman's that answers."""
    given = os.environ.get(_VARIABLE)
    if given:
        if not answers(given):
            raise EngineError(f"--runtime podman: nobody answers at {given} ({_VARIABLE}); correct or unset it")
        return given
    places = [Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")), Path("/run")]
    for place in places:
        address = f"unix://{place}/podman/podman.sock"
        if (place / "podman" / "podman.sock").is_socket() and answers(address):
            return address
    return None
