"""A small project on a folder that hosts share over their network, and sessions in it, as users start them on one host or another."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.conftest import Small, small_project
from tests.execution.engines.hosts import Host


def until(what: Callable[[], object], seconds: float = 60, why: Callable[[], str] = lambda: "") -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"waited too long: {why()}"
        time.sleep(0.2)


@dataclass(frozen=True)
class Session:
    process: subprocess.Popen[bytes]
    log: Path

    def ended(self, seconds: float) -> int:
        self.process.wait(seconds)
        return int(self.process.returncode)

    @property
    def told(self) -> str:
        return self.log.read_text()

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """The session itself, below the programs by which it was started on its host."""
        child = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
        os.kill(int(child), number)


@dataclass(frozen=True)
class SharedProject:
    """`small` has the paths that hosts see; `seen_from` is a host that the test itself looks through."""

    small: Small
    seen_from: Host
    logs: Path

    @classmethod
    def made(cls, place: Path, seen_from: Host, logs: Path, seeds: int, epochs: int = 4) -> SharedProject:
        """Slow runs, `seeds` of each of two arms; `logs` is a folder of this machine."""
        seed = logs / "seed"
        small = slow_project(seed, seeds, epochs)
        copied = seen_from.run(["cp", "-r", str(seed), str(place)])
        assert copied.returncode == 0, copied.stderr
        project = replace(
            small.project,
            root=place / "project",
            home=place / "home",
            cache=place / "cache",
            data_root=place / "data",
        )
        moved = {name: value.replace(str(seed), str(place)) for name, value in small.environment.items()}
        return cls(Small(project, place / "project/benchmarks/small.yaml", moved), seen_from, logs)

    def start(self, host: Host, engine: str, *words: str, settings: Mapping[str, str] | None = None) -> Session:
        """A session of `engine` on the host; `settings` are further variables of its environment."""
        call = ("pytest", "-p", "no:benchmark", "benchmarks", "--no-record", *words)
        return self.call(host, engine, *call, settings=settings)

    def call(self, host: Host, engine: str, *words: str, settings: Mapping[str, str] | None = None) -> Session:
        """`python -m WORDS` in the project's folder on the host."""
        log = self.logs / f"session-{len(list(self.logs.glob('session-*')))}.log"
        log.write_text("")
        ours = {"SEEDWISE_ENGINE": engine, "SEEDWISE_NODE_LOCAL": str(host.local / "seedwise")}
        call = ["env", "-C", str(self.small.project.root), sys.executable, "-m", *words]
        return Session(host.start(call, log, env={**self.small.environment, **(settings or {}), **ours}), log)

    def listed(self, pattern: str) -> list[str]:
        """What of the store matches, as the host sees it."""
        return self.seen_from.run(["sh", "-c", f"ls -d {self.small.project.runs}/{pattern}"]).stdout.split()

    @property
    def runs(self) -> list[str]:
        return [Path(path).parent.name for path in self.listed("[0-9a-f]*/result.json")]

    @property
    def under_way(self) -> list[Path]:
        """Attempts whose backend has begun.  A file that is still written to need not be seen by other hosts, this one is closed."""
        return [Path(path).parent for path in self.listed(".attempts/*/backend.log")]

    def under_way_on(self, host: Host) -> list[str]:
        """Runs whose attempts are made there."""
        words = f'grep -l \'"host": "{host.name}"\' {self.small.project.runs}/.attempts/*/provenance.json'
        return [
            Path(path).parent.name.partition(".")[0] for path in self.seen_from.run(["sh", "-c", words]).stdout.split()
        ]

    @property
    def told(self) -> set[Path]:
        """Attempts whose events are seen: of those that have ended, whichever way, all."""
        return {Path(path).parent for path in self.listed(".attempts/*/events.jsonl")}

    @property
    def saved(self) -> set[Path]:
        """Attempts that have left a state."""
        return {Path(path).parents[1] for path in self.listed(".attempts/*/state/state.json")}

    def refuse_lost_or_doubled(self, unbroken: Mapping[str, str]) -> None:
        """Every run is there once and whole, with the predictions of a session that nothing happened to."""
        folders = [Path(path).name for path in self.listed("[0-9a-f]*")]
        assert sorted(folders) == sorted(self.runs) == sorted(unbroken)
        assert self.predictions() == unbroken

    def starts(self) -> dict[str, int]:
        """How often each run was begun or gone on with."""
        files = f"{self.small.project.runs}/[0-9a-f]*/events.jsonl"
        counts = self.seen_from.run(["sh", "-c", f"grep -c '\"start\"' {files}"]).stdout.split()
        return {Path(line.rpartition(":")[0]).parent.name: int(line.rpartition(":")[2]) for line in counts}

    def provenance(self, key: str) -> list[str]:
        return list(self.provenances(key).values())

    def provenances(self, key: str) -> dict[str, str]:
        """Run → what its provenance has under `key`."""
        files = self.listed("[0-9a-f]*/provenance.json")
        words = "for f in " + " ".join(files) + "; do cat $f | tr -d '\\n'; echo; done"
        lines = [line for line in self.seen_from.run(["sh", "-c", words]).stdout.splitlines() if line.strip()]
        return {Path(path).parent.name: str(json.loads(line)[key]) for path, line in zip(files, lines, strict=True)}

    def digests(self) -> dict[str, str]:
        """Every file of every run, by its path below the store."""
        found = self.seen_from.run(
            ["sh", "-c", f"cd {self.small.project.runs} && find [0-9a-f]* -type f -exec sha256sum {{}} +"], timeout=120
        )
        return {line.split(maxsplit=1)[1]: line.split()[0] for line in found.stdout.splitlines()}

    def predictions(self) -> dict[str, str]:
        return {
            path.split("/")[0]: digest
            for path, digest in self.digests().items()
            if path.endswith("predictions/test.jsonl")
        }


