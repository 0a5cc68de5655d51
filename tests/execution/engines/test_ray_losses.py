"""Ray on hosts that share nothing but a network file system: hosts, head and driver lose their power or their network, and two
drivers are at one store.  Minutes each: `nox -s clusters`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.execution.engines import hosts, network_disk, ray_hosts
from tests.execution.engines.conftest import SEEDS
from tests.execution.engines.hosts import Host, Lan
from tests.execution.engines.ray_hosts import RayHosts
from tests.execution.engines.shared_project import (
    Session,
    SharedProject,
    refuse_faults_of_hosts,
    refuse_old_attempts,
    until,
)

pytestmark = pytest.mark.slow
WORKERS = "^ray::small/"  # of Ray, by the names that their tasks give them


@dataclass
class Cluster:
    ray: RayHosts
    server: Host
    shared: Path

    @property
    def nodes(self) -> tuple[Host, ...]:
        return self.ray.nodes

    @property
    def drivers(self) -> tuple[Host, ...]:
        return self.ray.drivers

    def session(self, shared: SharedProject, driver: Host) -> Session:
        return shared.start(driver, self.ray.engine, settings=self.ray.settings)

    def revive(self, *some: Host) -> None:
        """Hosts that have lost their power or were given up come back, as after a new start."""
        for host in some:
            host.lose_power()
            host.mend()
            self.ray.boot(host)
            network_disk.mount(self.server, [host], self.shared)
            self.ray.serve(host, 2 if host in self.nodes else 0)

    def backends(self) -> list[str]:
        """Processes of the project's backend on the hosts that have power."""
        return [line for host in self.nodes for line in host.run(["pgrep", "-f", "fake_backend.py"]).stdout.split()]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = ray_hosts.unable() or network_disk.unable() or hosts.unable()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("rays")
    with Lan(folder) as lan:
        ray = ray_hosts.start(lan, hosts=3, cores=2, drivers=2)
        clients = list(lan.hosts)
        server = network_disk.serve(lan)
        network_disk.mount(server, clients, folder / "shared")
        yield Cluster(ray, server, folder / "shared")


@pytest.fixture
def shared(cluster: Cluster, tmp_path: Path) -> SharedProject:
    return SharedProject.made(cluster.shared / tmp_path.name, cluster.drivers[1], tmp_path / "logs", SEEDS)


def test_the_doctor_asks_every_host_that_gives_cores(cluster: Cluster, shared: SharedProject) -> None:
    refuse_faults_of_hosts(shared, cluster.drivers[0], cluster.ray.engine, cluster.ray.settings)


def test_a_host_that_loses_its_power_and_comes_back(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    session = cluster.session(shared, cluster.drivers[0])
    until(lambda: len(shared.runs) >= 2 and shared.under_way, 180, lambda: session.told)
    cluster.nodes[1].lose_power()
    assert session.ended(400) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)
    before = shared.digests()
    cluster.revive(cluster.nodes[1])
    assert shared.digests() == before


def test_a_host_that_is_cut_off_and_comes_back_with_old_attempts(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    """Its runs go on there, without the folder, and are given out anew; what it writes afterwards changes nothing."""
    session = cluster.session(shared, cluster.drivers[0])
    until(lambda: len(shared.runs) >= 1 and shared.under_way, 180, lambda: session.told)
    refuse_old_attempts(shared, session, cluster.nodes[2], predictions)
    cluster.revive(cluster.nodes[2])


@pytest.mark.parametrize("order", ["first", "last", "at once"])
def test_a_host_that_is_given_up_and_goes_on_ends_its_runs(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str], order: str
) -> None:
    """It is cut off from Ray, not from the folder: two hosts make a run, and whichever is the first has made it."""
    session = cluster.session(shared, cluster.drivers[0])
    odd, *others = cluster.nodes
    until(lambda: shared.runs and shared.under_way_on(odd), 180, lambda: session.told)
    odd.cut_from([cluster.ray.head, *others, *cluster.drivers])
    if order != "first":  # its backends stand still, or what waits for them to publish their runs
        odd.run(["pkill", "-STOP", "-f", "fake_backend.py" if order == "last" else WORKERS])
    twice = set(shared.under_way_on(odd)) - set(shared.runs)
    assert twice
    if order == "last":
        until(lambda: twice <= set(shared.runs), 60, lambda: session.told)
    if order == "at once":
        until(lambda: all(len(shared.listed(f".attempts/{run}.*")) > 1 for run in twice), 60, lambda: session.told)
        for host in others:
            host.run(["pkill", "-STOP", "-f", WORKERS])
        until(lambda: all(len(shared.listed(f".attempts/{run}.*/result.json")) > 1 for run in twice), 60)
    for host in cluster.nodes:
        host.start(["pkill", "-CONT", "-f", f"fake_backend.py|{WORKERS}"], shared.logs / "pkill.log")
    assert session.ended(300) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)
    before = shared.digests()
    time.sleep(15)
    assert shared.digests() == before
    made = shared.provenances("host")
    if order != "at once":
        assert {made[run] == odd.name for run in twice} == {order == "first"}
    cluster.revive(odd)


