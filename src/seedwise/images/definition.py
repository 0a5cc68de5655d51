"""The build definition, `docker/images.yaml`: bases, backends, flavours, and what each is made from."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, PrivateAttr, Tag, field_validator, model_validator

import seedwise_contract
from seedwise.errors import ImageError, InputError
from seedwise.project import BUILD_DEFINITION, Project, find_project
from seedwise.study.yamlfile import read_yaml, validated
from seedwise_contract.base import ContractModel

NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PythonVersion = Annotated[str, Field(pattern=r"^3\.[0-9]+$", description='such as "3.11", in quotes')]


_FLAVOURS: tuple[Literal["cpu", "cuda"], ...] = ("cpu", "cuda")
CONTRACT_PACKAGE = "backends/contract/src/seedwise_contract"
_USUAL_BASE = "python:3.11-slim-bookworm"


def _below_root(path: str) -> str:
    if not path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError("must be a path below the checkout: no leading '/', no '..'")
    return path


ProjectPath = Annotated[str, Field(description="path below the checkout")]


class Base(ContractModel):
    reference: str = Field(min_length=1, description="image to start from where a registry answers")
    local: str | None = Field(default=None, description="image to start from where none does")
    python: PythonVersion
    glibc: Annotated[str, Field(pattern=r"^2\.[0-9]+$", description="newest manylinux wheels that the base can load")]


class FlavourBuild(ContractModel):
    lock: ProjectPath

    _lock = field_validator("lock")(_below_root)


class _Placed(ContractModel):
    """A backend's paths are below the suite, or, of one that a project has itself, below its own folder."""

    _folder: Path | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path | None:
        return self._folder

    def placed(self, folder: Path) -> Self:
        self._folder = folder
        return self

    def root(self, project: Project) -> Path:
        return self._folder or project.suite


class PackageBackend(_Placed):
    """A Python module with its sources, built into an image or an environment."""

    kind: Literal["package"] = "package"
    module: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")]
    base: str
    packages: Annotated[list[ProjectPath], Field(min_length=1)]
    installer: ProjectPath = Field(
        default="docker/build.lock",
        description="lock of the pip that installs its lock files, and of what builds sdists where they name some",
    )
    flavours: Annotated[dict[Literal["cpu", "cuda"], FlavourBuild], Field(min_length=1)]

    _installer = field_validator("installer")(_below_root)

    @field_validator("packages")
    @classmethod
    def _paths(cls, paths: list[str]) -> list[str]:
        names = [Path(_below_root(path)).name for path in paths]
        if len(set(names)) != len(names):
            raise ValueError("two packages have the same name")
        return paths

    @field_validator("flavours")
    @classmethod
    def _cpu(cls, flavours: dict[str, FlavourBuild]) -> dict[str, FlavourBuild]:
        if "cpu" not in flavours:
            raise ValueError("every backend has the flavour 'cpu'")
        return flavours

    def flavour(self, wanted: str) -> Literal["cpu", "cuda"]:
        """`wanted` where the backend has it, else 'cpu'."""
        return "cuda" if wanted == "cuda" and "cuda" in self.flavours else "cpu"


class DockerfileBackend(_Placed):
    """A folder with a Dockerfile of its own, in any language; its image answers the run contract's verbs."""

    kind: Literal["dockerfile"]
    dockerfile: str = "Dockerfile"


class CommandBackend(_Placed):
    """A program that obeys the run contract, run as it stands by the harness's own Python: for tests."""

    kind: Literal["command"]
    command: Annotated[list[str], Field(min_length=2, description="['python', script below the checkout, …]")]

    @field_validator("command")
    @classmethod
    def _python(cls, command: list[str]) -> list[str]:
        if command[0] != "python":
            raise ValueError("the first word must be 'python': the harness's own interpreter")
        _below_root(command[1])
        return command


class OwnCommand(ContractModel):
    """`backend.yaml` of a project's own backend: a program that obeys the run contract, run as it stands."""

    command: Annotated[
        list[str],
        Field(min_length=1, description="a program ('python': the harness's own), then files of the folder, …"),
    ]


def _kind(value: Any) -> str:
    return str(value.get("kind", "package")) if isinstance(value, dict) else str(getattr(value, "kind", "package"))


Backend = Annotated[
    Annotated[PackageBackend, Tag("package")]
    | Annotated[CommandBackend, Tag("command")]
    | Annotated[DockerfileBackend, Tag("dockerfile")],
    Discriminator(_kind),
]


