"""What a backend is built from, and its digest: the same sources give the same digest on every machine."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from seedwise.images.definition import (
    CONTRACT_PACKAGE,
    BuildDefinition,
    CommandBackend,
    PackageBackend,
    package_folder,
    require_sources,
)
from seedwise.project import Project
from seedwise_contract import canonical_json
from seedwise_contract.files import sha256_file

ENVIRONMENT_DOCKERFILE = Path("docker/environment.Dockerfile")
BACKEND_DOCKERFILE = Path("docker/backend.Dockerfile")

_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a package: where it is, and where it goes below the packages' folder."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What decides a packaged backend of one flavour, the base image left out."""

    backend: str
    flavour: str
    module: str
    base: str
    python: str
    lock_name: str
    lock: Path
    build_lock: Path
    environment_recipe: Path
    backend_recipe: Path
    files: tuple[SourceFile, ...]

    @property
    def packages_digest(self) -> str:
        listing = "".join(f"{file.name}\0{sha256_file(file.path)}\n" for file in self.files)
        return hashlib.sha256(listing.encode()).hexdigest()

    @property
    def wheels_digest(self) -> str:
        """Of the lock file and of the installer's: what a wheelhouse and an environment hold."""
        return hashlib.sha256(self.lock.read_bytes() + b"\0" + self.build_lock.read_bytes()).hexdigest()

    @property
    def digest(self) -> str:
        """sha256 over packages, locks, module and Python version."""
        return self._over()

    @property
    def image_digest(self) -> str:
        """`digest`, and over the Dockerfiles: everything that decides an image but its base."""
        return self._over(sha256_file(self.environment_recipe), sha256_file(self.backend_recipe))

    def _over(self, *more: str) -> str:
        parts = [self.module, self.python, self.wheels_digest, self.packages_digest, *more]
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()

    def copy_packages(self, folder: Path) -> None:
        for file in self.files:
            target = folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, target)

    @contextmanager
    def frozen(self) -> Iterator[Sources]:
        """A copy that no edit reaches: a build takes minutes, and what it is recorded as must be what it was made from."""
        with tempfile.TemporaryDirectory(prefix="seedwise-sources-") as place:
            folder = Path(place)
            self.copy_packages(folder / "packages")
            files = tuple(SourceFile(folder / "packages" / file.name, file.name) for file in self.files)
            yield replace(
                self,
                lock=_copied(self.lock, folder / "requirements.lock"),
                build_lock=_copied(self.build_lock, folder / "build.lock"),
                environment_recipe=_copied(self.environment_recipe, folder / "environment.Dockerfile"),
                backend_recipe=_copied(self.backend_recipe, folder / "backend.Dockerfile"),
                files=files,
            )


def sources_of(project: Project, definition: BuildDefinition, name: str, flavour: str) -> Sources:
    """The sources of the packaged backend `name`; a backend without `flavour` gives those of 'cpu'."""
    backend = definition.backend(name)
    assert isinstance(backend, PackageBackend), f"{name} is not built"
    require_sources(project, name, backend, flavour)
    flavour = backend.flavour(flavour)
    root, suite = backend.root(project), project.suite
    packages = [package_folder(root, package) for package in backend.packages]
    recipe = suite / BACKEND_DOCKERFILE
    if backend.folder is not None:  # a project's own
        packages.append(package_folder(suite, CONTRACT_PACKAGE))
        recipe = root / "Dockerfile" if (root / "Dockerfile").is_file() else recipe
    return Sources(
        backend=name,
        flavour=flavour,
        module=backend.module,
        base=backend.base,
        python=definition.bases[backend.base].python,
        lock_name=backend.flavours[backend.flavour(flavour)].lock,
        lock=root / backend.flavours[backend.flavour(flavour)].lock,
        build_lock=suite / backend.installer,
        environment_recipe=suite / ENVIRONMENT_DOCKERFILE,
        backend_recipe=recipe,
        files=tuple(file for package in packages for file in _files(package)),
    )


def command_digest(project: Project, name: str, backend: CommandBackend) -> str:
    """sha256 over the command and over its words that are files; of a project's own backend, over its folder's files."""
    require_sources(project, name, backend, "cpu")
    if backend.folder is not None:
        return hashlib.sha256(canonical_json([backend.command, folder_digest(backend.folder)]).encode()).hexdigest()
    root = backend.root(project)
    files = {word: sha256_file(root / word) for word in backend.command[1:] if (root / word).is_file()}
    return hashlib.sha256(canonical_json([backend.command, files]).encode()).hexdigest()


def folder_digest(folder: Path) -> str:
    """sha256 over the names and contents of all files of a backend's own folder, caches left out."""
    listing = "".join(f"{file.name.partition('/')[2]}\0{sha256_file(file.path)}\n" for file in _files(folder))
    return hashlib.sha256(listing.encode()).hexdigest()


def folder_files(folder: Path) -> list[SourceFile]:
    """The files that `folder_digest` is over, by their names below `folder`."""
    return [SourceFile(file.path, file.name.partition("/")[2]) for file in _files(folder)]


def _copied(source: Path, target: Path) -> Path:
    shutil.copyfile(source, target)
    return target


def _files(package: Path) -> list[SourceFile]:
    return [
        SourceFile(path, path.relative_to(package.parent).as_posix())
        for path in sorted(package.rglob("*"))
        if path.is_file() and not _LEFT_OUT & set(path.parts) and path.suffix not in (".pyc", ".pyo")
    ]
