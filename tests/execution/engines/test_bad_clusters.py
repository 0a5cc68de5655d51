"""What is wrong with a cluster is told by name, and what it does not concern goes on: real sessions on hosts that are processes,
and the engine alone over a scheduler that does what it is told.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from seedwise.errors import EngineError, InputError
from seedwise.execution.engines import remote
from seedwise.execution.engines.base import Node, Outcome, Setting, StudyRun
from seedwise.execution.engines.choose import open_cluster
from seedwise.execution.engines.cluster import Impossible, Phase, State
from seedwise.execution.engines.remote import RemoteEngine
from seedwise.execution.engines.task import Task
from seedwise.execution.provenance import look_around
from seedwise.execution.workbench import roots_of
from seedwise.runtimes.venv import VenvRuntime
from seedwise.store import attempts
from seedwise.store.store import Store
from tests.conftest import Small
from tests.tracker.stores import plan_of, small_study

ODD = """
import datetime, os, time
shift = float(os.environ.get("CLOCK_SHIFT", "0"))
if shift:
    real, real_ns = time.time, time.time_ns
    time.time, time.time_ns = lambda: real() + shift, lambda: real_ns() + int(shift * 1e9)
    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(seconds=shift)
    datetime.datetime = Shifted
if other := os.environ.get("OTHER_VERSION"):
    import seedwise.version
    seedwise.version.__version__ = other
