"""Isolated Python environments from the same lock files as the images, for machines without a container engine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock

from seedwise.errors import ImageError, NoImage
from seedwise.images.sources import Sources
from seedwise.images.wheels import Target, archives, wheelhouse
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.temporary import staging_beside
from seedwise_contract import canonical_json
from seedwise_contract.files import write_json

_MARKER = ".complete"
_OLDEST_GLIBC = "2.28"
_TAIL_LINES = 15
_COMPILE = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
_DROPPED = ("PYTHON", "PIP_", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Interpreter:
    path: str
    version: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a backend's environment and the copy of its sources lie; they may not be there yet."""

    environment: Path
    packages: Path
    digest: str

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def ready(self) -> bool:
        return (self.environment / _MARKER).is_file() and self.packages.is_dir()


def place_of(project: Project, sources: Sources) -> Place:
    """Where the environment of the present sources belongs, and its digest over lock, sources and interpreter."""
    interpreter = interpreter_for(sources.python)
    inputs = [sources.wheels_digest, interpreter.version, sys.platform, platform.machine()]
    environment = hashlib.sha256(canonical_json([*inputs, interpreter.path]).encode()).hexdigest()
    digest = hashlib.sha256(canonical_json([*inputs, sources.digest]).encode()).hexdigest()
    return Place(
        environment=project.cache / "envs" / environment[:20],
        packages=project.cache / "packages" / sources.packages_digest[:20],
        digest=f"venv:sha256:{digest}",
    )


def build_environment(project: Project, sources: Sources, say: Notify) -> Place:
    """The environment of the present sources, built where it is not there."""
    locks = project.cache / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    # Two harnesses never build at once.
    with FileLock(locks / "environments.lock"), sources.frozen() as sources:
        place = place_of(project, sources)
        if not (place.environment / _MARKER).is_file():
            _install(project, sources, place, say)
        if not place.packages.is_dir():
            _snapshot(sources, place)
    return place


@cache
def interpreter_for(version: str) -> Interpreter:
    """A CPython `version` (such as '3.11'): the harness's own, the one on the PATH, or one that uv has or fetches.

    `NoImage` where there is none of them.
    """
    if "{}.{}".format(*sys.version_info[:2]) == version:
        return Interpreter(os.path.realpath(sys.executable), platform.python_version())
    name = f"python{version}"
    found = _asked(shutil.which(name), version)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is None and uv is not None:
        found = _asked(_told_by(uv, "find", version), version)
        if found is None and _told_by(uv, "install", version) is not None:
            found = _asked(_told_by(uv, "find", version), version)
    if found is not None:
        return found
    fetched = "uv has none and could fetch none" if uv else "uv, which could fetch one, is not here"
    raise NoImage(
        f"Python {version} is needed for the environments of backends; there is no '{name}' here (the harness runs on "
        f"{platform.python_version()}), and {fetched}: install {name}{'' if uv else ' or uv'}, or run with a container engine"
    )


def _asked(program: str | None, version: str) -> Interpreter | None:
    """What `program` says of itself; None where it does not run, or is of another version."""
    if program is None:
        return None
    code = "import platform, sys; print(platform.python_version(), sys.executable)"
    answer = subprocess.run([program, "-I", "-c", code], capture_output=True, text=True, check=False)
    full, _, path = answer.stdout.strip().partition(" ")
    if answer.returncode != 0 or not full.startswith(version + "."):
        return None
    return Interpreter(os.path.realpath(path), full)


def _told_by(uv: str, verb: str, version: str) -> str | None:
    """What `uv python find` or `uv python install` prints; None where it fails."""
    command = [uv, "python", verb, "--no-config", version]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return answer.stdout.strip() if answer.returncode == 0 else None


def _install(project: Project, sources: Sources, place: Place, say: Notify) -> None:
    target = Target(sources.python, platform.machine(), _OLDEST_GLIBC)
    if sys.platform != "linux":
        raise NoImage("environments are built on Linux only; use '--runtime docker' here")
    wheels = wheelhouse(project, sources, target, say)
    what = f"{sources.backend} ({sources.flavour}): environment"
    say(f"{what}: installing")
    shutil.rmtree(place.environment, ignore_errors=True)
    place.environment.parent.mkdir(parents=True, exist_ok=True)
    base = interpreter_for(sources.python).path
    _do(what, [base, "-m", "venv", "--without-pip", str(place.environment)])
    pip = next(wheels.glob("pip-*.whl")) / "pip"
    install = [str(place.python), str(pip), "install", "--isolated", "--no-index", "--find-links", str(wheels)]
    install += ["--no-deps", "--require-hashes", "--no-compile", "--no-cache-dir", "--disable-pip-version-check"]
    if any(path.name.endswith(".tar.gz") for path in archives(wheels)):
        with tempfile.TemporaryDirectory(prefix="seedwise-tools-") as tools:
            _do(what, [*install, "--target", tools, "-r", str(sources.build_lock)])
            building = [*install, "--ignore-installed", "--no-build-isolation", "-r", str(sources.lock)]
            _do(what, building, _pure(Path(tools)))
    else:
        _do(what, [*install, "-r", str(sources.lock)])
    say(f"{what}: compiling")
    # Python files of other versions in a package do not compile; they are never imported either.
    with contextlib.suppress(ImageError):
        _do(what, [str(place.python), *_COMPILE, "-j", "0", str(place.environment / "lib")])
    write_json(place.environment / _MARKER, {"lock": sources.lock_name, "wheels": sources.wheels_digest})


def _snapshot(sources: Sources, place: Place) -> None:
    """A copy of the package sources: a run in progress does not see edits."""
    place.packages.parent.mkdir(parents=True, exist_ok=True)
    with staging_beside(place.packages) as staging:
        sources.copy_packages(staging)
        _do(sources.backend, [str(place.python), *_COMPILE, str(staging)])
        staging.rename(place.packages)


def _pure(tools: Path) -> dict[str, str]:
    """Variables by which sdists are built with the pinned tools in the folder `tools`, as docker/environment.Dockerfile does.

    No compiler: READTHEDOCS is the switch of fairseq's own setup.py that leaves its optional compiled parts out.  Times in
    the wheel are fixed, so that equal sources give equal wheels.
    """
    return {"PYTHONPATH": str(tools), "READTHEDOCS": "1", "SOURCE_DATE_EPOCH": "315532800"}


def _do(what: str, command: list[str], more: Mapping[str, str] | None = None) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)} | dict(more or {})
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=clean)
    if answer.returncode != 0:
        tail = "\n".join(f"    {line}" for line in (answer.stdout + answer.stderr).strip().splitlines()[-_TAIL_LINES:])
        raise ImageError(f"{what}: '{' '.join(command[:4])} …' ended with exit code {answer.returncode}:\n{tail}")
