"""Slurm for real: a controller and hosts of our own on this machine; skipped where slurm-wlm and munge are not installed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from seedwise.execution.engines.base import Node
from seedwise.execution.engines.slurm import Slurm, SlurmSettings, _gpus
from tests.conftest import Small, small_project
from tests.execution.engines import hosts, network_disk, slurm_hosts
from tests.execution.engines.hosts import Host, Lan


@pytest.mark.parametrize(
    ("gres", "count"),
    [
        ("(null)", 0),
        ("gpu:2", 2),
        ("gpu:a100:4(S:0-1)", 4),
        ("gpu:a100:4(S:0-1),gpu:v100:2,nvme:1", 6),
        ("nvme:3", 0),
    ],
)
def test_gpus_of_a_host(gres: str, count: int) -> None:
    assert _gpus(gres) == count


class Login:
    """The login node: a session there, as a user starts it."""

    def __init__(self, small: Small, head: Host, lan: Lan) -> None:
        self.small, self.head, self.lan = small, head, lan
        self.log = lan.folder / "session.log"

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        self.log.write_text("")
        environment = {
            **self.small.environment,
            "SEEDWISE_ENGINE": "slurm",
            "SEEDWISE_NODE_LOCAL": str(self.head.local / "seedwise"),
        }
        call = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks", "--no-record", *words]
        return self.head.start(["env", "-C", str(self.small.project.root), *call], self.log, env=environment)

    def told(self) -> str:
        jobs = sorted((self.small.project.runs / ".slurm").glob("*.log"))
        return self.log.read_text() + "".join(f"\n{path.name}: {path.read_text()[-500:]}" for path in jobs)

    def session(self, session: subprocess.Popen[bytes], seconds: float) -> None:
        """The session itself, below the programs by which it was started on its host."""
        session.wait(seconds)

    def process(self, session: subprocess.Popen[bytes]) -> int:
        return int(Path(f"/proc/{session.pid}/task/{session.pid}/children").read_text().split()[0])

    def hosts(self) -> list[str]:
        return [json.loads((folder / "provenance.json").read_text())["host"] for folder in self.small.runs()]

    def attempts(self, name: str = "") -> list[Path]:
        root = self.small.project.runs / ".attempts"
        return [path for path in root.glob("*.*") if path.is_dir() and (path / name).exists()]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lan, Host]]:
    reason = slurm_hosts.unable() or hosts.unable()
    if reason:
        pytest.skip(reason)
    with Lan(tmp_path_factory.mktemp("slurm")) as lan:
        yield lan, slurm_hosts.start(lan, hosts=3, cores=2)


@pytest.fixture
def login(cluster: tuple[Lan, Host], tmp_path: Path) -> Iterator[Login]:
    lan, head = cluster
    small = small_project(tmp_path)
    made = Login(small, head, lan)
    yield made
    head.run(["scancel", "--user=root"])
    until(lambda: not slurm_hosts.queue(head), 40)


def until(what: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def settings(small: Small, text: str) -> None:
    """A project of somebody's own, with settings of the engine, of what is laid out as a checkout."""
    (small.project.root / "seedwise.toml").write_text(
        f'studies = "benchmarks"\nassets = "benchmarks/assets"\n[engines.slurm]\n{text}'
    )
    place = small.project.root / "backends" / "fake"
    place.mkdir(parents=True)
    shutil.copy(small.project.root / "fakes" / "fake_backend.py", place)
    (place / "backend.yaml").write_text("command: [python, fake_backend.py]\n")


def slow(small: Small, seeds: int) -> None:
    small.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    small.edit("{rate: 0.0}", "{rate: 0.0, trouble: slow}")
    small.edit("seeds: 4", f"seeds: {seeds}")


