"""A real Ray cluster on hosts of our own: a head without cores, hosts with them, and drivers' hosts without."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_path

from tests.execution.engines.hosts import Host, Lan

PORT = 6399
# As docs/engines.md advises them, for head, hosts and drivers alike.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "10000",
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "2000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
}


def unable() -> str | None:
    return "ray is not installed: python -m pip install 'seedwise[ray]'" if find_spec("ray") is None else None


def environment(settings: Mapping[str, str] = SETTINGS) -> dict[str, str]:
    """What head, hosts and drivers are started with; they reach each other without a proxy."""
    return {**{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}, **settings}


@dataclass(frozen=True)
class RayHosts:
    """`nodes` give cores; a driver runs on the head or on one of `drivers`, which give none."""

    lan: Lan
    head: Host
    nodes: tuple[Host, ...]
    drivers: tuple[Host, ...]
    settings: Mapping[str, str]

    @property
    def engine(self) -> str:
        return f"ray://{self.head.address}:{PORT}"

    def boot(self, host: Host) -> Host:
        """A host with what is its own, Ray's folder too; again where it has lost its power."""
        return host.boot(f"mkdir -p /tmp/ray {host.local}/ray; mount --bind {host.local}/ray /tmp/ray")

    def serve(self, host: Host, cores: int) -> None:
        """Ray on the host, up when this returns.  One after the other: started together, some do not come up on a busy machine."""
        log = self.lan.folder / f"{host.name}.ray.log"
        for _ in range(3):
            log.write_text("")
            where = ["--head", f"--port={PORT}", "--include-dashboard=false"]
            if host is not self.head:
                where = [f"--address={self.head.address}:{PORT}"]
            process = host.start(
                [
                    *("sh", "-c", 'trap "" INT; exec "$@"', "sh"),  # as a shell starts what runs in the background
                    *(str(Path(get_path("scripts")) / "ray"), "start", *where, f"--node-ip-address={host.address}"),
                    *(f"--num-cpus={cores}", "--num-gpus=0", "--memory=16000000000", "--object-store-memory=80000000"),
                    *(f"--resources={json.dumps({host.name: 1})}", "--disable-usage-stats", "--block"),
                ],
                log,
                env=environment(self.settings),
            )
            end = time.monotonic() + 90
            while time.monotonic() < end and process.poll() is None:
                if "Ray runtime started" in log.read_text():
                    return
                time.sleep(0.1)
            process.kill()
        raise AssertionError(f"Ray did not come up on {host.name}: {log.read_text()[-2000:]}")


def start(lan: Lan, hosts: int, cores: int, drivers: int = 0, settings: Mapping[str, str] = SETTINGS) -> RayHosts:
    """Hosts booted and Ray up on all of them."""
    token = lan.folder / "auth_token"
    token.write_text(secrets.token_hex(32))
    added = [lan.add() for _ in range(1 + hosts + drivers)]
    known = {**settings, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    made = RayHosts(lan, added[0], tuple(added[1 : 1 + hosts]), tuple(added[1 + hosts :]), known)
    for host in added:
        made.serve(made.boot(host), cores if host in made.nodes else 0)
    return made