def test_a_killed_driver_leaves_nothing_running_and_another_host_goes_on(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    session = cluster.session(shared, cluster.drivers[0])
    until(lambda: len(shared.under_way) >= 3, 180, lambda: session.told)
    session.interrupt(signal.SIGKILL)
    until(lambda: not cluster.backends(), 5)
    session.ended(20)
    again = cluster.session(shared, cluster.drivers[1])
    assert again.ended(400) == 0, again.told
    shared.refuse_lost_or_doubled(predictions)


def test_a_stopped_driver_has_the_states_saved_and_another_host_goes_on_from_them(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    session = cluster.session(shared, cluster.drivers[0])
    until(lambda: len(shared.under_way) >= 4, 180, lambda: session.told)
    time.sleep(1)
    begun = time.monotonic()
    session.interrupt()
    assert session.ended(60) != 0
    assert time.monotonic() - begun < 25
    assert not cluster.backends()
    started = shared.told
    assert len(started) >= 3
    assert started == shared.saved
    again = cluster.session(shared, cluster.drivers[1])
    assert again.ended(400) == 0, again.told
    shared.refuse_lost_or_doubled(predictions)
    starts = shared.starts()
    assert all(starts[path.name.partition(".")[0]] > 1 for path in started), f"each went on from its state: {starts}"


def test_a_driver_that_is_cut_off_is_followed_by_another_host(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    session = cluster.session(shared, cluster.drivers[0])
    until(lambda: len(shared.runs) >= 1 and shared.under_way, 180, lambda: session.told)
    cluster.drivers[0].cut()
    until(lambda: not cluster.backends(), 60)
    again = cluster.session(shared, cluster.drivers[1])
    assert again.ended(400) == 0, again.told
    shared.refuse_lost_or_doubled(predictions)
    before = shared.digests()
    cluster.drivers[0].mend()
    session.ended(120)
    assert shared.digests() == before
    cluster.revive(cluster.drivers[0])


def test_two_drivers_at_one_store(cluster: Cluster, shared: SharedProject, predictions: dict[str, str]) -> None:
    sessions = [cluster.session(shared, host) for host in cluster.drivers]
    for session in sessions:
        assert session.ended(400) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)


def test_a_head_that_loses_its_power(cluster: Cluster, shared: SharedProject, predictions: dict[str, str]) -> None:
    """The cluster ends with its head, which the driver tells; one that is started anew goes on.  The last of this file."""
    session = cluster.session(shared, cluster.drivers[0])
    until(lambda: len(shared.runs) >= 1 and shared.under_way, 180, lambda: session.told)
    cluster.ray.head.lose_power()
    assert session.ended(150) != 0, session.told
    assert "the head of the cluster does not answer" in session.told
    until(lambda: not cluster.backends(), 90)
    cluster.revive(cluster.ray.head, *cluster.nodes, *cluster.drivers)
    again = cluster.session(shared, cluster.drivers[0])
    assert again.ended(400) == 0, again.told
    shared.refuse_lost_or_doubled(predictions)
