"""The cage, tried from inside: a probe in a real container does what it should not be able to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound

import docker
from docker import DockerClient
from seedwise.errors import EngineError, ImageError
from seedwise.images.lock import entries
from seedwise.runtimes.base import Lease
from seedwise.runtimes.docker import DockerProcess, DockerRuntime
from seedwise.runtimes.ownership import OWNER_LABEL, SESSION_LABEL, Session, owner_of, sweep
from tests.runtimes.conftest import Bench, assert_caged, until

pytestmark = [pytest.mark.docker, pytest.mark.minutes]


@pytest.fixture
def client() -> Iterator[DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


def finished(bench: Bench, runtime: DockerRuntime, do: str) -> Path:
    """The output folder of a probe that did `do` and ended well."""
    launch = bench.launch(runtime, do)
    ended = runtime.start(launch).wait()
    assert ended.code == 0, ended.log
    assert f"doing {do}" in ended.log
    assert "on standard error" in ended.log
    return launch.out


def test_a_container_can_do_nothing_but_its_work(container_bench: Bench, containers: DockerRuntime) -> None:
    seen = json.loads((finished(container_bench, containers, "look") / "seen.json").read_text())
    writes = assert_caged(seen)
    assert set(writes) == {"/probe", "/opt/probe", "/data/probe", "/models/probe"}
    assert "Read-only" in writes["/data/probe"]
    assert seen["variables"]["OMP_NUM_THREADS"] == "1"
    assert seen["variables"]["HOME"] == "/tmp"
    assert seen["python"] == [3, 11]
    assert not seen["pip"], "the installer stays out of the image"


def test_what_the_engine_says_of_a_container(
    container_bench: Bench, containers: DockerRuntime, client: DockerClient
) -> None:
    launch = container_bench.launch(containers, "save")
    process = containers.start(launch)
    assert isinstance(process, DockerProcess)
    until((launch.out / "started").exists)
    attributes = client.containers.get(process.container).attrs
    process.stop(10)
    host, config = attributes["HostConfig"], attributes["Config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Memory"] == host["MemorySwap"] == launch.memory_bytes
    assert host["PidsLimit"] == 512
    assert host["ShmSize"] == 512 << 20
    assert host["NanoCpus"] == 1_000_000_000
    assert host["CpusetCpus"] == "0"
    assert host["Init"]
    assert "noexec" in host["Tmpfs"]["/tmp"]
    assert config["User"].split(":")[0] not in ("", "0", "root")
    assert config["Labels"]["seedwise.run"] == launch.run_id
    assert config["Labels"][OWNER_LABEL] == owner_of(container_bench.project)
    assert attributes["Image"] == config["Image"] == entries(container_bench.project)[0].image_id, "by id, not by tag"
    assert {mount["Destination"]: mount["RW"] for mount in attributes["Mounts"]} == {
        "/data": False,
        "/models": False,
        "/out": True,
    }
    assert process.wait().code == 143
    assert (launch.out / "state").read_text() == "saved"
    with pytest.raises(NotFound):
        client.containers.get(process.container)


def test_too_much_memory_ends_typed(container_bench: Bench, containers: DockerRuntime) -> None:
    ended = containers.start(container_bench.launch(containers, "hoard", memory=96 << 20)).wait()
    assert (ended.code, ended.oom_killed) == (137, True)


def test_processes_are_limited(container_bench: Bench, containers: DockerRuntime) -> None:
    children = int((finished(container_bench, containers, "fork") / "children").read_text())
    assert 1 < children < 512


def test_killed_from_outside(container_bench: Bench, containers: DockerRuntime, client: DockerClient) -> None:
    launch = container_bench.launch(containers, "wait")
    process = containers.start(launch)
    assert isinstance(process, DockerProcess)
    until((launch.out / "started").exists)
    assert process.poll() is None
    client.containers.get(process.container).kill()
    ended = process.wait()
    assert (ended.code, ended.oom_killed) == (137, False)
    assert "doing wait" in ended.log
    process.stop(1)  # harmless


def test_what_ignores_sigterm_is_killed(container_bench: Bench, containers: DockerRuntime) -> None:
    launch = container_bench.launch(containers, "stubborn")
    process = containers.start(launch)
    until((launch.out / "started").exists)
    process.stop(1)
    assert process.wait().code == 137


def test_a_gpu_that_the_engine_cannot_give_is_said(container_bench: Bench, containers: DockerRuntime) -> None:
    with pytest.raises(EngineError, match="GPU"):
        containers.start(container_bench.launch(containers, "look", lease=Lease((0,), ("no-such-gpu",))))


def test_sweep_takes_only_what_a_dead_harness_of_ours_left(container_bench: Bench, client: DockerClient) -> None:
    project = container_bench.project
    runtime = DockerRuntime(project, "cpu")
    runtime.prepare(["probe"], container_bench.say)
    image = entries(project)[0].image_id
    other = Session(project)
    ours, dead = owner_of(project), {SESSION_LABEL: "0123456789abcdef"}

    def leave(labels: dict[str, str]) -> str:
        container = client.containers.create(image, entrypoint=["sleep", "600"], labels=labels, init=True)
        container.start()
        return str(container.id)

    kept = {
        "a stranger's": leave({}),
        "another checkout's": leave({OWNER_LABEL: "feedfeedfeedfeed", **dead}),
        "a living harness's": leave(other.labels),
        "our own": leave({OWNER_LABEL: ours, SESSION_LABEL: runtime._session.name}),
        "without a session": leave({OWNER_LABEL: ours}),
    }
    left = leave({OWNER_LABEL: ours, "seedwise.run": "left-over", **dead})
    try:
        assert sweep(project, client) == ["left-over"]
        with pytest.raises(NotFound):
            client.containers.get(left)
        for whose, identity in kept.items():
            assert client.containers.get(identity).status == "running", whose
        other.close()
        assert len(sweep(project, client)) == 1
        with pytest.raises(NotFound):
            client.containers.get(kept.pop("a living harness's"))
    finally:
        runtime.close()
        for identity in kept.values():
            client.containers.get(identity).remove(force=True)


def test_what_a_killed_harness_left_saves_its_state_and_goes(container_bench: Bench, client: DockerClient) -> None:
    project = container_bench.project
    runtime = DockerRuntime(project, "cpu")
    launch = container_bench.launch(runtime, "save")
    runtime.close()
    text = (
        "from pathlib import Path; from seedwise.project import Project; from seedwise.runtimes.base import *\n"
        "from seedwise.runtimes.docker import DockerRuntime\n"
        f"project = Project(Path({str(project.root)!r}), Path({str(project.home)!r}), Path({str(project.cache)!r}), None)\n"
        f"launch = Launch('probe', {launch.digest!r}, 'orphan', Path({str(launch.out)!r}), Path({str(launch.data)!r}),"
        f" Path({str(launch.models)!r}), Lease((0,), ()), 256 << 20)\n"
        "DockerRuntime(project, 'cpu').start(launch).wait()\n"
    )
    harness = subprocess.Popen(
        [sys.executable, "-c", text], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    until((launch.out / "started").exists)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    after = DockerRuntime(project, "cpu")
    after.close()
    assert after.swept == ["orphan"]
    assert (launch.out / "state").read_text() == "saved"
    assert not client.containers.list(all=True, filters={"label": f"{OWNER_LABEL}={owner_of(project)}"})


def test_a_tag_and_an_unlocked_image_are_refused(container_bench: Bench, containers: DockerRuntime) -> None:
    launch = container_bench.launch(containers, "look")
    for digest, said in (
        ("seedwise-probe:latest", "is a tag"),
        ("sha256:" + "0" * 64, r"in no images\.lock"),
    ):
        with pytest.raises(ImageError, match=said):
            containers.start(
                type(launch)("probe", digest, "x", launch.out, launch.data, launch.models, launch.lease, 1)
            )


def test_a_source_change_is_another_image_at_once_and_back_is_the_first(
    container_bench: Bench, containers: DockerRuntime
) -> None:
    before = containers.prepare(["probe"], container_bench.say)
    assert containers.describe("probe").backend == "probe"
    extra = container_bench.project.root / "probe" / "more.py"
    extra.write_text("MORE = 1\n")
    try:
        assert containers.digest("probe") is None
        said: list[str] = []
        assert containers.prepare(["probe"], said.append) != before
        assert not any("environment" in line for line in said), "only our sources are built again"
    finally:
        extra.unlink()
    assert containers.prepare(["probe"], container_bench.say) == before
