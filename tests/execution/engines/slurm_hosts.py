"""A real Slurm on hosts of our own: a controller and some hosts, as Debian's `slurm-wlm` and `munge` install it."""

from __future__ import annotations

import shutil
import time

from tests.execution.engines.hosts import Host, Lan

_SETTINGS = """ClusterName=tests
SlurmctldHost=n0(10.99.0.10)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmdSpoolDir=/var/spool/slurmd
StateSaveLocation={local}/state
SwitchType=switch/none
SlurmctldTimeout=10
SlurmdTimeout=10
InactiveLimit=0
KillWait=20
MinJobAge=300
Waittime=0
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SlurmctldDebug=info
SlurmdDebug=info
SlurmdParameters=config_overrides
SlurmctldLogFile={local}/slurmctld.log
SlurmdLogFile={local}/slurmd.log
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP
"""
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "munge")


def unable() -> str | None:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return (
        f"Slurm is not installed here ({', '.join(missing)} missing): apt-get install slurm-wlm munge"
        if missing
        else None
    )


def start(lan: Lan, hosts: int, cores: int, logins: int = 0) -> Host:
    """The controller's host, which is a login node too; it, `hosts` of `cores`, and after them `logins` are up when this returns."""
    settings = lan.folder / "slurm"
    settings.mkdir()
    nodes = "\n".join(
        f"NodeName=n{number} NodeAddr=10.99.0.{10 + number} CPUs={cores} RealMemory=16000 State=UNKNOWN"
        for number in range(1, hosts + 1)
    )
    (settings / "slurm.conf").write_text(_SETTINGS.format(local=lan.folder / "local", nodes=nodes))
    for number in range(hosts + 1 + logins):
        boot(lan.add())
        serve(lan.hosts[number], None if number > hosts else "slurmd" if number else "slurmctld")
    head = lan.hosts[0]
    _until(lambda: head.run(["sinfo", "-h", "-o", "%D %t"]).stdout.split() == [str(hosts), "idle"], 120, _told(lan))
    return head


def boot(host: Host) -> None:
    """The host with what every host of Slurm has; again where it has lost its power."""
    settings = host.lan.folder / "slurm"
    host.boot(
        "mount -t tmpfs tmpfs /run; mkdir -p /run/munge; chown munge:munge /run/munge; "
        f"mount -t tmpfs tmpfs /var/spool; mkdir -p /var/spool/slurmd {host.local}/state; "
        f"mkdir -p /etc/slurm; mount --bind {settings} /etc/slurm; "
        "mount -t tmpfs tmpfs /var/log; mkdir -p /var/log/munge; chown munge:munge /var/log/munge; "
        "su munge -s /bin/sh -c /usr/sbin/munged"
    )
    _until(lambda: host.run(["munge", "-n"]).returncode == 0, 30, "munged")


def serve(host: Host, program: str | None) -> None:
    if program is not None:
        host.start([program, "-D"], host.lan.folder / f"{host.name}.log")


def _told(lan: Lan) -> str:
    return "Slurm; its logs are in " + str(lan.folder)


def _until(what: object, seconds: float, name: str) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, f"{name} did not come up"
        time.sleep(0.1)


def queue(head: Host) -> list[str]:
    return head.run(["squeue", "-h", "-r", "-o", "%i %t"]).stdout.splitlines()
