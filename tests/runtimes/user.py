"""A project with the probe that an ordinary user of this machine owns, and what that user's runtime gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seedwise.images.lock import LockedImage, entries, local_path
from seedwise.project import Project
from seedwise.runtimes.docker import DockerRuntime
from tests.runtimes.conftest import ROOT, Bench


@dataclass(frozen=True)
class User:
    """`folder` is the user's own; `image` was built by Docker, and lies in the user's cache as an archive."""

    name: str
    folder: Path
    image: LockedImage
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        """`words` as this user; who may read the harness's own files, which lie with root, and nothing else more."""
        powers = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
        return ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--init-groups", *powers, *words]

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return self._called(self.command(*words), timeout)

    def _called(self, command: list[str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=timeout
        )

    def asks(self, runtime: str, *do: str) -> list[str]:
        """The call of `as_user.py` by this user."""
        places = [str(self.folder / name) for name in ("project", "home", "cache")]
        return self.command(sys.executable, str(Path(__file__).with_name("as_user.py")), runtime, *places, *do)

    def answers(self, runtime: str, *do: str) -> dict[str, Any]:
        told = self._called(self.asks(runtime, *do))
        assert told.returncode == 0, told.stderr
        return dict(json.loads(told.stdout))


@contextmanager
def ordinary_user(bench: Bench, name: str, *programs: str) -> Iterator[User]:
    """Who has the probe, built by Docker, as an archive; as `user_of`."""
    docker = DockerRuntime(bench.project, "cpu")
    digest = docker.prepare(["probe"], bench.say)["probe"]
    docker.close()
    image = next(entry for entry in entries(bench.project) if entry.digest == digest)
    with user_of(bench.project, image, name, *programs) as user:
        yield user


@contextmanager
def user_of(project: Project, image: LockedImage, name: str, *programs: str) -> Iterator[User]:
    """A user with a copy of the project, and the image as an archive; skips where this machine cannot do it.

    Of `programs`, those that the user calls give up what the harness was given to read.
    """
    for program in ("setpriv", "useradd", *programs):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here")
    if os.geteuid():
        pytest.skip("only root becomes another user")
    folder = Path(tempfile.mkdtemp(prefix="seedwise-user-"))
    subprocess.run(["useradd", "--home-dir", str(folder), "--no-create-home", "--shell", "/bin/sh", name], check=True)
    try:
        left_out = shutil.ignore_patterns(project.home.name)
        shutil.copytree(project.root, folder / "project", symlinks=True, ignore=left_out)
        (folder / "home").mkdir()
        if local_path(project).is_file():
            shutil.copy(local_path(project), folder / "home")
        archive = folder / "cache" / "images" / f"{image.digest.rpartition(':')[2]}.tar"
        archive.parent.mkdir(parents=True)
        subprocess.run(["docker", "save", "-o", str(archive), image.image_id], check=True, capture_output=True)
        (folder / "bin").mkdir()
        for program in programs:
            own = folder / "bin" / program
            own.write_text(
                f'#!/bin/sh\nexec setpriv --inh-caps=-all --ambient-caps=-all {shutil.which(program)} "$@"\n'
            )
            own.chmod(0o755)
        subprocess.run(["chown", "-R", f"{name}:{name}", str(folder)], check=True)
        (folder / "run").mkdir(mode=0o700)
        shutil.chown(folder / "run", name, name)
        settings = {
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "HOME": str(folder),
            "USER": name,
            "TMPDIR": str(folder / "run"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "SEEDWISE_NODE_LOCAL": str(folder / "run" / "local"),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
        }
        yield User(name, folder, image, settings)
    finally:
        subprocess.run(["pkill", "-KILL", "-u", name], capture_output=True)  # what a rootless engine keeps for its user
        subprocess.run(["userdel", name], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
