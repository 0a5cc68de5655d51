"""The build definition, `docker/images.yaml`: bases, backends, flavours, and what each is made from."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from seedwise.errors import ImageError, InputError
from seedwise.project import BUILD_DEFINITION, Project, find_project
from seedwise.study.yamlfile import read_yaml, validated
from seedwise_contract.base import ContractModel

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
PythonVersion = Annotated[str, Field(pattern=r"^3\.[0-9]+$", description='such as "3.11", in quotes')]


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


class PackageBackend(ContractModel):
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


class CommandBackend(ContractModel):
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


def _kind(value: Any) -> str:
    return str(value.get("kind", "package")) if isinstance(value, dict) else str(getattr(value, "kind", "package"))


Backend = Annotated[
    Annotated[PackageBackend, Tag("package")] | Annotated[CommandBackend, Tag("command")], Discriminator(_kind)
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

    def backend(self, name: str) -> PackageBackend | CommandBackend:
        """`ImageError` where no backend has this name."""
        try:
            return self.backends[name]
        except KeyError:
            raise ImageError(
                f"backend '{name}' is not in {BUILD_DEFINITION}; it has: {', '.join(self.backends)}"
            ) from None


def load_definition(project: Project) -> BuildDefinition:
    """The checkout's definition; `InputError` lists every fault, a path that does not exist included."""
    path = project.root / BUILD_DEFINITION
    return validated(BuildDefinition, read_yaml(path), path)


def require_sources(project: Project, name: str, backend: PackageBackend | CommandBackend, flavour: str) -> None:
    """`InputError` where a file or folder that `backend` names is not in the checkout."""
    if isinstance(backend, CommandBackend):
        needed = {f"backends.{name}.command.1": (backend.command[1], Path.is_file)}
    else:
        lock = backend.flavours[backend.flavour(flavour)].lock
        needed = {f"backends.{name}.flavours.{backend.flavour(flavour)}.lock": (lock, Path.is_file)}
        needed |= {f"backends.{name}.packages.{i}": (path, Path.is_dir) for i, path in enumerate(backend.packages)}
    faults = [
        f'{project.root / BUILD_DEFINITION}: {field}: found "{path}"; there is no such '
        f"{'file' if test is Path.is_file else 'folder'} below {project.root}: correct the path, or restore it"
        for field, (path, test) in needed.items()
        if not test(project.root / path)
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
