"""Build hook of the wheel: what backends are built from goes along as data, below `seedwise/suite`, at the paths of the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDERS = ("backends", "docker")
_CONTRACT = "backends/contract/src"
_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


class SuiteHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # the checkout itself is there
            return
        root = Path(self.root)
        for folder in _FOLDERS:
            for path in sorted((root / folder).rglob("*")):
                if path.is_relative_to(root / _CONTRACT):  # in the wheel as a package already
                    continue
                if path.is_file() and not _LEFT_OUT & set(path.parts) and path.suffix not in (".pyc", ".pyo"):
                    name = path.relative_to(root).as_posix()
                    build_data["force_include"][str(path)] = f"seedwise/suite/{name}"
