"""Ray and Slurm on hosts that share nothing but a network file system, and what losses cost there: docs/results/clusters.md.

    nox -s cluster_losses [-- --repeats 5 --engine ray --only power,nothing --out FILE]     (root; minutes a session)

Hosts are network namespaces of this machine with disks of their own (tests/execution/engines/hosts.py): a head, three hosts of two
places, two from which sessions are started, and the server of the file system.  A session is `pytest benchmarks` of a small study of
24 runs, each at least twelve seconds of sleep: cores that are busy with something else matter little.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.execution.engines import hosts as lans  # noqa: E402
from tests.execution.engines import network_disk, ray_hosts, slurm_hosts  # noqa: E402
from tests.execution.engines.hosts import Host, Lan  # noqa: E402
from tests.execution.engines.shared_project import Session, SharedProject, unbroken, until  # noqa: E402

SEEDS, HOSTS, CORES = 12, 3, 2


@dataclass
class Rig:
    """A cluster of one engine, up, with its file system mounted."""

    name: str
    engine: str
    settings: dict[str, str]
    nodes: tuple[Host, ...]
    drivers: tuple[Host, ...]
    shared: Path
    revive: Callable[[Host], None]


@dataclass
class Row:
    """What a session showed; times in seconds."""

    engine: str
    what: str
    load: float
    session: float = 0.0
    driver: float = 0.0  # processor time of the session's process
    first: float = 0.0  # from the command to the first run's start
    filled: float = 0.0  # from the command until all places are in use
    ideal: float = 0.0  # runs' own times ÷ places
    spread: float = 0.0  # from the first run's start to the last one's end
    again: list[float] = field(default_factory=list)  # from the loss to the next start of each run that was lost by it
    left: float | None = None  # until nothing of it ran any more
    states: str = ""
    runs: int = 0
    half: int = 0  # folders in the place of a run that are none
    same: bool = False  # predictions, as those of a session of the local engine


@contextmanager
def ray(lan: Lan) -> Iterator[Rig]:
    cluster = ray_hosts.start(lan, hosts=HOSTS, cores=CORES, drivers=2)
    clients = list(lan.hosts)
    server = network_disk.serve(lan)
    network_disk.mount(server, clients, lan.folder / "shared")

    def revive(host: Host) -> None:
        host.lose_power()
        host.mend()
        cluster.boot(host)
        network_disk.mount(server, [host], lan.folder / "shared")
        cluster.serve(host, CORES)

    settings = dict(cluster.settings)
    yield Rig("ray", cluster.engine, settings, cluster.nodes, cluster.drivers, lan.folder / "shared", revive)


@contextmanager
def slurm(lan: Lan) -> Iterator[Rig]:
    slurm_hosts.start(lan, hosts=HOSTS, cores=CORES, logins=2)
    clients = list(lan.hosts)
    server = network_disk.serve(lan)
    network_disk.mount(server, clients, lan.folder / "shared")
    login = clients[-1]

    def revive(host: Host) -> None:
        host.lose_power()
        host.mend()
        slurm_hosts.boot(host)
        network_disk.mount(server, [host], lan.folder / "shared")
        slurm_hosts.serve(host, "slurmd")
        words = ["sinfo", "-h", "-o", "%D %t"]
        until(lambda: login.run(words).stdout.split() == [str(HOSTS), "idle"], 120, lambda: login.run(words).stdout)

    nodes, drivers = tuple(clients[1 : 1 + HOSTS]), tuple(clients[1 + HOSTS :])
    yield Rig("slurm", "slurm", {}, nodes, drivers, lan.folder / "shared", revive)


class Trial:
    """One session on a rig, watched."""

    def __init__(self, rig: Rig, place: Path, what: str, expected: dict[str, str]) -> None:
        self.rig, self.expected = rig, expected
        self.row = Row(rig.name, what, os.getloadavg()[0])
        self.shared = SharedProject.made(rig.shared / place.name, rig.drivers[1], place, SEEDS)
        self.begun = 0.0

    def run(self) -> Row:
        self.begun = time.time()
        session = self._session(0)
        getattr(self, f"_{self.row.what}")(session)
        self._look()
        return self.row

    def _session(self, driver: int) -> Session:
        return self.shared.start(self.rig.drivers[driver], self.rig.engine, settings=self.rig.settings)

    def _until(self, session: Session, runs: int, under_way: int) -> None:
        until(
            lambda: len(self.shared.runs) >= runs and len(self.shared.under_way) >= under_way, 300, lambda: session.told
        )

    def _end(self, session: Session) -> None:
        """Its own processor time as it goes: the last look before it ends misses half a second."""
        child = Path(f"/proc/{session.process.pid}/task/{session.process.pid}/children")
        ticks = 0
        while session.process.poll() is None:
            try:
                stat = Path(f"/proc/{child.read_text().split()[0]}/stat").read_text().rpartition(")")[2].split()
                ticks = int(stat[11]) + int(stat[12])
            except (OSError, IndexError):
                pass
            assert time.time() - self.begun < 900, session.told
            time.sleep(0.5)
        self.row.driver = ticks / os.sysconf("SC_CLK_TCK")
        self.row.session = time.time() - self.begun
        assert session.process.returncode == 0, session.told

    def _nothing(self, session: Session) -> None:
        self._end(session)

    def _power(self, session: Session) -> None:
        self._lost(session, lambda host: host.lose_power())

    def _cut(self, session: Session) -> None:
        self._lost(session, lambda host: host.cut())

    def _lost(self, session: Session, take: Callable[[Host], None]) -> None:
        """The host that has most under way, in mid-run; the last round, so that what it loses waits for no other run's turn."""
        self._until(session, 2 * SEEDS - HOSTS * CORES, HOSTS * CORES - 1)
        time.sleep(1)
        on: dict[str, list[str]] = {}
        for path in self.shared.listed(".attempts/*/provenance.json"):
            text = self.shared.seen_from.run(["cat", path]).stdout
            if text.strip():
                on.setdefault(str(json.loads(text)["host"]), []).append(Path(path).parent.name)
        host = max(self.rig.nodes, key=lambda node: len(on.get(node.name, ())))
        take(host)
        when = time.time()
        lost = {name.partition(".")[0] for name in on.get(host.name, ())}
        known = {Path(path).name for path in self.shared.listed(".attempts/*.*.*.*")}
        self.row.again = []
        while lost and time.time() - when < 300 and session.process.poll() is None:
            for path in self.shared.listed(".attempts/*.*.*.*"):
                name = Path(path).name
                identity, started = name.split(".")[:2]
                if name not in known and identity in lost:
                    lost.discard(identity)
                    self.row.again.append(int(started) / 1e9 - when)
            lost -= set(self.shared.runs)  # it was whole just before
            time.sleep(0.3)
        self._end(session)
        self.rig.revive(host)

    def _stop(self, session: Session) -> None:
        self._until(session, 2, 4)
        time.sleep(1)
        since = time.time()
        session.interrupt()
        session.ended(90)
        self.row.left = time.time() - since
        started = self.shared.told
        self.row.states = f"{len(self.shared.saved & started)} of {len(started)} saved"
        assert not self._backends()
        self._end(self._session(1))
        self.row.states += f", {sum(count > 1 for count in self.shared.starts().values())} gone on with"

    def _kill(self, session: Session) -> None:
        self._until(session, 2, 4)
        since = time.time()
        session.interrupt(signal.SIGKILL)
        session.ended(20)
        if self.rig.name == "ray":
            until(lambda: not self._backends(), 60)
            self.row.left = time.time() - since
        again = self._session(1)
        self._end(again)
        if self.rig.name == "slurm":
            assert "of an earlier session go on" in again.told
            jobs = {job.partition("_")[0] for job in self.shared.provenance("job")}
            self.row.states = "0" if len(jobs) == 1 else f"{len(jobs) - 1} arrays"

    def _backends(self) -> list[str]:
        return [pid for host in self.rig.nodes for pid in host.run(["pgrep", "-f", "fake_backend.py"]).stdout.split()]

    def _look(self) -> None:
        """What came of it, from the store."""
        shared, row = self.shared, self.row
        folders = [Path(path).name for path in shared.listed("[0-9a-f]*")]
        row.runs = len(shared.runs)
        row.half = len(folders) - row.runs
        row.same = shared.predictions() == self.expected
        files = f"{shared.small.project.runs}/[0-9a-f]*"
        totals = shared.seen_from.run(
            ["sh", "-c", f"cat {files}/result.json | tr -d ' \\n' | grep -o '\"total\":[0-9.]*'"]
        )
        row.ideal = sum(float(line.rpartition(":")[2]) for line in totals.stdout.split()) / (HOSTS * CORES)
        starts = shared.seen_from.run(["sh", "-c", f"for f in {files}/events.jsonl; do head -1 $f; tail -1 $f; done"])
        times = [float(json.loads(line)["time"]) for line in starts.stdout.splitlines() if line.strip()]
        begins = sorted(times[::2])
        row.first, row.filled = begins[0] - self.begun, begins[HOSTS * CORES - 1] - self.begun
        row.spread = max(times) - begins[0]


