"""What the harness knows of the place where it runs: host and git state."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    host: str
    git_commit: str | None
    git_dirty: bool | None


def host_name() -> str:
    return platform.node() or "unknown"


def look_around(root: Path) -> Surroundings:
    """The host's name, and commit and dirty flag of the checkout at `root` (None outside git)."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain") if commit else None
    return Surroundings(host_name(), commit or None, bool(changes) if changes is not None else None)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
