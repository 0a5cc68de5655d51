"""What this machine offers the suite: each check says what was found and, where it matters, what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException
from pathlib import Path

from docker.errors import DockerException

import docker
from seedwise.execution.engines.leases import usable_cores, usable_gpus
from seedwise.execution.engines.packing import IMPORTED_BYTES, Load, Machine, gib, memory_bytes, pack
from seedwise.project import Project
from seedwise.runtimes.held import told
from seedwise.secrets import masked

_TIMEOUT_SECONDS = 15
_WANTED_FREE_GIB = 10


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"  # the suite works without it, less well
    PROBLEM = "problem"  # the main job cannot be done


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    health: Health
    found: str
    advice: str = ""


def examine(project: Project) -> Iterator[Finding]:
    """Findings one by one, as they are made; a slow network makes the later ones slow, never the earlier."""
    yield _python()
    yield _cpu()
    yield _gpu()
    for folder, name in ((project.home, "disk for runs"), (project.cache, "disk for the cache")):
        yield _disk(folder, name)
    client = _client()
    yield _engine(client)
    yield _cage()
    yield _image_registry(client)
    yield _package_index()
    yield _data_root(project)
    yield _mlflow(project)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", Health.OK, version)


def _cpu() -> Finding:
    cores, memory = len(usable_cores()), memory_bytes()
    small = pack(Machine(cores, memory), Load(threads=1, run_bytes=IMPORTED_BYTES)).jobs
    return Finding(
        "cpu", Health.OK, f"{cores} usable core(s), {gib(memory)} of memory: up to {small} small run(s) at once"
    )


def _gpu() -> Finding:
    gpus = usable_gpus()
    if gpus:
        return Finding("gpu", Health.OK, f"{len(gpus)} usable ({', '.join(gpus)})")
    return Finding("gpu", Health.WARNING, "none usable", "studies run on CPU; the lab studies are meant for a GPU")


def _disk(folder: Path, name: str) -> Finding:
    there = next(path for path in [folder, *folder.parents] if path.exists())
    free = shutil.disk_usage(there).free / (1 << 30)
    text = f"{free:.0f} GiB free at {folder}"
    if not os.access(there, os.W_OK):
        return Finding(
            name, Health.PROBLEM, f"{there} is not writable", "set SEEDWISE_HOME and SEEDWISE_CACHE to writable folders"
        )
    if free < _WANTED_FREE_GIB:
        return Finding(
            name,
            Health.WARNING,
            text,
            f"{_WANTED_FREE_GIB} GiB are comfortable: images, weights and checkpoints are large",
        )
    return Finding(name, Health.OK, text)


def _client() -> docker.DockerClient | DockerException:
    try:
        client = docker.from_env(timeout=_TIMEOUT_SECONDS)
        client.ping()
        return client
    except DockerException as error:
        return error
    except (OSError, ValueError) as error:  # an address that is none
        return DockerException(str(error) or type(error).__name__)


def _words(error: Exception) -> str:
    """What an engine says went wrong, without the address that it was asked at."""
    text = getattr(error, "explanation", None) or str(error) or type(error).__name__
    return masked(text.splitlines()[0])[:160]


def _engine(client: docker.DockerClient | DockerException) -> Finding:
    if isinstance(client, DockerException):
        return Finding(
            "container engine",
            Health.WARNING,
            f"does not answer ({_words(client)})",
            "start Docker, or check DOCKER_HOST and that you may use its socket; until then backends run in virtual environments",
        )
    version = client.version()
    return Finding(
        "container engine", Health.OK, f"{version.get('Version')} on {version.get('Os')}/{version.get('Arch')}"
    )


def _cage() -> Finding:
    """What holds backends that run in environments of their own, without an engine."""
    words = told("cpu")
    if words.startswith("no cage"):
        return Finding(
            "environments", Health.WARNING, words, "run with --runtime docker what you would not run by hand"
        )
    return Finding("environments", Health.OK, words)


def _image_registry(client: docker.DockerClient | DockerException) -> Finding:
    from seedwise.images.bases import local_command
    from seedwise.images.definition import official_base

    if isinstance(client, DockerException):
        return Finding("image registry", Health.WARNING, "not asked: no engine", "")
    reference = official_base()
    try:
        client.api.inspect_distribution(reference)  # type: ignore[no-untyped-call]
    except (DockerException, OSError) as error:
        return Finding(
            "image registry",
            Health.WARNING,
            f"does not give {reference} ({_words(error)})",
            f"build a base from the distribution's packages instead: {local_command()}",
        )
    return Finding("image registry", Health.OK, f"gives {reference}")


def _package_index() -> Finding:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--quiet",
        "iniconfig",
    ]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=4 * _TIMEOUT_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(
            "package index",
            Health.WARNING,
            f"not asked: {error}",
            "pip is needed to fetch assets and to build backends",
        )
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
        return Finding(
            "package index",
            Health.PROBLEM,
            masked(last)[:160],
            "set pip's index, proxy or certificate (pip config); what is fetched and built already still works",
        )
    return Finding("package index", Health.OK, "answers pip")


def _data_root(project: Project) -> Finding:
    if project.data_root is None:
        return Finding(
            "data root",
            Health.OK,
            "SEEDWISE_DATA is not set: only assets from the package index (all that the quick studies need)",
        )
    if not project.data_root.is_dir():
        return Finding(
            "data root",
            Health.PROBLEM,
            f"SEEDWISE_DATA is {project.data_root}, which is no folder",
            "correct or unset it",
        )
    return Finding("data root", Health.OK, str(project.data_root))


def _mlflow(project: Project) -> Finding:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return Finding("mlflow", Health.OK, f"local history in {project.mlflow} (browse it: seedwise ui)")
    if not uri.startswith(("http://", "https://")):
        return Finding("mlflow", Health.OK, f"MLFLOW_TRACKING_URI is {masked(uri)}")
    try:
        with urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=_TIMEOUT_SECONDS):
            return Finding("mlflow", Health.OK, f"{masked(uri)} answers")
    except (OSError, ValueError, HTTPException) as error:
        return Finding(
            "mlflow",
            Health.PROBLEM,
            f"{masked(uri)} does not answer ({masked(str(error))})",
            "start the server, or unset MLFLOW_TRACKING_URI to keep the history local; runs are safe in the store either way",
        )