"""


@pytest.fixture
def odd(added: Small, tmp_path: Path) -> Small:
    """A project on whose hosts something is not as where its sessions are started."""
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "sitecustomize.py").write_text(ODD)
    added.environment["PROCESS_ODD"] = str(tmp_path / "odd")
    return added


def test_a_host_with_another_seedwise_is_refused_and_the_runs_are_given_to_others(odd: Small) -> None:
    odd.environment["PROCESS_OTHERS"] = "2"
    told = odd.pytest("benchmarks", "--no-record", "--engine", "processes", "-k", "seed0")
    assert told.returncode == 0, told.stdout
    assert "2 passed" in told.stdout
    assert {json.loads((run / "provenance.json").read_text())["job"] for run in odd.runs()} == {"p3", "p4"}


def test_hosts_that_all_have_another_seedwise_are_told_by_name(odd: Small) -> None:
    odd.environment["PROCESS_OTHERS"] = "99"
    told = odd.pytest("benchmarks", "--no-record", "--engine", "processes", "-k", "quick and seed0")
    assert told.returncode == 1
    assert "Seedwise 9.9 is installed here, and the run was planned by" in told.stdout
    assert not odd.runs()


def test_clocks_that_differ_by_two_hours_change_no_run(odd: Small) -> None:
    """Every second host is an hour ahead, the others an hour behind; an arm loses its first attempts."""
    odd.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    odd.edit("epochs: 2", "epochs: 1")
    told = odd.pytest("benchmarks", "--no-record", "--engine", "processes", "-k", "seed0")
    assert told.stdout.count("2 passed") == 1, told.stdout
    hours = {json.loads((run / "provenance.json").read_text())["started"][11:13] for run in odd.runs()}
    assert len(hours) >= 2, "the hosts' clocks did differ"
    assert not list((odd.project.runs / ".attempts").glob("*.*.*.*"))


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[None]:
    """A file system of its own at `place`."""
    place.mkdir(exist_ok=True)
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]).returncode:
        pytest.skip("a file system of its own cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_shared_folder_fails_each_run_by_name(added: Small) -> None:
    with small_disk(added.project.home, "size=100m"):
        told = added.pytest("benchmarks", "--no-record", "--engine", "processes", "-k", "seed0")
        assert told.returncode == 1
        assert "quick[seed=0] failed (no_space)" in told.stdout
        assert "are needed to start a run; free some space" in told.stdout


def test_studies_that_no_host_can_do_keep_no_other_from_being_run(added: Small) -> None:
    text = added.study.read_text()
    added.study.with_name("wide.yaml").write_text(
        text.replace("name: small", "name: wide").replace("threads: 1", "threads: 64").replace("rate: 1.0", "rate: 1.5")
    )
    added.study.with_name("gpu.yaml").write_text(
        text.replace("name: small", "name: gpu").replace("kind: cpu", "kind: cuda").replace("rate: 1.0", "rate: 1.6")
    )
    files = [f"benchmarks/{name}.yaml" for name in ("wide", "gpu", "small")]
    told = added.pytest(*files, "--no-record", "--engine", "processes", "-k", "seed0")
    assert told.returncode == 1
    assert "2 passed" in told.stdout
    assert (
        "study wide: a run needs 64 CPU cores and 0 GPUs, and no host of processes has more than 1 core" in told.stdout
    )
    assert "study gpu wants a GPU, but none is usable on any host of processes" in told.stdout


class Scripted:
    """A scheduler that answers as a test tells it."""

    name = "scripted"
    shares_gpus = False
    keeps_jobs = False

    def __init__(self, store: Store, hosts: int = 2) -> None:
        self.store = store
        self.hosts = [f"h{number}" for number in range(hosts)]
        self.given: list[tuple[Task, tuple[str, ...]]] = []
        self.refusal: dict[int, EngineError] = {}  # by the cores that a task wants
        self.ends: dict[str, State] = {}

    def capacity(self) -> Sequence[Node]:
        return [Node(host, 8, 64 << 30) for host in self.hosts]

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        if (refusal := self.refusal.get(tasks[0].cores)) is not None:
            raise refusal
        first = len(self.given)
        self.given += [(task, tuple(avoid)) for task in tasks]
        handles = [str(number) for number in range(first, len(self.given))]
        for handle, task in zip(handles, tasks, strict=True):
            self.end(handle, task)
        return handles

    def end(self, handle: str, task: Task) -> None:
        """The task fails on its first host, and says so."""
        attempt = attempts.begin(self.store.root, task.run_id)
        (attempt / "provenance.json").write_text(task.provenance.model_copy(update={"host": "h0"}).model_dump_json())
        self.store.record_failure(attempt, remote.FailureReason.BAD_DATA, "row 3", 3)
        self.ends[handle] = State(Phase.ENDED)

    def found(self, run_ids: Collection[str]) -> Mapping[str, str]:
        return {}

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        return {handle: self.ends.get(handle, State(Phase.RUNNING)) for handle in handles}

    def gone(self) -> Collection[str]:
        return ()

    def cancel(self, handles: Collection[str]) -> None: ...

    def probe(self, nodes: Collection[Node], question: str) -> None: ...

    def close(self) -> None: ...


class Vanishing(Scripted):
    """Tasks end without a trace, where the scheduler says."""

    def end(self, handle: str, task: Task) -> None:
        avoid = self.given[int(handle)][1]
        host = next(host for host in [*self.hosts, "?"] if host not in avoid)
        self.ends[handle] = State(Phase.ENDED, "exit code 1", host)


class Narrow(Scripted):
    """Takes a task at a time, and loses the first of them."""

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        busy = len(self.given) - len(self.ends)
        return super().submit(tasks[: 1 - busy], avoid) if busy < 1 else []

    def end(self, handle: str, task: Task) -> None:
        if handle != "0":
            super().end(handle, task)

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        self.ends["0"] = State(Phase.LOST, "its host is gone", "h1")
        return super().states(handles)


def outcomes(small: Small, cluster: Scripted, threads: Sequence[int] = (1,), runs: int = 1) -> list[Outcome]:
    """Of `runs` runs that want so many threads, each."""
    project = small.project
    wanted: list[StudyRun] = []
    for count in threads:
        device = {"kind": "cpu", "threads": count}
        study = small_study(f"threads-{count}", seeds=(0, 1), device=device)
        wanted += [(study, run) for run in plan_of(study, project).runs[:runs]]
    runtime = VenvRuntime(project, "cpu")
    setting = Setting(project, runtime, cluster.store, roots_of(project), look_around(project.root))
    engine = RemoteEngine(setting, cluster, late_seconds=0.2)
    try:
        futures: dict[str, Future[Outcome]] = engine.submit(wanted)
        assert not wait(futures.values(), timeout=30).not_done
        return [future.result() for future in futures.values()]
    finally:
        engine.close()


@pytest.fixture
def quick_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_TURN_SECONDS", 0.05)
    monkeypatch.setattr(remote, "_REST_SECONDS", 0.05)
    monkeypatch.setattr(remote, "_FAILURES_SECONDS", 0.05)


@pytest.mark.usefixtures("quick_turns")
def test_what_the_scheduler_can_never_do_fails_alone(small: Small) -> None:
    cluster = Scripted(Store(small.project.runs))
    cluster.refusal[4] = Impossible("sbatch: Requested node configuration is not available")
    found = {outcome.message for outcome in outcomes(small, cluster, (1, 4))}
    assert found == {"row 3", "sbatch: Requested node configuration is not available"}


@pytest.mark.usefixtures("quick_turns")
def test_what_the_scheduler_refuses_for_long_fails_alone(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_BUSY_SECONDS", 0.3)
    cluster = Scripted(Store(small.project.runs))
    cluster.refusal[4] = EngineError("sbatch: the controller does not answer")
    found = {outcome.message for outcome in outcomes(small, cluster, (1, 4))}
    assert found == {"row 3", "sbatch: the controller does not answer"}


def test_a_read_only_shared_folder_is_told_before_anything_is_given_out(small: Small) -> None:
    cluster = Scripted(Store(small.project.runs))
    small.project.home.mkdir()
    roots_of(small.project)
    with (
        small_disk(small.project.home, "size=10m,ro"),
        pytest.raises(EngineError, match="no run can be written there: Read-only file system"),
    ):
        outcomes(small, cluster)
    assert not cluster.given


def test_a_scheduler_that_takes_nothing_at_all_is_told_at_once(small: Small) -> None:
    cluster = Scripted(Store(small.project.runs))
    cluster.refusal[1] = EngineError("sbatch: no such account")
    with pytest.raises(EngineError, match="no such account"):
        outcomes(small, cluster)


@pytest.mark.usefixtures("quick_turns")
def test_hosts_on_which_tasks_vanish_are_avoided_while_there_are_others(small: Small) -> None:
    cluster = Vanishing(Store(small.project.runs))
    (outcome,) = outcomes(small, cluster)
    assert outcome.message == "lost 3 times on scripted, the last time on h0: exit code 1"
    assert [avoid for _, avoid in cluster.given] == [(), ("h0",), ()], "of the last two hosts none is left out"


@pytest.mark.usefixtures("quick_turns")
def test_what_is_lost_is_given_out_again_before_what_has_not_been_given_out(small: Small) -> None:
    cluster = Narrow(Store(small.project.runs))
    assert {outcome.message for outcome in outcomes(small, cluster, runs=3)} == {"row 3"}
    first, second, *rest = [task.run_id for task, _ in cluster.given]
    assert first == second
    assert len({first, *rest}) == 3


def test_nothing_is_asked_of_the_store_for_each_run_anew(small: Small) -> None:
    """Failures of thousands of runs are read by one look at the attempts."""
    store = Store(small.project.runs)
    plan = plan_of(small_study(), small.project)
    for run in plan.runs[:3]:
        attempt = attempts.begin(store.root, run.run_id or "")
        store.record_failure(attempt, remote.FailureReason.BAD_DATA, run.label, 3)
    found = store.failures(run.run_id or "" for run in plan.runs)
    assert {failure.message for failure in found.values()} == {run.label for run in plan.runs[:3]}
    assert store.failure(plan.runs[0].run_id or "") == found[plan.runs[0].run_id or ""]


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "10.0.0.1:", ":6379", "[]:6379", "head:port", "head:0", "head:99999", "ray://head:10001"]
)
def test_an_address_of_ray_without_a_host_or_a_port_is_refused_by_name(small: Small, address: str) -> None:
    with pytest.raises(InputError, match=f"--engine ray://{re.escape(address)}: .* HOST:PORT is needed"):
        open_cluster(f"ray://{address}", small.project)


def test_an_address_of_ray_in_the_environment_is_named(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(InputError, match="RAY_ADDRESS=ray://head:10001: "):
        open_cluster("ray", small.project)


def test_an_address_where_no_head_of_ray_is_is_told_at_once(small: Small) -> None:
    begun = time.monotonic()
    with pytest.raises(EngineError, match="no cluster can be joined there"):
        open_cluster("ray://no.such.host.invalid:6379", small.project)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(
            target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), daemon=True
        ).start()
        with pytest.raises(EngineError, match="something else than a head of Ray listens there"):
            open_cluster(f"ray://127.0.0.1:{port}", small.project)
    with pytest.raises(EngineError, match="Connection refused"):
        open_cluster(f"ray://127.0.0.1:{port}", small.project)
    assert time.monotonic() - begun < 15
