"""A project's folders as text that can travel, for hosts that share them on the same paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedwise.project import Project
from seedwise_contract.base import ContractModel


class ProjectFolders(ContractModel):
    root: str
    home: str
    cache: str
    data_root: str | None

    @property
    def project(self) -> Project:
        data = Path(self.data_root) if self.data_root is not None else None
        return Project(Path(self.root), Path(self.home), Path(self.cache), data)


def folders_of(project: Project) -> dict[str, Any]:
    """The fields of `ProjectFolders`."""
    return {
        "root": str(project.root),
        "home": str(project.home),
        "cache": str(project.cache),
        "data_root": str(project.data_root) if project.data_root is not None else None,
    }