def test_a_session_gives_each_run_once_from_several_hosts(login: Login) -> None:
    slow(login.small, 4)
    session = login.start()
    session.wait(120)
    assert session.returncode == 0, login.told()
    assert "3 hosts of slurm, 6 cores" in login.log.read_text()
    assert len(login.small.runs()) == 8
    assert set(login.hosts()) == {"n1", "n2", "n3"}
    assert not login.attempts()
    again = login.start()
    again.wait(60)
    assert login.log.read_text().count("(done before)") == 8


@pytest.mark.slow
def test_short_runs_of_one_kind_share_a_job(login: Login) -> None:
    settings(
        login.small, 'runs_per_job = 4\npartition = "main"\noptions = ["--comment=ours"]\nprologue = ["umask 022"]\n'
    )
    session = login.start()
    session.wait(120)
    assert session.returncode == 0, login.told()
    jobs = [json.loads((folder / "provenance.json").read_text())["job"] for folder in login.small.runs()]
    assert len(jobs) == 8
    assert len(set(jobs)) == 2


def test_stopped_sessions_save_states_and_leave_no_job(login: Login) -> None:
    slow(login.small, 4)
    session = login.start()
    until(lambda: login.attempts("events.jsonl"))
    time.sleep(1)
    begun = time.monotonic()
    os.kill(login.process(session), signal.SIGINT)
    session.wait(60)
    assert time.monotonic() - begun < 25
    assert not slurm_hosts.queue(login.head), login.told()
    assert login.attempts("state")


def test_a_killed_session_leaves_jobs_that_the_next_one_finds(login: Login) -> None:
    slow(login.small, 2)
    session = login.start()
    until(lambda: login.attempts("events.jsonl"))
    os.kill(login.process(session), signal.SIGKILL)
    session.wait(10)
    queued = {line.split()[0].partition("_")[0] for line in slurm_hosts.queue(login.head)}
    assert queued, "jobs go on"
    assert f"given out as job {queued.copy().pop()}: if this session is killed they go on" in login.log.read_text()
    again = login.start()
    until(lambda: len(login.small.runs()) == 4, 90)
    again.wait(60)
    assert again.returncode == 0, login.told()
    jobs = {
        json.loads((folder / "provenance.json").read_text())["job"].partition("_")[0] for folder in login.small.runs()
    }
    assert jobs == queued, "nothing was given out a second time"
    assert "runs of an earlier session go on, in job" in login.log.read_text()


@pytest.mark.slow
def test_the_time_limit_saves_a_state_and_the_next_job_goes_on(login: Login) -> None:
    """60 s and more in steps of 0.2 s, of which a job may take one minute, less what is kept for the saving of states."""
    login.small.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    login.small.edit("epochs: 2", "epochs: 24")
    settings(login.small, "time_minutes = 1\nsignal_seconds = 30\n")
    session = login.start("-k", "quick and seed0")
    session.wait(240)
    assert session.returncode == 0, login.told()
    (run,) = login.small.runs()
    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "start" for event in told) > 1, "it was made in several goes"
    here = {**login.small.environment, "SEEDWISE_HOME": str(login.small.project.home.parent / "home2")}
    words = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks", "--no-record", "-k", "quick and seed0"]
    subprocess.run(words, cwd=login.small.project.root, env=here, check=True, capture_output=True)
    (unbroken,) = (login.small.project.home.parent / "home2" / "runs").glob("*/predictions/test.jsonl")
    assert unbroken.parent.parent.name == run.name
    assert unbroken.read_bytes() == (run / "predictions" / "test.jsonl").read_bytes()


@pytest.mark.slow
def test_a_host_that_loses_its_power_loses_no_run_and_doubles_none(login: Login) -> None:
    """The last of this file: the host is not mended."""
    slow(login.small, 6)
    session = login.start()
    until(lambda: len(login.small.runs()) >= 3)
    login.lan.hosts[2].lose_power()
    session.wait(180)
    assert session.returncode == 0, login.told()
    assert len(login.small.runs()) == 12
    predictions = {(folder / "predictions/test.jsonl").read_bytes() for folder in login.small.runs()}
    assert len(predictions) > 1
    assert not list(login.attempts("result.json"))


