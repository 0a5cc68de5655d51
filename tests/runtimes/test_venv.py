"""Processes as the backends' runtime, with a program run by the harness's own interpreter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seedwise.errors import ImageError
from seedwise.runtimes.base import Lease
from seedwise.runtimes.venv import VenvRuntime
from tests.runtimes.conftest import Bench, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="environments are built on Linux only")


@pytest.fixture
def runtime(bench: Bench) -> VenvRuntime:
    text = (bench.project.root / "probe" / "__main__.py").read_text()
    (bench.project.root / "probe" / "__main__.py").write_text(text.replace('"backend": "probe"', '"backend": "script"'))
    return VenvRuntime(bench.project, "cpu")


def test_describe_is_asked_once_for_a_digest(bench: Bench, runtime: VenvRuntime) -> None:
    assert runtime.describe("script").methods == ["look"]
    cached = list((bench.project.cache / "describe").glob("*.json"))
    assert len(cached) == 1
    cached[0].write_text(cached[0].read_text().replace("look", "peek"))
    assert runtime.describe("script").methods == ["peek"]


def test_a_changed_program_is_another_digest_and_asked_again(bench: Bench, runtime: VenvRuntime) -> None:
    before = runtime.digest("script")
    program = bench.project.root / "probe" / "__main__.py"
    program.write_text(program.read_text().replace('"version": "1"', '"version": "2"'))
    assert runtime.digest("script") != before
    assert runtime.describe("script").version == "2"


def test_what_was_not_prepared_is_refused(bench: Bench, runtime: VenvRuntime) -> None:
    launch = bench.launch(runtime, "look", backend="script")
    with pytest.raises(ImageError, match="was not prepared"):
        runtime.start(replace(launch, digest="venv:sha256:" + "0" * 64))


def test_sources_edited_meanwhile_do_not_stop_what_was_prepared(bench: Bench, runtime: VenvRuntime) -> None:
    launch = bench.launch(runtime, "look")
    with open(bench.project.root / "probe" / "__main__.py", "w") as program:
        program.write("raise SystemExit(9)\n")
    assert runtime.digest("probe") != launch.digest
    assert runtime.start(launch).wait().code == 0  # the copy of the sources as they were


def test_process_gets_its_lease_and_nothing_of_the_users_environment(
    bench: Bench, runtime: VenvRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("https_proxy", "http://somewhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    core = max(os.sched_getaffinity(0))
    launch = bench.launch(runtime, "look", backend="script", lease=Lease((core,), ("GPU-abc", "3")))
    ended = runtime.start(launch).wait()
    assert ended.code == 0, ended.log
    seen = json.loads((launch.out / "seen.json").read_text())
    assert seen["cores"] == [core]
    assert seen["session"]
    variables = seen["variables"]
    assert variables["CUDA_VISIBLE_DEVICES"] == "GPU-abc,3"
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["SEEDWISE_IMAGE_DIGEST"] == launch.digest
    assert not {"HF_TOKEN", "https_proxy"} & set(variables)
    assert variables["HOME"] != os.environ["HOME"]
    assert not Path(variables["HOME"]).exists(), "its home is removed"
    assert "doing look" in ended.log
    assert "on standard error" in ended.log


def test_sigterm_lets_it_save(bench: Bench, runtime: VenvRuntime) -> None:
    launch = bench.launch(runtime, "save", backend="script")
    process = runtime.start(launch)
    until((launch.out / "started").exists)
    assert process.poll() is None
    process.stop(10)
    assert process.wait().code == 143
    assert (launch.out / "state").read_text() == "saved"
    process.stop(10)  # harmless


def test_what_ignores_sigterm_is_killed(bench: Bench, runtime: VenvRuntime) -> None:
    launch = bench.launch(runtime, "stubborn", backend="script")
    process = runtime.start(launch)
    until((launch.out / "started").exists)
    process.stop(0.2)
    assert process.wait().code == 137
    assert not process.wait().oom_killed


def test_helpers_end_with_a_killed_backend(bench: Bench, runtime: VenvRuntime) -> None:
    launch = bench.launch(runtime, "wait", backend="script")
    process = runtime.start(launch)
    until((launch.out / "started").exists)
    group = int((launch.out / "started").read_text())
    os.kill(group, signal.SIGKILL)
    assert process.wait().code == 137
    until(lambda: not _group_lives(group))


def test_a_killed_harness_takes_its_runs_with_it(bench: Bench, runtime: VenvRuntime) -> None:
    launch = bench.launch(runtime, "save", backend="script")
    project = bench.project
    text = (
        "from pathlib import Path; from seedwise.project import Project; from seedwise.runtimes.base import *\n"
        "from seedwise.runtimes.venv import VenvRuntime\n"
        f"project = Project(Path({str(project.root)!r}), Path({str(project.home)!r}), Path({str(project.cache)!r}), None)\n"
        f"out = Path({str(launch.out)!r})\n"
        f"launch = Launch('script', {launch.digest!r}, 'x', out, out, out, Lease((0,), ()), 1 << 30)\n"
        "runtime = VenvRuntime(project, 'cpu')\n"
        "runtime.prepare(['script'], print)\n"
        "runtime.start(launch).wait()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    harness = subprocess.Popen([sys.executable, "-c", text], env=environment)
    until(lambda: (launch.out / "started").exists() and (launch.out / "started").read_text() != "")
    backend = int((launch.out / "started").read_text())
    assert _group_lives(backend)
    harness.kill()
    harness.wait()
    until(lambda: not _group_lives(backend))


@pytest.mark.minutes
def test_environment_from_a_lock_file(bench: Bench) -> None:
    """Needs a package index, for the installer alone."""
    said: list[str] = []
    runtime = VenvRuntime(bench.project, "cpu")
    assert runtime.digest("probe") is None
    with pytest.raises(ImageError, match="is not built"):
        runtime.describe("probe")
    digest = runtime.prepare(["probe"], said.append)["probe"]
    assert digest.startswith("venv:sha256:")
    assert runtime.digest("probe") == digest
    assert any("installing" in line for line in said)
    said.clear()
    assert runtime.prepare(["probe"], said.append) == {"probe": digest}
    assert said == []
    assert runtime.describe("probe").backend == "probe"
    launch = bench.launch(runtime, "look")
    assert runtime.start(launch).wait().code == 0
    seen = json.loads((launch.out / "seen.json").read_text())
    assert not seen["pip"]
    (bench.project.root / "probe" / "more.py").write_text("MORE = 1\n")
    assert runtime.digest("probe") is None, "changed sources are another digest"


def _group_lives(group: int) -> bool:
    """Whether a process of the group runs; one that only waits to be collected does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except (OSError, ValueError):
            continue
        if int(of_group) == group and state != "Z":
            return True
    return False
