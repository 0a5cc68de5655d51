"""Runs in locked containers: no network, read-only root, no capabilities, limits, only the leased cores and GPUs."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import DeviceRequest, LogConfig, Mount, Ulimit
from filelock import FileLock

from docker import DockerClient
from seedwise.errors import EngineError, ImageError
from seedwise.images.build import build_image
from seedwise.images.definition import DockerfileBackend, PackageBackend, load_definition
from seedwise.images.dockerfile import build_own_image, given_image
from seedwise.images.engine import connect
from seedwise.images.lock import LockedImage, find, require_locked
from seedwise.images.registry import NotInRegistry, pull, pull_any, push, uploaded
from seedwise.images.sources import sources_of
from seedwise.images.wanted import Wanted, wanted_of
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.regular import set_modes
from seedwise.runtimes.attached import DockerServer, Line
from seedwise.runtimes.base import LENT, Exit, Launch, Lease, Process
from seedwise.runtimes.common import described, run_environment
from seedwise.runtimes.ownership import RUN_LABEL, UNPRIVILEGED, Session, run_user, sweep
from seedwise.temporary import STAGING
from seedwise_contract import Description

PIDS_LIMIT = 512
SHM_BYTES = 512 << 20
TMP_BYTES = 2 << 30
_DESCRIBE_BYTES = 4 << 30
_DESCRIBE_SECONDS = 300
_KILLED = 137


class DockerRuntime:
    """Backends as images; `digest` is the content digest that images.lock holds, containers are started by image id."""

    name = "docker"
    tells_oom = True  # whether the engine says that a container was killed at its memory limit

    def __init__(
        self,
        project: Project,
        flavour: str,
        client: DockerClient | None = None,
        given: Mapping[str, str] | None = None,
        address: str | None = None,
    ) -> None:
        """`given` is backend → image, by id, for backends that are not built here but tried as they are.  `address` is the
        engine's, where it is not the one that the environment names.
        """
        self._given = given or {}
        self._address = address
        self.flavour = flavour
        self._opened: set[Path] = set()
        self.notes: list[str] = []
        self._project = project
        self._definition = load_definition(project)
        self._client = client or connect(address)
        self._session = Session(project)
        self.swept = sweep(project, self._client)

    def digest(self, backend: str) -> str | None:
        found = self._found(backend)
        return found.digest if found else None

    def prepare(self, backends: Sequence[str], say: Notify) -> dict[str, str]:
        prepared = {}
        for backend in dict.fromkeys(backends):
            prepared[backend] = self.digest(backend) or self._build(backend, say).digest
        return prepared

    def pull(self, backend: str, registry: str | None, say: Notify) -> LockedImage:
        """The image of the backend's present sources as a lock pins it; a `RegistryError` says why no registry gave it."""
        if found := self._found(backend):
            return found
        offered = uploaded(self._wanted(backend).locked(self._project), registry)
        if not offered:
            raise NotInRegistry(
                f"backend '{backend}' ({self.flavour}): no images.lock names an upload of its present sources"
            )
        say(f"{backend} ({self.flavour}): pulling {offered[0][1]}")
        return pull(self._client, *offered[0])

    def push(self, backend: str, registry: str) -> LockedImage:
        """The image of the backend's present sources, uploaded below `registry`; `ImageError` where it is not here."""
        found = self._found(backend)
        if found is None:
            raise ImageError(f"backend '{backend}' ({self.flavour}) is not built: 'seedwise images build' builds it")
        return push(self._project, self._client, found, registry)

    def describe(self, backend: str) -> Description:
        digest = self.digest(backend)
        if digest is None:
            raise ImageError(f"backend '{backend}' ({self.flavour}) is not built: 'seedwise images build' builds it")
        return described(self._project, backend, digest, lambda: self._ask(backend, digest))

    def start(self, launch: Launch) -> Process:
        settings = self._for(launch, launch.out, self._user(launch.out))
        settings["labels"][RUN_LABEL] = launch.run_id
        out = [] if launch.verb == "check" else ["--out", "/out"]  # a check writes nothing
        return self._started([launch.verb, "/out/spec.json", *out], **settings)

    def serve(self, launch: Launch) -> DockerServer:
        place = launch.out.parent / f"{LENT}{uuid.uuid4().hex[:16]}"
        place.mkdir(parents=True)
        settings = self._for(launch, place, self._user(launch.out))
        settings["labels"][RUN_LABEL] = f"serve {launch.backend}"
        device = "cuda" if launch.lease.gpus else "cpu"
        words = ["serve", "--threads", str(max(1, len(launch.lease.cores))), "--device", device]
        lines: list[Line] = []
        try:
            process = self._started(
                words, lambda container: lines.append(Line(self._client, container)), stdin_open=True, **settings
            )
        except BaseException:
            place.rmdir()
            raise
        return DockerServer(process, lines[0], place)

    def close(self) -> None:
        """Let go of the session: what still runs then counts as left over."""
        self._session.close()
        self._client.close()

    def _found(self, backend: str) -> LockedImage | None:
        """The image of the backend's present sources, where it is built."""
        if backend in self._given:
            return given_image(self._project, self._client, backend, self._given[backend])
        return find(self._client, self._wanted(backend).locked(self._project))

    def _wanted(self, backend: str) -> Wanted:
        return wanted_of(self._project, self._definition, backend, self.flavour)

    def _build(self, backend: str, say: Notify) -> LockedImage:
        locks = self._project.cache / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / "images.lock"):  # two harnesses never build at once
            if found := self._found(backend):
                return found
            if pulled := pull_any(self._client, self._wanted(backend).locked(self._project), say):
                return pulled
            declared = self._definition.backend(backend)
            if isinstance(declared, DockerfileBackend):
                return build_own_image(self._project, self._client, backend, declared, say)
            assert isinstance(declared, PackageBackend)
            sources = sources_of(self._project, self._definition, backend, self.flavour)
            return build_image(self._project, self._client, sources, self._definition.bases[declared.base], say)

    def _for(self, launch: Launch, writable: Path, user: str) -> dict[str, Any]:
        """Settings of a container that reads the launch's data and models, and writes into `writable` alone."""
        for root in (launch.data, launch.models):
            self._open_to_containers(root)
        image = require_locked(self._project, self._client, launch.backend, launch.digest)
        mounts = [
            Mount("/data", str(launch.data.resolve()), type="bind", read_only=True),
            Mount("/models", str(launch.models.resolve()), type="bind", read_only=True),
            Mount("/out", str(writable.resolve()), type="bind"),
        ]
        return {"mounts": mounts, **self._settings(image, launch.lease, launch.memory_bytes, user)}

    def _open_to_containers(self, root: Path) -> None:
        """Let other users read what the cache has below `root`, whatever the umask: a container reads it as one.

        Only there: what lies elsewhere is the user's own.
        """
        if not root.is_relative_to(self._project.cache):
            return
        for path in (root, *root.iterdir()):
            if path in self._opened or path.is_symlink():
                continue
            self._opened.add(path)
            if path == root:
                root.chmod(0o755)
            elif path.is_dir() and path.name != STAGING:
                set_modes(path, 0o755, 0o644, linked=True)  # the other names are the cache's too

    def _settings(self, image: LockedImage, lease: Lease, memory_bytes: int, user: str) -> dict[str, Any]:
        """The isolation of every container that we start."""
        cores = max(1, len(lease.cores))
        # Compiled GPU kernels are loaded from the home folder; nothing else has to be executed there.
        execute = "exec" if lease.gpus else "noexec"
        return {
            "image": image.image_id,
            "user": user,
            "network_mode": "none",
            "read_only": True,
            "tmpfs": {"/tmp": f"rw,nosuid,nodev,{execute},mode=1777,size={TMP_BYTES}"},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "mem_limit": memory_bytes,
            "memswap_limit": memory_bytes,
            "pids_limit": PIDS_LIMIT,
            "shm_size": SHM_BYTES,
            "nano_cpus": cores * 1_000_000_000,
            "cpuset_cpus": self._cpuset(lease),
            "device_requests": self._devices(lease),
            "ulimits": [Ulimit(name="core", soft=0, hard=0)],
            "init": True,
            "environment": {"HOME": "/tmp", **run_environment(lease, image.digest)},
            "labels": dict(self._session.labels),
            "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "20m", "max-file": "1"}),
        }

    def _user(self, out: Path) -> str:
        """`uid:gid`, as the container has them, by which `out` can be written."""
        return run_user(out)

    def _devices(self, lease: Lease) -> list[DeviceRequest] | None:
        return [DeviceRequest(device_ids=list(lease.gpus), capabilities=[["gpu"]])] if lease.gpus else None

    def _cpuset(self, lease: Lease) -> str | None:
        """The leased cores by number, where the engine has such cores (in a virtual machine it may not)."""
        count = int(self._client.info()["NCPU"])
        return ",".join(map(str, lease.cores)) if lease.cores and max(lease.cores) < count else None

    def _started(
        self, command: list[str], before: Callable[[str], None] = lambda container: None, **settings: Any
    ) -> DockerProcess:
        container = None
        try:
            container = self._client.containers.create(command=command, **settings)
            before(container.id or "")
            container.start()
        except (DockerException, requests.RequestException) as error:
            if container is not None:
                container.remove(force=True)
            raise EngineError(_explain(error)) from None
        return DockerProcess(container.id or "", self._address, self.tells_oom)

    def _ask(self, backend: str, digest: str) -> str:
        image = require_locked(self._project, self._client, backend, digest)
        settings = self._settings(image, Lease((), ()), _DESCRIBE_BYTES, f"{UNPRIVILEGED}:{UNPRIVILEGED}")
        settings["labels"][RUN_LABEL] = "describe"
        process = self._started(["describe"], **settings)
        ended = process.wait_for(_DESCRIBE_SECONDS)
        if ended is None:
            process.stop(0)
            raise ImageError(f"backend '{backend}': 'describe' did not end within {_DESCRIBE_SECONDS} seconds")
        if ended.code != 0:
            raise ImageError(f"backend '{backend}': 'describe' ended with exit code {ended.code}:\n{ended.log[-2000:]}")
        return process.output


