"""Hosts of our own on one machine, which can lose their power: a network namespace each on a bridge that leads nowhere, with a name,
processes, mounts and a disk of their own.  Linux, as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_INIT = """
import os, time
print('up', flush=True)
while True:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        time.sleep(0.2)
"""


def unable() -> str | None:
    """Why hosts cannot be made here; None where they can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "hosts are network namespaces: only root makes them"
    for program in ("ip", "nsenter", "unshare", "mount"):
        if shutil.which(program) is None:
            return f"hosts need the program {program}"
    name = f"sw{uuid.uuid4().hex[:6]}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return "network namespaces cannot be made here"
    bridge = subprocess.run(["ip", "-n", name, "link", "add", "br0", "type", "bridge"], capture_output=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return "bridges cannot be made here" if bridge.returncode else None


def shell(command: str) -> None:
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"


@dataclass
class Host:
    """`disk` is its own; `local` the path at which the host itself sees it."""

    name: str
    address: str
    namespace: str
    lan: Lan
    disk: Path
    local: Path
    process: subprocess.Popen[str] | None = None
    init: int = 0

    def boot(self, mounts: str = "") -> Host:
        hosts = self.disk.parent / f"{self.name}.hosts"
        hosts.write_text("127.0.0.1 localhost\n" + self.lan.names())
        script = (
            f"set -e; hostname {self.name}; mount --bind {hosts} /etc/hosts; mount --bind {self.disk} {self.local}; {mounts}\n"
            f'exec python3 -c "{_INIT}"'
        )
        # Not `ip netns exec`, which mounts a new /sys and hides the control groups.
        self.process = subprocess.Popen(
            [
                *("nsenter", f"--net=/run/netns/{self.namespace}"),
                *(
                    "unshare",
                    "--uts",
                    "--mount",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "--mount-proc",
                    "--propagation",
                    "private",
                ),
                *("bash", "-c", script),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        up = self.process.stdout.readline()
        assert up == "up\n", self.process.stderr.read() if self.process.stderr else ""
        pid = self.process.pid
        self.init = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return self

    def words(self, words: Sequence[str]) -> list[str]:
        """The command by which `words` is run on the host."""
        return ["nsenter", "-t", str(self.init), "-n", "-u", "-m", "-p", "--", *words]

    def start(self, words: Sequence[str], log: Path, **settings: object) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(self.words(words), stdout=output, stderr=output, **settings)  # type: ignore[call-overload,no-any-return]

    def run(self, words: Sequence[str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.words(words), capture_output=True, text=True, timeout=timeout)

    def lose_power(self) -> None:
        self.cut()
        self.kill()

    def cut(self) -> None:
        shell(f"ip -n {self.lan.hub} link set {self.namespace}b down")

    def cut_from(self, others: Iterable[Host]) -> None:
        """Nothing more goes from here to `others`, while the rest of the network is there."""
        for other in others:
            shell(f"ip -n {self.namespace} route add blackhole {other.address}/32")

    def mend(self) -> None:
        shell(f"ip -n {self.lan.hub} link set {self.namespace}b up")
        shell(f"ip -n {self.namespace} route flush type blackhole")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class Lan:
    """A bridge and its hosts; `folder` is for their disks."""

    folder: Path
    name: str = field(default_factory=lambda: f"s{uuid.uuid4().hex[:5]}")
    hosts: list[Host] = field(default_factory=list)

    @property
    def hub(self) -> str:
        return f"{self.name}hub"

    def names(self) -> str:
        return "".join(f"10.99.0.{10 + number} n{number}\n" for number in range(240))

    def __enter__(self) -> Lan:
        shell(
            f"ip netns add {self.hub} && ip -n {self.hub} link add br0 type bridge && ip -n {self.hub} link set br0 up"
        )
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts:
            host.kill()
        for name in [*(host.namespace for host in self.hosts), self.hub]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def add(self) -> Host:
        number = len(self.hosts)
        space, address = f"{self.name}n{number}", f"10.99.0.{10 + number}"
        disk, local = self.folder / f"disk{number}", self.folder / "local"
        disk.mkdir(parents=True)
        local.mkdir(exist_ok=True)
        shell(
            f"ip netns add {space} && ip link add {space}e type veth peer name {space}b && ip link set {space}e netns {space} && "
            f"ip link set {space}b netns {self.hub} && ip -n {space} link set lo up && "
            f"ip -n {space} addr add {address}/24 dev {space}e && ip -n {space} link set {space}e up && "
            f"ip -n {self.hub} link set {space}b master br0 && ip -n {self.hub} link set {space}b up"
        )
        host = Host(f"n{number}", address, space, self, disk, local)
        self.hosts.append(host)
        return host
