"""A small checkout with one packaged backend, and an engine that exists only in memory."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from seedwise.project import Project

DEFINITION = """\
version: 1
bases:
  python-3.11: {reference: "python:3.11-slim-bookworm", local: "seedwise-base:debian-bookworm", python: "3.11", glibc: "2.36"}
backends:
  toy:
    module: toy
    base: python-3.11
    packages: [packages/toy]
    flavours: {cpu: {lock: toy.lock}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("SEEDWISE_BASE_PYTHON_3_11", raising=False)
    root = tmp_path / "project"
    (root / "docker").mkdir(parents=True)
    (root / "packages" / "toy").mkdir(parents=True)
    (root / "packages" / "toy" / "__main__.py").write_text("print('toy')\n")
    (root / "toy.lock").write_text("# nothing\n")
    for name in ("build.lock", "environment.Dockerfile", "backend.Dockerfile"):
        (root / "docker" / name).write_text(f"# {name}\n")
    (root / "docker" / "images.yaml").write_text(DEFINITION)
    return Project(root=root, home=tmp_path / "home", cache=tmp_path / "cache", data_root=None)


class FakeEngine:
    """Images by any of their names; a registry that has nothing unless told."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.images = SimpleNamespace(get=self._get)

    def add(
        self, names: list[str], *, number: int, layers: int = 1, repo_digests: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        attributes = {
            "Id": f"sha256:{number:064x}",
            "RootFS": {"Layers": [f"sha256:{layer:064x}" for layer in range(1, layers + 1)]},
            "Config": {"Env": ["PATH=/bin"], "User": "10001:10001", "Labels": {"when": str(number)}},
            "RepoDigests": list(repo_digests),
        }
        for name in [*names, attributes["Id"]]:
            self.known[str(name)] = attributes
        return attributes

    def _get(self, name: str) -> Any:
        if name not in self.known:
            raise ImageNotFound(name)
        return SimpleNamespace(attrs=self.known[name])


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Pulling anything fails, as where no registry can be reached."""

    def refuse(reference: str) -> None:
        raise APIError("lookup registry: no such host")

    offline = SimpleNamespace(images=SimpleNamespace(get_registry_data=refuse), close=lambda: None)
    monkeypatch.setattr("seedwise.images.registry.docker.from_env", lambda timeout: offline)
    return FakeEngine()
