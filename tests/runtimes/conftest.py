"""A project whose only backend is the probe: our Dockerfiles, no packages, as command, image and environment."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound

import docker
from seedwise.errors import NoImage
from seedwise.images.engine import answers
from seedwise.project import Project, find_project
from seedwise.runtimes.base import Launch, Lease, Runtime
from seedwise.runtimes.docker import DockerRuntime

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).parent / "probe"
BASE = "seedwise-base:debian-bookworm"
DEFINITION = """
version: 1
bases:
  python-3.11: {reference: "%s", local: "%s", python: "3.11", glibc: "2.36"}
backends:
  probe:
    module: probe
    base: python-3.11
    packages: [probe]
    flavours: {cpu: {lock: empty.lock}}
  script: {kind: command, command: [python, probe/__main__.py]}
"""


@dataclass(frozen=True)
class Bench:
    """A project, and a short way to launch the probe in it."""

    project: Project
    say: Callable[[str], None]

    def launch(
        self, runtime: Runtime, do: str, *, backend: str = "probe", memory: int = 256 << 20, lease: Lease | None = None
    ) -> Launch:
        try:
            digest = runtime.prepare([backend], self.say)[backend]
        except NoImage as error:
            pytest.skip(f"its environment cannot be had here: {error}")
        number = len(list(self.project.runs.glob("*"))) if self.project.runs.is_dir() else 0
        out = self.project.runs / f"{do}-{number}"
        out.mkdir(parents=True)
        (out / "spec.json").write_text(json.dumps({"do": do}))
        return Launch(
            backend=backend,
            digest=digest,
            run_id=out.name,
            out=out,
            data=self.project.root / "data",
            models=self.project.root / "models",
            lease=lease or Lease(cores=(0,), gpus=()),
            memory_bytes=memory,
        )


def make_project(root: Path, home: Path, cache: Path, base: str = BASE) -> Project:
    (root / "docker").mkdir(parents=True)
    for name in ("environment.Dockerfile", "backend.Dockerfile", "build.lock"):
        shutil.copy(ROOT / "docker" / name, root / "docker" / name)
    shutil.copytree(PROBE, root / "probe", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "probe" / "__init__.py").touch()
    (root / "empty.lock").write_text("# nothing\n")
    (root / "docker" / "images.yaml").write_text(DEFINITION % (base, base))
    for name in ("data", "models"):
        (root / name).mkdir()
    return Project(root=find_project(root).root, home=home, cache=cache, data_root=None)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(make_project(tmp_path / "project", tmp_path / "home", tmp_path / "cache"), lambda line: None)


@pytest.fixture(scope="session")
def container_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Skips, and says why, where no engine answers or there is no base image to build on."""
    problem = answers()
    if problem is not None:
        pytest.skip(f"no Docker engine answers: {problem}")
    base = usable_base()
    if base is None:
        pytest.skip("no base image here: 'sudo sh docker/debian-base.sh' makes one")
    folder = tmp_path_factory.mktemp("containers")
    yield Bench(make_project(folder / "project", folder / "home", folder / "cache", base), lambda line: None)
    client = docker.from_env()
    for image in client.images.list("seedwise-probe"):
        client.images.remove(image.id, force=True)
    client.close()


@pytest.fixture
def containers(container_bench: Bench) -> Iterator[DockerRuntime]:
    runtime = DockerRuntime(container_bench.project, "cpu")
    yield runtime
    runtime.close()


def usable_base() -> str | None:
    client = docker.from_env()
    try:
        for name in (BASE, "python:3.11-slim-bookworm"):
            try:
                client.images.get(name)
            except ImageNotFound:
                continue
            return name
    finally:
        client.close()
    return None


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def assert_caged(seen: dict[str, Any]) -> dict[str, str]:
    """What the probe must find in every runtime of containers, on one core; where it could not write → why."""
    assert seen["network"] != "reached"
    assert seen["interfaces"] == ["lo"]
    assert seen["uid"] != 0
    assert seen["capabilities"] == [0, 0, 0]
    assert seen["no_new_privileges"] == 1
    writes = seen["writes"]
    assert writes.pop("/tmp/probe") == "written"
    assert all("Read-only" in answer or "Permission" in answer for answer in writes.values()), writes
    assert seen["cores"] == [0]
    return dict(writes)
