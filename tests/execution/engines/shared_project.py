"""A small project on a folder that hosts share over their network, and sessions in it, as users start them on one host or another."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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

    def interrupt(self) -> None:
        """The session itself, below the programs by which it was started on its host."""
        child = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
        os.kill(int(child), signal.SIGINT)


@dataclass(frozen=True)
class SharedProject:
    """`small` has the paths that hosts see; `seen_from` is a host that the test itself looks through."""

    small: Small
    seen_from: Host
    logs: Path

    @classmethod
    def made(cls, place: Path, seen_from: Host, logs: Path, seeds: int) -> SharedProject:
        """Slow runs, `seeds` of each of two arms; `logs` is a folder of this machine."""
        seed = logs / "seed"
        seed.mkdir(parents=True)
        small = small_project(seed)
        small.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
        small.edit("{rate: 0.0}", "{rate: 0.0, trouble: slow}")
        small.edit("seeds: 4", f"seeds: {seeds}")
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

    def start(self, host: Host, engine: str, *words: str) -> Session:
        log = self.logs / f"session-{len(list(self.logs.glob('session-*')))}.log"
        log.write_text("")
        settings = {"SEEDWISE_ENGINE": engine, "SEEDWISE_NODE_LOCAL": str(host.local / "seedwise")}
        call = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks", "--no-record", *words]
        words_ = ["env", "-C", str(self.small.project.root), *call]
        return Session(host.start(words_, log, env={**self.small.environment, **settings}), log)

    def listed(self, pattern: str) -> list[str]:
        """What of the store matches, as the host sees it."""
        return self.seen_from.run(["sh", "-c", f"ls -d {self.small.project.runs}/{pattern}"]).stdout.split()

    @property
    def runs(self) -> list[str]:
        return [Path(path).parent.name for path in self.listed("[0-9a-f]*/result.json")]

    @property
    def under_way(self) -> list[str]:
        return self.listed(".attempts/*/events.jsonl")

    def provenance(self, key: str) -> list[str]:
        files = self.listed("[0-9a-f]*/provenance.json")
        lines = self.seen_from.run(
            ["sh", "-c", "for f in " + " ".join(files) + "; do cat $f | tr -d '\\n'; echo; done"]
        )
        return [str(json.loads(line)[key]) for line in lines.stdout.splitlines() if line.strip()]

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

    def as_local(self) -> dict[str, str]:
        """What the local engine of this machine predicts of the same study: run → sha256."""
        seed, home = self.logs / "seed", self.logs / "home2"
        local = {
            name: value.replace(str(self.small.project.root.parent), str(seed))
            for name, value in self.small.environment.items()
        }
        words = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks", "--no-record"]
        subprocess.run(
            words, cwd=seed / "project", env={**local, "SEEDWISE_HOME": str(home)}, check=True, capture_output=True
        )
        files = (home / "runs").glob("*/predictions/test.jsonl")
        return {path.parent.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
