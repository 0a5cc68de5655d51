"""Apptainer for real, as an ordinary user: an image that Docker built, by the same digest, in its own cage; skipped where it is not."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedwise.errors import EngineError, ImageError
from seedwise.images.archive import read_archive
from seedwise.runtimes.apptainer import ApptainerRuntime, _mount
from tests.runtimes.conftest import Bench, assert_caged, until
from tests.runtimes.user import User, ordinary_user


@pytest.fixture(scope="module")
def user(container_bench: Bench) -> Iterator[User]:
    with ordinary_user(container_bench, "sw-apptainer", "apptainer") as found:
        yield found


@pytest.mark.docker
@pytest.mark.minutes
def test_the_probe_by_the_same_digest_in_a_cage_of_its_own(user: User) -> None:
    found = user.answers("apptainer", "look", "hoard", "save")
    assert found["digest"] == user.image.digest
    assert found["look"]["code"] == 0, found
    seen = json.loads(found["look"]["seen.json"])
    assert_caged(seen)
    assert seen["variables"]["HOME"] == "/tmp"
    assert "SEEDWISE_NODE_LOCAL" not in seen["variables"], "nothing of the user's own"
    assert "MemoryError" in found["hoard"]["log"], "each process is limited"
    assert found["save"]["code"] == 143
    assert found["save"]["state"] == "saved"
    noted = json.loads(next((user.folder / "cache" / "sif").glob("*.json")).read_text())
    assert noted["digest"] == user.image.digest


@pytest.mark.docker
@pytest.mark.minutes
def test_a_file_that_was_changed_is_made_anew(user: User) -> None:
    user.answers("apptainer")
    (sif,) = (user.folder / "cache" / "sif").glob("*.sif")
    with sif.open("ab") as file:
        file.write(b"changed")
    assert user.answers("apptainer", "look")["look"]["code"] == 0
    assert not sif.read_bytes().endswith(b"changed")


@pytest.mark.docker
@pytest.mark.minutes
def test_a_backend_stays_up_for_the_runs_that_follow(user: User) -> None:
    found = user.answers("apptainer", "warm:look", "warm:save", "warm:look")
    assert found["notes"] == [], "no run had to be started cold"
    assert found["warm:look"]["code"] == 0
    seen = json.loads(found["warm:look"]["seen.json"])
    assert_caged(seen)
    assert (found["warm:save"]["code"], found["warm:save"]["state"]) == (143, "saved")
    assert processes_of(user) == []


@pytest.mark.docker
@pytest.mark.minutes
@pytest.mark.parametrize("do", ["stubborn", "warm:stubborn"])
def test_a_harness_that_is_killed_leaves_no_process(user: User, do: str) -> None:
    runs = user.folder / "home" / "runs"
    before = set(runs.rglob("started"))
    harness = subprocess.Popen(user.asks("apptainer", do), env=user.environment, cwd=user.folder)
    try:
        until(lambda: set(runs.rglob("started")) > before, 120)
        assert any("probe" in line for line in processes_of(user)), "the backend runs"
    finally:
        harness.kill()
        harness.wait()
    until(lambda: processes_of(user) == [], 20)


def processes_of(user: User) -> list[str]:
    """Those that run: what has ended stays listed until the first process of the machine takes note of it."""
    told = subprocess.run(["ps", "-u", user.name, "-o", "stat=,args="], capture_output=True, text=True)
    return [line for line in told.stdout.splitlines() if not line.startswith("Z")]


def test_without_the_program_or_as_root_it_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(EngineError, match="no program apptainer here"):
        ApptainerRuntime(bench.project, "cpu")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("os.getuid", lambda: 0)
    with pytest.raises(EngineError, match="call it as a user"):
        ApptainerRuntime(bench.project, "cpu")


def test_an_image_that_is_nowhere_is_told_with_what_to_do(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("os.getuid", lambda: 1000)
    runtime = ApptainerRuntime(bench.project, "cpu")
    assert runtime.digest("probe") is None
    with pytest.raises(ImageError, match=r"no images\.lock names an image of its present sources"):
        runtime.prepare(["probe"], bench.say)
    with pytest.raises(ImageError, match="is a command, not an image"):
        runtime.prepare(["script"], bench.say)


def test_paths_with_commas_and_quotes_are_bound_whole(tmp_path: Path) -> None:
    folder = tmp_path / 'a,"b'
    folder.mkdir()
    quoted = str(folder).replace('"', '""')
    assert _mount("/data", folder, True) == f'type=bind,"source={quoted}",destination=/data,ro'


def archive(path: Path, layer: bytes, said: str) -> Path:
    """An archive of one image of one layer, which it says has the digest `said`."""
    config = json.dumps({"config": {"Entrypoint": ["/bin/sh"], "Cmd": ["-c"]}, "rootfs": {"diff_ids": [said]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "Layers": ["one/layer.tar"]}]).encode()
    with tarfile.open(path, "w") as file:
        for name, content in (("manifest.json", manifest), ("config.json", config), ("one/layer.tar", layer)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def test_archives_are_checked_layer_by_layer(tmp_path: Path) -> None:
    right = "sha256:da4b9237bacccdf19c0760cab7aec4a8359010b0"  # too short for any
    with pytest.raises(ImageError, match="not those that it names"):
        read_archive(archive(tmp_path / "other.tar", b"2", right))
    import hashlib

    known = read_archive(archive(tmp_path / "good.tar", b"2", f"sha256:{hashlib.sha256(b'2').hexdigest()}"))
    assert known.words == ("/bin/sh", "-c")
    assert known.digest.startswith("docker:sha256:")


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x00" * 10240])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="no archive of one image"):
        read_archive(path)