class DockerProcess:
    """A started container.  One thread waits for its end, collects what is left of it, and removes it."""

    def __init__(self, container: str, address: str | None = None, tells_oom: bool = True) -> None:
        self.container = container
        self._address = address
        self._tells_oom = tells_oom
        self._stopped = False
        self.output = ""  # standard output alone, once it has ended
        self._ended = threading.Event()
        self._exit = Exit(_KILLED, False, "")
        self._client = connect(address)
        threading.Thread(target=self._watch, name=f"container-{container[:12]}", daemon=True).start()

    def poll(self) -> Exit | None:
        return self._exit if self._ended.is_set() else None

    def wait(self) -> Exit:
        self._ended.wait()
        return self._exit

    def wait_for(self, seconds: float) -> Exit | None:
        self._ended.wait(seconds)
        return self.poll()

    def stop(self, grace_seconds: float) -> None:
        if self._ended.is_set():
            return
        self._stopped = True
        try:
            # A client of its own: the watching one is held by its wait.
            client = connect(self._address)
            try:
                client.api.stop(self.container, timeout=max(0, round(grace_seconds)))
            finally:
                client.close()
        except NotFound:
            pass
        except APIError as error:
            if error.status_code not in (304, 404, 409):  # stopped, gone, or being removed
                raise EngineError(f"container {self.container[:12]} could not be stopped: {error}") from None
        self._ended.wait(timeout=30)

    def _watch(self) -> None:
        try:
            self._client.api.wait(self.container, timeout=None)
            state = self._client.api.inspect_container(self.container)["State"]
            log = self._client.api.logs(self.container, stdout=True, stderr=True)
            self.output = self._client.api.logs(self.container, stdout=True, stderr=False).decode(errors="replace")
            code, oom = int(state["ExitCode"]), bool(state["OOMKilled"])
            perhaps = code == _KILLED and not (oom or self._tells_oom or self._stopped)
            self._exit = Exit(code, oom, log.decode(errors="replace"), perhaps)
            self._client.api.remove_container(self.container, v=True, force=True)
        except (DockerException, requests.RequestException, OSError) as error:
            if self._exit.log == "":
                self._exit = Exit(_KILLED, False, f"the connection to the container engine was lost: {error}")
        finally:
            self._ended.set()
            self._client.close()


def _explain(error: Exception) -> str:
    text = str(getattr(error, "explanation", None) or error)
    if "could not select device driver" in text or "nvidia-container" in text:
        return (
            f"the container engine cannot hand out GPUs ({text}): install the NVIDIA container toolkit and restart the "
            "engine, or use '--runtime venv' or '--device cpu'"
        )
    if "no space left" in text:
        return f"no space left for a container ({text}): 'docker system df' shows what holds it"
    return f"the container engine could not start the run: {text}"
