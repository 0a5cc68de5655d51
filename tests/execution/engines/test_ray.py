"""Ray for real: a cluster of this machine for the session, and hosts of our own; skipped where the extra `ray` is not installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import Small
from tests.execution.engines import hosts, ray_hosts
from tests.execution.engines.hosts import Lan
from tests.execution.engines.shared_project import SharedProject

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: python -m pip install 'seedwise[ray]'"),
    pytest.mark.minutes,
]


def start(small: Small, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks", "--no-record", "--engine", "ray", *words],
        cwd=small.project.root,
        env=small.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def attempts(small: Small) -> list[Path]:
    root = small.project.runs / ".attempts"
    return [path for path in root.glob("*.*") if path.is_dir()]


def backends_of(small: Small) -> list[int]:
    """Processes of the project's backend."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if b"fake_backend.py" in words and str(small.project.root).encode() in words:
            found.append(int(entry.parent.name))
    return found


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(what: object, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_session_on_ray_gives_the_runs_and_predictions_of_the_local_engine(small: Small, tmp_path: Path) -> None:
    session = start(small)
    told, _ = session.communicate(timeout=180)
    assert session.returncode == 0, told
    assert "1 host of ray" in told
    origins = [json.loads((folder / "provenance.json").read_text()) for folder in small.runs()]
    assert [origin["engine"] for origin in origins] == ["ray"] * 8
    assert not attempts(small)
    there = {folder.name: (folder / "predictions/test.jsonl").read_bytes() for folder in small.runs()}
    small.environment["SEEDWISE_HOME"] = str(tmp_path / "home2")
    assert small.pytest("benchmarks", "--no-record").returncode == 0
    here = (tmp_path / "home2" / "runs").glob("*/predictions/test.jsonl")
    assert {path.parent.parent.name: path.read_bytes() for path in here} == there


@pytest.mark.slow
def test_a_stopped_session_saves_states_and_a_next_one_goes_on(small: Small) -> None:
    small.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    session = start(small, "-k", "quick")
    wait_until(lambda: any((path / "events.jsonl").exists() for path in attempts(small)))
    time.sleep(0.5)
    begun = time.monotonic()
    os.kill(session.pid, signal.SIGINT)
    session.communicate(timeout=60)
    assert time.monotonic() - begun < 25
    assert any((path / "state" / "state.json").is_file() for path in attempts(small))
    assert not backends_of(small)
    again = start(small, "-k", "quick")
    told, _ = again.communicate(timeout=180)
    assert again.returncode == 0, told
    assert len(small.runs()) == 4


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_run(small: Small) -> None:
    small.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    session = start(small, "-k", "quick")
    wait_until(lambda: any((path / "events.jsonl").exists() for path in attempts(small)))
    workers = {parent_of(backend) for backend in backends_of(small)} - {session.pid}
    os.kill(workers.pop(), signal.SIGKILL)
    told, _ = session.communicate(timeout=180)
    assert session.returncode == 0, told
    assert len(small.runs()) == 4


@pytest.mark.slow
def test_a_killed_session_leaves_nothing_running(small: Small) -> None:
    small.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    session = start(small, "-k", "quick")
    wait_until(lambda: any((path / "events.jsonl").exists() for path in attempts(small)))
    os.kill(session.pid, signal.SIGKILL)
    session.communicate(timeout=30)
    wait_until(lambda: not backends_of(small), 5)


def test_a_host_that_loses_its_power_loses_no_run_and_doubles_none(tmp_path: Path) -> None:
    """The short form of test_ray_losses.py: two hosts and a head, on a folder of this machine."""
    if reason := hosts.unable():
        pytest.skip(reason)
    (tmp_path / "lan").mkdir()
    with Lan(tmp_path / "lan") as lan:
        cluster = ray_hosts.start(lan, hosts=2, cores=2)
        shared = SharedProject.made(tmp_path / "shared", cluster.head, tmp_path / "logs", seeds=3, epochs=2)
        session = shared.start(cluster.head, cluster.engine, settings=cluster.settings)
        wait_until(lambda: shared.runs and shared.under_way)
        max(cluster.nodes, key=lambda host: len(shared.under_way_on(host))).lose_power()
        assert session.ended(180) == 0, session.told
        assert "2 hosts of ray, 4 cores" in session.told
        assert len(shared.runs) == len(shared.listed("[0-9a-f]*")) == 6
        assert set(shared.provenance("engine")) == {"ray"}
