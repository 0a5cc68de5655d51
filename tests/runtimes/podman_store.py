"""Podman with a store of its own, into which an image goes as an archive, as to a host of a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Of test machines without systemd, or whose root is not all-powerful, as in a container.
_SETTINGS = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""


@contextmanager
def podman_with(folder: Path, image: str) -> Iterator[dict[str, str]]:
    """The environment of a Podman that has Docker's `image`; skips where there is none."""
    for program in ("podman", "runc", "catatonit"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here: apt-get install podman runc catatonit")
    (folder / "containers.conf").write_text(_SETTINGS)
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    own = {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "SEEDWISE_NODE_LOCAL": str(folder / "local"),
    }
    environment = {**os.environ, **own}
    archive = folder / "image.tar"
    subprocess.run(["docker", "save", "-o", str(archive), image], check=True, capture_output=True)
    subprocess.run(["podman", "load", "-i", str(archive)], check=True, capture_output=True, env=environment)
    archive.unlink()
    try:
        yield own
    finally:
        subprocess.run(["podman", "rmi", "--all", "--force"], capture_output=True, env=environment)