class BuildDefinition(ContractModel):
    version: Literal[1]
    bases: dict[Name, Base]
    backends: Annotated[dict[Name, Backend], Field(min_length=1)]

    @model_validator(mode="after")
    def _bases_known(self) -> BuildDefinition:
        for name, backend in self.backends.items():
            if isinstance(backend, PackageBackend) and backend.base not in self.bases:
                known = ", ".join(self.bases) or "none"
                raise ValueError(f'backends.{name}.base: found "{backend.base}"; the bases declared are: {known}')
        return self

    def backend(self, name: str) -> PackageBackend | CommandBackend | DockerfileBackend:
        """`ImageError` where no backend has this name."""
        try:
            return self.backends[name]
        except KeyError:
            raise ImageError(
                f"backend '{name}' is not in {BUILD_DEFINITION} or among a project's own; it has: {', '.join(self.backends)}"
            ) from None


def load_definition(project: Project) -> BuildDefinition:
    """The suite's definition and the project's own backends; `InputError` lists every fault."""
    path = project.suite / BUILD_DEFINITION
    definition = validated(BuildDefinition, read_yaml(path), path)
    if project.own_backends is None:
        return definition
    own = own_backends(project.own_backends, definition)
    return definition.model_copy(update={"backends": {**definition.backends, **own}})


def own_backends(
    folder: Path, definition: BuildDefinition
) -> dict[str, PackageBackend | CommandBackend | DockerfileBackend]:
    """The backends in `folder`, one a subfolder that is called as the backend is.

    A subfolder holds `backend.yaml` (`command: [program, file, …]`), or a lock (`cpu.lock`, and `cuda.lock`) beside `src/` with
    one Python package, or a Dockerfile.  Others are somebody else's business.
    """
    found: dict[str, PackageBackend | CommandBackend | DockerfileBackend] = {}
    for place in sorted(folder.iterdir() if folder.is_dir() else ()):
        backend = _own(place, definition)
        if backend is None:
            continue
        if place.name in definition.backends:
            raise InputError(f"{place}: the suite has a backend '{place.name}'; call yours by another name")
        found[place.name] = backend.placed(place)
    return found


def _own(place: Path, definition: BuildDefinition) -> PackageBackend | CommandBackend | DockerfileBackend | None:
    if not place.is_dir() or not re.fullmatch(NAME_PATTERN, place.name):
        return None
    if (place / "backend.yaml").is_file():
        told = validated(OwnCommand, read_yaml(place / "backend.yaml"), place / "backend.yaml")
        return CommandBackend.model_construct(kind="command", command=told.command)
    if (place / "cpu.lock").is_file():
        packages = sorted(path.parent for path in place.glob("src/*/__main__.py"))
        if len(packages) != 1:
            raise InputError(
                f"{place}: beside cpu.lock, src/ must hold one Python package with a __main__.py; it has {len(packages)}"
            )
        return PackageBackend(
            module=packages[0].name,
            base=next(iter(definition.bases)),
            packages=[f"src/{packages[0].name}"],
            flavours={
                name: FlavourBuild(lock=f"{name}.lock") for name in _FLAVOURS if (place / f"{name}.lock").is_file()
            },
        )
    return DockerfileBackend(kind="dockerfile") if (place / "Dockerfile").is_file() else None


def package_folder(root: Path, package: str) -> Path:
    """The folder of a backend's package below `root`; of the contract, which an installed suite has as a package alone, that."""
    folder = root / package
    if package == CONTRACT_PACKAGE and not folder.is_dir():
        return Path(seedwise_contract.__file__).parent
    return folder


def require_sources(
    project: Project, name: str, backend: PackageBackend | CommandBackend | DockerfileBackend, flavour: str
) -> None:
    """`InputError` where a file or folder that `backend` names is not there."""
    root = backend.root(project)
    if isinstance(backend, CommandBackend):
        needed = {f"backends.{name}.command.1": (backend.command[1], Path.is_file)} if backend.folder is None else {}
    elif isinstance(backend, DockerfileBackend):
        needed = {}
    else:
        lock = backend.flavours[backend.flavour(flavour)].lock
        needed = {f"backends.{name}.flavours.{backend.flavour(flavour)}.lock": (lock, Path.is_file)}
        needed |= {f"backends.{name}.packages.{i}": (path, Path.is_dir) for i, path in enumerate(backend.packages)}
    faults = [
        f'{project.suite / BUILD_DEFINITION}: {field}: found "{path}"; there is no such '
        f"{'file' if test is Path.is_file else 'folder'} below {root}: correct the path, or restore it"
        for field, (path, test) in needed.items()
        if not test(package_folder(root, path))
    ]
    if faults:
        raise InputError("\n".join(faults))


def base_variable(name: str) -> str:
    """The environment variable that replaces the base `name`: python-3.11 → SEEDWISE_BASE_PYTHON_3_11."""
    return "SEEDWISE_BASE_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def official_base() -> str:
    """The base image that builds ask a registry for, by the definition of the checkout around the working directory."""
    try:
        name, base = next(iter(load_definition(find_project(Path.cwd())).bases.items()))
    except (InputError, StopIteration):
        return _USUAL_BASE
    return base_override(name) or base.reference


def base_override(name: str) -> str | None:
    return os.environ.get(base_variable(name)) or None
