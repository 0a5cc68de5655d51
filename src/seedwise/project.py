"""Where things lie: the checkout, the state of this checkout, the cache of this machine, the user's own data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from seedwise.errors import InputError

BUILD_DEFINITION = Path("docker/images.yaml")


@dataclass(frozen=True, slots=True)
class Project:
    """The folders of one project; no file is read or made by making one.

    `root` holds `docker/images.yaml`, backends and benchmarks; `home` what this checkout has produced (runs, MLflow,
    reports, images.lock of local builds); `cache` what can be fetched or built again (assets, wheels, environments);
    `data_root` is the user's own folder of data sets and models, or None.
    """

    root: Path
    home: Path
    cache: Path
    data_root: Path | None

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def mlflow(self) -> Path:
        return self.home / "mlflow"


def find_project(start: Path) -> Project:
    """The project around `start` (a file or folder): the nearest folder upwards that holds `docker/images.yaml`.

    `SEEDWISE_HOME`, `SEEDWISE_CACHE` and `SEEDWISE_DATA` replace the default folders.
    """
    start = start.resolve()
    for folder in [start, *start.parents]:
        if (folder / BUILD_DEFINITION).is_file():
            data = os.environ.get("SEEDWISE_DATA")
            return Project(
                root=folder,
                home=_folder("SEEDWISE_HOME", folder / ".seedwise"),
                cache=_folder("SEEDWISE_CACHE", platformdirs.user_cache_path("seedwise")),
                data_root=Path(data).resolve() if data else None,
            )
    raise InputError(
        f"{start}: no Seedwise project here: neither this folder nor one above it holds {BUILD_DEFINITION}. "
        "Run inside a checkout."
    )


def _folder(variable: str, default: Path) -> Path:
    """A folder, or where one can be made; `InputError` names the variable where neither can be."""
    given = os.environ.get(variable)
    path = Path(given or default)
    problem = None
    try:
        path = path.resolve()
        there = next(place for place in (path, *path.parents) if os.path.lexists(place))
        if not there.is_dir():
            problem = f"{there} is no folder"
        elif any(path.is_relative_to(system) for system in ("/proc", "/sys", "/dev/fd")):
            problem = "files cannot be kept there"
        elif max(len(part.encode()) for part in path.parts) > 255 or len(str(path).encode()) > 3000:
            problem = "the path is too long"
    except (OSError, ValueError, RuntimeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    if problem is None:
        return path
    shown = "".join(letter if letter.isprintable() else "?" for letter in str(path))[:200]
    raise InputError(
        f"{variable} is {shown}: {problem}; set it to a folder that can be written, or unset it"
        if given
        else f"{shown}: {problem}; set {variable} to a folder that can be written"
    )