def slow_project(folder: Path, seeds: int, epochs: int = 4) -> Small:
    """A study of two arms and `seeds` each, whose runs take three seconds an epoch."""
    folder.mkdir(parents=True)
    small = small_project(folder)
    small.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    small.edit("{rate: 0.0}", "{rate: 0.0, trouble: slow}")
    small.edit("seeds: 4", f"seeds: {seeds}")
    small.edit("epochs: 2", f"epochs: {epochs}")
    return small


def unbroken(folder: Path, seeds: int) -> dict[str, str]:
    """What the local engine of this machine predicts of the same study: run → sha256."""
    small = slow_project(folder, seeds)
    done = small.pytest("benchmarks", "--no-record", timeout=600)
    assert done.returncode == 0, done.stdout
    return {
        run.name: hashlib.sha256((run / "predictions" / "test.jsonl").read_bytes()).hexdigest() for run in small.runs()
    }


def refuse_faults_of_hosts(
    shared: SharedProject, host: Host, engine: str, settings: Mapping[str, str] | None = None
) -> None:
    """`seedwise doctor` has a line for each of n1 to n3, in which nothing is wrong."""
    asked = shared.call(host, engine, "seedwise", "doctor", "--engine", engine, settings=settings)
    assert asked.ended(180) == 0, asked.told
    lines = [line.split() for line in asked.told.splitlines() if line.startswith(("n1 ", "n2 ", "n3 "))]
    assert sorted(line[:2] for line in lines) == [["n1", "ok"], ["n2", "ok"], ["n3", "ok"]], asked.told


def refuse_old_attempts(shared: SharedProject, session: Session, host: Host, predictions: Mapping[str, str]) -> None:
    """`host` is cut off: its runs go on there and are given out anew; what it writes when it is back changes nothing."""
    host.cut()
    assert session.ended(400) == 0, session.told
    shared.refuse_lost_or_doubled(predictions)
    before = shared.digests()
    host.mend()
    time.sleep(20)
    assert shared.digests() == before, "a host with an old attempt changes nothing"
