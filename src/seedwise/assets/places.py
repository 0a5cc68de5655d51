"""Where prepared assets lie, as they are mounted."""

from __future__ import annotations

from pathlib import Path

from seedwise.project import Project


def data_root(project: Project) -> Path:
    """Mounted as /data."""
    return project.cache / "data"


def models_root(project: Project) -> Path:
    """Mounted as /models."""
    return project.cache / "models"
