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
                home=Path(os.environ.get("SEEDWISE_HOME") or folder / ".seedwise").resolve(),
                cache=Path(os.environ.get("SEEDWISE_CACHE") or platformdirs.user_cache_path("seedwise")).resolve(),
                data_root=Path(data).resolve() if data else None,
            )
    raise InputError(
        f"{start}: no Seedwise project here: neither this folder nor one above it holds {BUILD_DEFINITION}. "
        "Run inside a checkout."
    )
