"""Slurm on hosts that share nothing but a network file system: hosts, head and driver lose their power or their network, and two
drivers are at one store.  Minutes each: `nox -s clusters`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.execution.engines import hosts, network_disk, slurm_hosts
from tests.execution.engines.conftest import SEEDS
from tests.execution.engines.hosts import Host, Lan
from tests.execution.engines.shared_project import SharedProject, refuse_faults_of_hosts, refuse_old_attempts, until

pytestmark = pytest.mark.slow


@dataclass
class Cluster:
    lan: Lan
    server: Host
    shared: Path

    @property
    def head(self) -> Host:
        return self.lan.hosts[0]

    @property
    def nodes(self) -> list[Host]:
        return self.lan.hosts[1:4]

    @property
    def logins(self) -> list[Host]:
        return self.lan.hosts[4:6]

    def revive(self, host: Host, program: str | None) -> None:
        """A host that has lost its power comes back."""
        host.mend()
        slurm_hosts.boot(host)
        network_disk.mount(self.server, [host], self.shared)
        slurm_hosts.serve(host, program)
        self.settle()

    def settle(self) -> None:
        """All nodes are idle, and no job is left."""
        login = self.logins[0]
        login.run(["scancel", "--user=root"])
        until(lambda: not slurm_hosts.queue(login), 60)
        words = ["sinfo", "-h", "-o", "%D %t"]
        until(lambda: login.run(words).stdout.split() == ["3", "idle"], 90, lambda: login.run(words).stdout)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = slurm_hosts.unable() or network_disk.unable() or hosts.unable()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("losses")
    with Lan(folder) as lan:
        slurm_hosts.start(lan, hosts=3, cores=2, logins=2)
        clients = list(lan.hosts)
        server = network_disk.serve(lan)
        network_disk.mount(server, clients, folder / "shared")
        yield Cluster(lan, server, folder / "shared")


@pytest.fixture
def shared(cluster: Cluster, tmp_path: Path) -> SharedProject:
    return SharedProject.made(cluster.shared / tmp_path.name, cluster.logins[1], tmp_path / "logs", SEEDS)


def test_the_doctor_asks_every_host(cluster: Cluster, shared: SharedProject) -> None:
    refuse_faults_of_hosts(shared, cluster.logins[0], "slurm")


def test_a_host_that_loses_its_power(cluster: Cluster, shared: SharedProject, predictions: dict[str, str]) -> None:
    session = shared.start(cluster.logins[0], "slurm")
    until(lambda: len(shared.runs) >= 2, 180, lambda: session.told)
    cluster.nodes[1].lose_power()
    assert session.ended(400) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)
    cluster.revive(cluster.nodes[1], "slurmd")


def test_a_host_that_is_cut_off_and_comes_back_with_old_attempts(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    """Its runs go on there, without the folder, and are given out anew; what it writes afterwards changes nothing."""
    session = shared.start(cluster.logins[0], "slurm")
    until(lambda: len(shared.runs) >= 1 and shared.under_way, 180, lambda: session.told)
    refuse_old_attempts(shared, session, cluster.nodes[2], predictions)
    cluster.settle()


def test_a_head_that_loses_its_power_and_comes_back(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    """No answer of the scheduler is no answer: the runs go on, and the driver waits."""
    session = shared.start(cluster.logins[0], "slurm")
    until(lambda: len(shared.runs) >= 1, 180, lambda: session.told)
    cluster.head.lose_power()
    time.sleep(15)
    assert session.process.poll() is None, session.told
    cluster.head.mend()
    slurm_hosts.boot(cluster.head)
    network_disk.mount(cluster.server, [cluster.head], cluster.shared)
    slurm_hosts.serve(cluster.head, "slurmctld")
    assert session.ended(400) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)
    cluster.settle()


def test_a_driver_that_loses_its_power_is_followed_by_another_host(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    session = shared.start(cluster.logins[0], "slurm")
    until(lambda: len(shared.runs) >= 1, 180, lambda: session.told)
    jobs = {line.split("_")[0].split()[0] for line in slurm_hosts.queue(cluster.head)}
    cluster.logins[0].lose_power()
    session.ended(20)
    again = shared.start(cluster.logins[1], "slurm")
    assert again.ended(400) == 0, again.told
    assert "of an earlier session go on, in job" in again.told
    assert {job.split("_")[0] for job in shared.provenance("job")} == jobs, "nothing was given out a second time"
    shared.refuse_lost_or_doubled(predictions)
    cluster.revive(cluster.logins[0], None)


def test_two_drivers_at_one_store(cluster: Cluster, shared: SharedProject, predictions: dict[str, str]) -> None:
    sessions = [shared.start(host, "slurm") for host in cluster.logins]
    for session in sessions:
        assert session.ended(400) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)
    cluster.settle()


def test_a_driver_that_is_cut_off_for_a_while(
    cluster: Cluster, shared: SharedProject, predictions: dict[str, str]
) -> None:
    """Its folder and its scheduler are away together; when they are back it goes on where it was."""
    session = shared.start(cluster.logins[0], "slurm")
    until(lambda: len(shared.runs) >= 1, 180, lambda: session.told)
    cluster.logins[0].cut()
    time.sleep(20)
    cluster.logins[0].mend()
    assert session.ended(400) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)
