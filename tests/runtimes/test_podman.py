"""Podman for real: an image that Docker built, by the same digest, in the same cage; skipped where there is no Podman or no Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedwise.errors import EngineError
from seedwise.images.lock import entries
from seedwise.runtimes.base import Lease
from seedwise.runtimes.docker import DockerRuntime
from seedwise.runtimes.podman import PodmanRuntime
from tests.runtimes.conftest import Bench, assert_caged, until
from tests.runtimes.podman_store import podman_with
from tests.runtimes.user import ordinary_user

pytestmark = [pytest.mark.docker, pytest.mark.minutes]


@pytest.fixture(scope="module")
def podman(container_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanRuntime]:
    """Podman with a store of its own, into which the probe's image goes as an archive, as to a host of a cluster."""
    docker = DockerRuntime(container_bench.project, "cpu")
    digest = docker.prepare(["probe"], container_bench.say)["probe"]
    docker.close()
    image = next(entry.image_id for entry in entries(container_bench.project) if entry.digest == digest)
    with pytest.MonkeyPatch.context() as patch, podman_with(tmp_path_factory.mktemp("podman"), image) as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        runtime = PodmanRuntime(container_bench.project, "cpu")
        yield runtime
        runtime.close()


def test_the_image_has_the_same_digest_as_in_docker(container_bench: Bench, podman: PodmanRuntime) -> None:
    docker = DockerRuntime(container_bench.project, "cpu")
    try:
        assert podman.digest("probe") == docker.digest("probe")
    finally:
        docker.close()


def test_the_cage_is_the_same(container_bench: Bench, podman: PodmanRuntime) -> None:
    launch = container_bench.launch(podman, "look")
    ended = podman.start(launch).wait()
    assert ended.code == 0, ended.log
    seen = json.loads((launch.out / "seen.json").read_text())
    assert_caged(seen)


def test_too_much_memory_is_told_as_perhaps_that(container_bench: Bench, podman: PodmanRuntime) -> None:
    ended = podman.start(container_bench.launch(podman, "hoard", memory=96 << 20)).wait()
    assert ended.code == 137
    assert ended.oom_killed or ended.perhaps_oom


def test_a_stop_saves_a_state_and_is_no_lack_of_memory(container_bench: Bench, podman: PodmanRuntime) -> None:
    launch = container_bench.launch(podman, "save")
    process = podman.start(launch)
    until((launch.out / "started").exists)
    process.stop(10)
    assert process.wait().code == 143
    assert (launch.out / "state").read_text() == "saved"
    launch = container_bench.launch(podman, "stubborn")
    process = podman.start(launch)
    until((launch.out / "started").exists)
    process.stop(1)
    ended = process.wait()
    assert (ended.code, ended.perhaps_oom) == (137, False)


def test_a_gpu_that_it_would_silently_not_give_is_refused(container_bench: Bench, podman: PodmanRuntime) -> None:
    with pytest.raises(EngineError, match="GPU"):
        podman.start(container_bench.launch(podman, "look", lease=Lease((0,), ("0",))))


@pytest.mark.slow
def test_an_ordinary_user_has_the_same_digest_and_cage(container_bench: Bench) -> None:
    """Rootless: root inside is the user outside, without any capability; refused where it would leave out limits."""
    with ordinary_user(container_bench, "sw-podman", "podman") as user:
        (user.folder / "containers.conf").write_text(
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        )
        user.environment["CONTAINERS_CONF"] = str(user.folder / "containers.conf")
        (archive,) = (user.folder / "cache" / "images").glob("*.tar")
        loaded = user.run("podman", "load", "-q", "-i", str(archive))
        if loaded.returncode:
            pytest.skip(f"rootless Podman does not work here: {loaded.stderr[-300:]}")
        if '"cgroupVersion": "v1"' in user.run("podman", "info", "--format", "json").stdout:
            with pytest.raises(AssertionError, match="leaves out limits of memory and cores without a word"):
                user.answers("podman")
            return
        found = user.answers("podman", "look", "hoard", "save")
        assert found["digest"] == user.image.digest
        assert found["look"]["code"] == 0, found
        seen = json.loads(found["look"]["seen.json"])
        assert seen["network"] != "reached"
        assert seen["interfaces"] == ["lo"]
        assert seen["capabilities"] == [0, 0, 0]
        assert seen["no_new_privileges"] == 1
        writes = seen["writes"]
        assert writes.pop("/tmp/probe") == "written"
        assert all("Read-only" in answer or "Permission" in answer for answer in writes.values()), writes
        assert found["hoard"]["code"] == 137
        assert found["save"]["code"] == 143
        assert found["save"]["state"] == "saved"
        assert not user.run("podman", "ps", "-aq").stdout.strip(), "nothing of it is left"


def test_an_address_where_nobody_answers_is_told(
    container_bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(EngineError, match="nobody answers"):
        PodmanRuntime(container_bench.project, "cpu")
