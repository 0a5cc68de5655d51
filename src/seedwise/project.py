"""Where things lie: the project, its state, the cache of this machine, the user's own data, and what the suite brings along.

A project is a checkout of the suite, or anybody's folder with a `seedwise.toml` (or `[tool.seedwise]` in its `pyproject.toml`).
This module is imported at every start of pytest, so that it brings nothing slow.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from seedwise.bounded import read_text, reason
from seedwise.errors import InputError

BUILD_DEFINITION = Path("docker/images.yaml")
MARKER = "seedwise.toml"
_FOLDERS = {"studies": "studies", "assets": "assets", "backends": "backends"}
_ENGINES = "engines"  # the table that engines have theirs in


@dataclass(frozen=True, slots=True)
class Project:
    """The folders of one project; no file is read or made by making one.

    `root` is the project's own folder; `home` what it has produced (runs, MLflow, reports, images.lock of local builds);
    `cache` what can be fetched or built again (assets, wheels, environments); `data_root` is the user's own folder of
    data sets and models, or None.  `suite` holds `docker/images.yaml` and the backends that come with Seedwise: in a
    checkout that is `root`.
    """

    root: Path
    home: Path
    cache: Path
    data_root: Path | None

    @property
    def suite(self) -> Path:
        return self.root if self.is_checkout else bundled_suite()

    @property
    def is_checkout(self) -> bool:
        return (self.root / BUILD_DEFINITION).is_file() and settings_file(self.root) is None

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def mlflow(self) -> Path:
        return self.home / "mlflow"

    @property
    def studies(self) -> Path:
        """Where commands look for studies when none is named."""
        return self.root / "benchmarks" / "quick" if self.is_checkout else self.root / folders(self.root)["studies"]

    @property
    def every_study(self) -> Path:
        """Below this folder lie all studies of the project."""
        return study_folder(self.root)

    @property
    def manifests(self) -> Path:
        """Where the project's own manifests of data sets and models are."""
        return manifest_folder(self.root)

    @property
    def own_backends(self) -> Path | None:
        """Where the project's own backends are; None in a checkout, whose `docker/images.yaml` names them all."""
        return None if self.is_checkout else self.root / folders(self.root)["backends"]


def bundled_suite() -> Path:
    """The files of the suite itself: data of the installed package, or the checkout that it is installed from."""
    package = Path(__file__).parent
    for folder in (package / "suite", package.parents[1]):
        if (folder / BUILD_DEFINITION).is_file():
            return folder
    raise InputError(f"{package}: the installation holds no backends ({BUILD_DEFINITION}); install Seedwise again")


def find_root(start: Path) -> Path | None:
    """The root of the project around `start` (a file or folder), or None: the nearest folder upwards that is marked."""
    start = start.resolve()
    for folder in [start, *start.parents]:
        if (folder / BUILD_DEFINITION).is_file() or settings_file(folder) is not None:
            return folder
    return None


def find_project(start: Path) -> Project:
    """The project around `start`; `InputError` where there is none.

    `SEEDWISE_HOME`, `SEEDWISE_CACHE` and `SEEDWISE_DATA` replace the default folders.
    """
    root = find_root(start)
    if root is None:
        raise InputError(
            f"{start.resolve()}: no Seedwise project here: neither this folder nor one above it holds {MARKER}. "
            "'seedwise init' makes one of this folder; or run inside a checkout of Seedwise."
        )
    return project_at(root)


def project_at(root: Path) -> Project:
    """The project that `root` is, or would be."""
    data = os.environ.get("SEEDWISE_DATA")
    return Project(
        root=root,
        home=_folder("SEEDWISE_HOME", root / ".seedwise"),
        cache=_folder("SEEDWISE_CACHE", platformdirs.user_cache_path("seedwise")),
        data_root=Path(data).resolve() if data else None,
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


def settings_file(folder: Path) -> Path | None:
    """The file that makes a project of `folder`, where there is one."""
    if (folder / MARKER).is_file():
        return folder / MARKER
    own = folder / "pyproject.toml"
    if own.is_file():
        try:
            if "seedwise" in tomllib.loads(read_text(own)).get("tool", {}):
                return own
        except (InputError, tomllib.TOMLDecodeError, RecursionError, AttributeError, TypeError):
            return None  # whoever owns the file is told by his own tools
    return None


def folders(root: Path) -> dict[str, str]:
    """`studies`, `assets` and `backends` → folder below `root`, as the project's settings say."""
    path = settings_file(root)
    settings = _settings(path) if path else {}
    return {**_FOLDERS, **{name: value for name, value in settings.items() if name != _ENGINES}}


def engine_settings(root: Path, engine: str) -> dict[str, Any]:
    """The table `[engines.ENGINE]` of the project's settings; empty where there is none."""
    path = settings_file(root)
    found: dict[str, Any] = (_settings(path) if path else {}).get(_ENGINES, {}).get(engine, {})
    return found


def study_folder(root: Path) -> Path:
    return root / "benchmarks" if settings_file(root) is None else root / folders(root)["studies"]


def manifest_folder(root: Path) -> Path:
    if settings_file(root) is None:
        return root / "benchmarks" / "assets"
    return root / folders(root)["assets"]


def _settings(path: Path) -> dict[str, Any]:
    try:
        value: Any = tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from None
    if path.name != MARKER:
        value = value["tool"]["seedwise"]
    where = f"{path}: " if path.name == MARKER else f"{path}: tool.seedwise."
    if not isinstance(value, dict):
        raise InputError(f"{path}: tool.seedwise: found {value!r}; a table is needed")
    for name, folder in value.items():
        if name == _ENGINES:
            _refuse_no_tables(folder, f"{where}{name}")
            continue
        if name not in _FOLDERS:
            raise InputError(f"{where}{name}: is no setting; allowed are {', '.join([*_FOLDERS, _ENGINES])}")
        if not isinstance(folder, str) or not folder or Path(folder).is_absolute() or ".." in Path(folder).parts:
            raise InputError(f"{where}{name}: found {folder!r}; a folder below the project is needed")
    return value


def _refuse_no_tables(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise InputError(f"{where}: found {value!r}; a table is needed, with one for each engine: [engines.slurm]")
    for engine, settings in value.items():
        if not isinstance(settings, dict):
            raise InputError(f"{where}.{engine}: found {settings!r}; a table is needed: [engines.{engine}]")