@pytest.mark.parametrize(
    ("settings", "seconds", "sizes"),
    [
        ({}, 12.0, [4] * 6),
        ({}, None, [1] * 24),
        ({"minutes_per_job": 0.5}, 12.0, [2] * 12),
        ({"runs_per_job": 20}, 12.0, [20, 4]),
    ],
)
def test_runs_share_jobs_while_every_place_has_one(
    small: Small, settings: dict[str, float], seconds: float | None, sizes: list[int]
) -> None:
    class Hosts(Slurm):
        def capacity(self) -> list[Node]:
            return [Node(f"n{number}", 2, 16 << 30) for number in range(3)]

    task = SimpleNamespace(
        seconds=seconds, cores=1, gpus=0, spec=SimpleNamespace(backend="b"), provenance=SimpleNamespace(digest="d")
    )
    jobs = Hosts(SlurmSettings.model_validate(settings), small.project.runs)._jobs([task] * 24)  # type: ignore[list-item]
    assert [len(job) for job in jobs] == sizes


def test_words_of_sbatch(small: Small) -> None:
    settings = SlurmSettings(
        partition="gpu", account="lab", qos="long", gres="gpu:a100:{gpus}", time_minutes=90, options=["--x=y"]
    )

    class Needs:
        cores, gpus, memory_gib = 3, 1, 8.0

    words = Slurm(settings, small.project.runs).words(Needs(), 5, avoid=["n7"])  # type: ignore[arg-type]
    for word in (
        "--array=0-4",
        "--cpus-per-task=3",
        "--gres=gpu:a100:1",
        "--mem=8192M",
        "--time=90",
        "--partition=gpu",
    ):
        assert word in words
    for word in ("--account=lab", "--qos=long", "--exclude=n7", "--requeue", "--signal=B:USR1@120"):
        assert word in words
    assert words[-1] == "--x=y"


@pytest.mark.slow
def test_on_a_network_file_system_a_lost_host_loses_no_run_and_doubles_none(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Nothing is shared but the network's folder; the hosts' own disks are their own."""
    reason = slurm_hosts.unable() or network_disk.unable() or hosts.unable()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("network")
    with Lan(folder) as lan:
        head = slurm_hosts.start(lan, hosts=3, cores=2)
        workers = list(lan.hosts)
        server = network_disk.serve(lan)
        shared = folder / "shared"
        network_disk.mount(server, workers, shared)
        (folder / "seed").mkdir()
        small = small_project(folder / "seed")
        slow(small, 6)
        assert head.run(["cp", "-r", f"{folder}/seed/.", str(shared)]).returncode == 0
        moved = {name: value.replace(str(folder / "seed"), str(shared)) for name, value in small.environment.items()}
        project = replace(
            small.project,
            root=shared / "project",
            home=shared / "home",
            cache=shared / "cache",
            data_root=shared / "data",
        )
        login = Login(Small(project, shared / "project/benchmarks/small.yaml", moved), head, lan)
        session = login.start()

        def there(pattern: str) -> list[str]:
            return head.run(["sh", "-c", f"ls -d {shared}/home/runs/{pattern}"]).stdout.split()

        until(lambda: len(there("[0-9a-f]*/result.json")) >= 3, 120)
        workers[2].lose_power()
        session.wait(240)
        assert session.returncode == 0, login.log.read_text()
        assert len(there("[0-9a-f]*/result.json")) == 12
        assert not there(".attempts/*/result.json")
        local = {**small.environment, "SEEDWISE_HOME": str(folder / "home2")}
        words = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks", "--no-record"]
        subprocess.run(words, cwd=small.project.root, env=local, check=True, capture_output=True)
        for path in sorted((folder / "home2" / "runs").glob("*/predictions/test.jsonl")):
            run = path.parent.parent.name
            same = head.run(["cat", f"{shared}/home/runs/{run}/predictions/test.jsonl"]).stdout
            assert same == path.read_text(), f"run {run}: as on the local engine"