WORDS = {
    "nothing": "nothing",
    "power": "a host loses its power",
    "cut": "a host is cut off",
    "stop": "Ctrl-C, then again from another host",
    "kill": "SIGKILL, then again from another host",
}


def tables(rows: list[Row]) -> str:
    """What came of the sessions, and what they took: medians, the largest in brackets."""
    outcome = [
        "| engine | what happens | sessions | runs, each once | half ones | predictions as local | session, s | load |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    times = ["| engine | what | goal | found |", "| --- | --- | --- | --- |"]
    for engine in ("ray", "slurm"):
        for what, words in WORDS.items():
            if some := [row for row in rows if (row.engine, row.what) == (engine, what)]:
                cells = [
                    *(engine, words, str(len(some)), f"{sum(row.runs for row in some)} of {2 * SEEDS * len(some)}"),
                    *(str(sum(row.half for row in some)), f"{sum(row.same for row in some)} of {len(some)}"),
                    many([row.session for row in some]),
                    f"{min(row.load for row in some):.0f} to {max(row.load for row in some):.0f}",
                ]
                outcome.append("| " + " | ".join(cells) + " |")
        times += [
            f"| {engine} | {' | '.join(cells)} |" for cells in _times([row for row in rows if row.engine == engine])
        ]
    return "\n".join([*outcome, "", *times])


def many(values: list[float], unit: str = "", digits: int = 0) -> str:
    if not values:
        return "–"
    return f"{statistics.median(values):.{digits}f}{unit and f' {unit}'} ({max(values):.{digits}f})"


def _times(rows: list[Row]) -> Iterator[tuple[str, str, str]]:
    by = {what: [row for row in rows if row.what == what] for what in WORDS}
    plain, stopped, killed = by["nothing"], by["stop"], by["kill"]
    if plain:
        yield "command → first run's start", "–", many([row.first for row in plain], "s")
        yield "command → all 6 places in use", "–", many([row.filled for row in plain], "s")
        ratio = [row.spread / row.ideal for row in plain]
        yield "first start → last end, beside runs' own time ÷ places", "1.15", many(ratio, "", 2)
        yield (
            "the same in seconds a run and place",
            "–",
            many([(row.spread - row.ideal) * HOSTS * CORES / row.runs for row in plain], "s", 1),
        )
        yield (
            "processor time of the session's process, imports and verdict included",
            "–",
            many([row.driver for row in plain], "s", 1),
        )
    for what in ("power", "cut"):
        if again := [second for row in by[what] for second in row.again]:
            goal = "30 s" if rows[0].engine == "ray" else "SlurmdTimeout (10 s) + 45 s"
            yield f"{WORDS[what]} → next start of each of its runs ({len(again)})", goal, many(again, "s")
    if stopped:
        yield "Ctrl-C → all gone", "25 s", many([row.left for row in stopped if row.left is not None], "s")
        saved, started, again = map(
            sum, zip(*(map(int, re.findall(r"\d+", row.states)) for row in stopped), strict=True)
        )
        yield "states of the runs that had started", "all", f"{saved} of {started} saved, {again} gone on with"
    if killed and rows[0].engine == "ray":
        yield (
            "SIGKILL of the session → no backend left",
            "5 s",
            many([row.left for row in killed if row.left is not None], "s", 1),
        )
    if killed and rows[0].engine == "slurm":
        yield (
            "SIGKILL of the session: given out twice by the next one",
            "0",
            "; ".join(dict.fromkeys(row.states for row in killed)),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--engine", choices=["ray", "slurm"], action="append")
    parser.add_argument("--only", default=",".join(WORDS))
    parser.add_argument("--json", type=Path, help="rows are added to those that are there")
    given = parser.parse_args()
    reason = lans.unable() or network_disk.unable() or ray_hosts.unable() or slurm_hosts.unable()
    if reason:
        raise SystemExit(reason)
    rows = [Row(**row) for row in json.loads(given.json.read_text())] if given.json and given.json.exists() else []
    with tempfile.TemporaryDirectory(prefix="clusters-") as name:
        folder = Path(name)
        expected = unbroken(folder / "unbroken", SEEDS)
        for engine in given.engine or ["ray", "slurm"]:
            (folder / engine).mkdir()
            with Lan(folder / engine) as lan, (ray if engine == "ray" else slurm)(lan) as rig:
                for number in range(given.repeats):
                    for what in given.only.split(","):
                        row = Trial(rig, folder / f"{engine}-{what}-{number}", what, expected).run()
                        print(row, flush=True)
                        rows.append(row)
                        if given.json:
                            given.json.write_text(json.dumps([vars(row) for row in rows], indent=1))
    print(tables(rows))


if __name__ == "__main__":
    main()
