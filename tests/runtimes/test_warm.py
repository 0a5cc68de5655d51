"""Backends kept warm, as processes and in containers: what is shared between runs, and what ends with each."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import docker
from seedwise.runtimes.base import LENT, Launch, Lease
from seedwise.runtimes.docker import DockerRuntime
from seedwise.runtimes.ownership import OWNER_LABEL, owner_of
from seedwise.runtimes.venv import VenvRuntime
from seedwise.runtimes.warm import WarmRuntime
from tests.runtimes.conftest import Bench, until


@dataclass
class Warm:
    """A warm runtime of the probe, and how to use it."""

    bench: Bench
    runtime: WarmRuntime
    backend: str

    def launch(self, do: str, **changes: Any) -> Launch:
        return self.bench.launch(self.runtime, do, backend=self.backend, **changes)

    def seen(self, **changes: Any) -> dict[str, Any]:
        """What a run saw that looked around and ended well."""
        launch = self.launch("look", **changes)
        ended = self.runtime.start(launch).wait()
        assert ended.code == 0, ended.log
        assert "doing look" in ended.log
        assert "on standard error" in ended.log
        return dict(json.loads((launch.out / "seen.json").read_text()))

    def folder(self, launch: Launch) -> Path:
        """Where a run's folder lies now: a container's is moved into the folder that it may write."""
        return next(launch.out.parent.glob(f"{LENT}*/{launch.out.name}"), launch.out)

    @property
    def contained(self) -> bool:
        return self.runtime.name == "docker"


@pytest.fixture(params=["venv", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.minutes])])
def warm(request: pytest.FixtureRequest) -> Iterator[Warm]:
    if request.param == "docker":
        bench: Bench = request.getfixturevalue("container_bench")
        warm = Warm(bench, WarmRuntime(DockerRuntime(bench.project, "cpu")), "probe")
    else:
        bench = request.getfixturevalue("bench")
        program = bench.project.root / "probe" / "__main__.py"
        program.write_text(program.read_text().replace('"backend": "probe"', '"backend": "script"'))
        warm = Warm(bench, WarmRuntime(VenvRuntime(bench.project, "cpu")), "script")
    warm.runtime.prepare([warm.backend], bench.say)
    assert warm.runtime.describe(warm.backend).serves
    yield warm
    warm.runtime.close()
    assert not list(bench.project.runs.glob(f"{LENT}*"))


def containers(bench: Bench) -> list[Any]:
    client = docker.from_env()
    try:
        return client.containers.list(filters={"label": f"{OWNER_LABEL}={owner_of(bench.project)}"})
    finally:
        client.close()


def test_runs_share_a_server_and_nothing_else(warm: Warm) -> None:
    first, second = warm.seen(), warm.seen()
    assert second["session"]
    assert second["cores"] == [0]
    assert second["variables"]["OMP_NUM_THREADS"] == "1"
    if warm.contained:
        assert len(containers(warm.bench)) == 1
        assert len(second["beside"]) == 1, "a run sees no other run's folder"
        assert second["network"] != "reached"
        assert second["interfaces"] == ["lo"]
        assert second["uid"] != 0
        assert second["capabilities"] == [0, 0, 0]
        assert second["no_new_privileges"] == 1
        writes = second["writes"]
        assert writes.pop("/tmp/probe") == "written"
        assert all("Read-only" in answer or "Permission" in answer for answer in writes.values()), writes
    else:
        assert first["parent"] == second["parent"] != os.getpid()
        other = warm.seen(lease=Lease((max(os.sched_getaffinity(0)),), ()))
        assert other["cores"] == [max(os.sched_getaffinity(0))]
        assert other["parent"] != first["parent"]
    assert warm.runtime.notes == []


def test_a_stop_lets_it_save_and_keeps_the_server(warm: Warm) -> None:
    launch = warm.launch("save")
    process = warm.runtime.start(launch)
    until(lambda: (warm.folder(launch) / "started").exists())
    assert process.poll() is None
    assert launch.out.exists() != warm.contained, "nothing stands in for a folder that is lent"
    process.stop(10)
    assert process.wait().code == 143
    assert (launch.out / "state").read_text() == "saved"
    process.stop(10)  # harmless
    before = len(containers(warm.bench)) if warm.contained else 0
    warm.seen()
    assert not warm.contained or len(containers(warm.bench)) == before == 1


def test_what_ignores_sigterm_is_killed_and_the_server_replaced(warm: Warm) -> None:
    launch = warm.launch("stubborn")
    process = warm.runtime.start(launch)
    until(lambda: (warm.folder(launch) / "started").exists())
    process.stop(0.5)
    assert process.wait().code == 137
    if not warm.contained:
        ended = int((launch.out / "started").read_text())
        until(lambda: not Path(f"/proc/{ended}/root").exists())
    warm.seen()
    assert warm.runtime.notes == []


def test_a_run_whose_server_ends_is_started_again_cold(warm: Warm) -> None:
    first = warm.seen()
    launch = warm.launch("save")
    process = warm.runtime.start(launch)
    until(lambda: (warm.folder(launch) / "started").exists())
    (warm.folder(launch) / "half").touch()
    if warm.contained:
        containers(warm.bench)[0].kill()
    else:
        os.kill(first["parent"], signal.SIGKILL)
    until(lambda: not (launch.out / "half").exists() and (launch.out / "started").exists())
    assert process.poll() is None
    process.stop(10)
    assert process.wait().code == 143
    assert (launch.out / "state").read_text() == "saved"
    (note,) = warm.runtime.notes
    assert launch.run_id in note
    warm.seen()


def test_a_server_that_does_not_come_up_is_not_asked_again(warm: Warm) -> None:
    if warm.contained:
        pytest.skip("the same code; an image of it would be another build")
    program = warm.bench.project.root / "probe" / "__main__.py"
    program.write_text(program.read_text().replace("        return serve()", '        sys.exit("no room")'))
    assert warm.seen()["parent"] == warm.seen()["parent"] == os.getpid()
    (note,) = warm.runtime.notes
    assert note == "backend 'script' does not stay warm here, and is started for each run: no room"


def test_a_backend_that_does_not_serve_is_started_for_each_run(warm: Warm) -> None:
    if warm.contained:
        pytest.skip("the same code; an image of it would be another build")
    program = warm.bench.project.root / "probe" / "__main__.py"
    program.write_text(program.read_text().replace(', "serve"]', "]"))
    warm.runtime.describe("script")
    assert warm.seen()["parent"] == os.getpid()
    assert warm.runtime.notes == []


def test_servers_that_idle_are_limited(warm: Warm) -> None:
    if warm.contained:
        pytest.skip("the same code, slower")
    runtime = WarmRuntime(VenvRuntime(warm.bench.project, "cpu"), idle=1)
    limited = Warm(warm.bench, runtime, "script")
    runtime.describe("script")
    one, other = limited.seen(), limited.seen(memory=128 << 20)
    assert one["parent"] != other["parent"]
    assert not Path(f"/proc/{one['parent']}").exists()
    assert limited.seen(memory=128 << 20)["parent"] == other["parent"]
    runtime.close()
    assert not Path(f"/proc/{other['parent']}").exists()


@pytest.mark.docker
@pytest.mark.minutes
@pytest.mark.parametrize("warm", ["docker"], indirect=True)
def test_too_much_memory_ends_typed_and_the_next_run_is_fine(warm: Warm) -> None:
    ended = warm.runtime.start(warm.launch("hoard", memory=96 << 20)).wait()
    assert (ended.code, ended.oom_killed) == (137, True)
    warm.seen(memory=96 << 20)
    assert warm.runtime.notes == []


@pytest.mark.parametrize(
    "answer",
    [
        '{"id": "ID", "code": null}',
        '{"id": "ID", "code": "x"}',
        '{"id": "ID", "code": [1]}',
        '{"id": "ID"}',
        "[" * 100_000,
        "x" * 3_000_000,
    ],
)
def test_answers_that_are_none_end_the_run(warm: Warm, answer: str) -> None:
    if warm.contained:
        pytest.skip("the same code; an image of it would be another build")
    program = warm.bench.project.root / "probe" / "__main__.py"
    lie = f'                print({answer!r}.replace("ID", identity), flush=True)\n                return 0\n'
    told = "                code = os.waitstatus_to_exitcode(status)\n"
    text = program.read_text()
    assert told in text
    program.write_text(text.replace(told, lie))
    process = warm.runtime.start(warm.launch("look"))
    until(lambda: process.poll() is not None, 40)
    process.wait()
