"""Kills at random and aimed times, full disks, dead servers, two harnesses: and what the next call makes of it."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos.case import (
    BENCH,
    BUNDLE,
    REPORT,
    RUNS,
    TRACK,
    Tally,
    begin,
    call,
    disturb,
    left_over,
    verdict,
    whole,
)
from benchmarks.chaos.servers import Servers
from tests.conftest import Small, small_project

_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class Kills:
    """Draws cases; `servers` is None where there is no PostgreSQL, and its cases are left out."""

    def __init__(self, draw: random.Random, place: Path, servers: Servers | None, tally: Tally) -> None:
        self._draw = draw
        self._place = place
        self._servers = servers
        self._tally = tally
        self._number = 0
        shelf = self._project("shelf")
        answer = call(shelf, BENCH)
        self._wanted = verdict(answer.stdout)
        assert self._wanted, answer.stdout
        self._shelf = shelf
        self._kinds: list[tuple[str, int, Callable[[str], str | None]]] = [
            ("a session at a random time", 6, self._session),
            ("the MLflow schema being made", 3, self._schema),
            ("an import, a report or a bundle of finished runs", 4, self._records),
            ("one of two sessions at once", 2, self._two),
            ("a full disk (tmpfs), then room", 2, self._full),
            *([("an import into MLflow over PostgreSQL", 2, self._import)] if servers else []),
            *([("the MLflow server itself, during an import", 1, self._server)] if servers else []),
        ]

    def one(self) -> None:
        names, weights, _ = zip(*self._kinds, strict=True)
        name = self._draw.choices(names, weights)[0]
        kill = next(case for kind, _, case in self._kinds if kind == name)
        try:
            problem = kill(name)
        except subprocess.TimeoutExpired:
            problem = "a call did not end"
        self._tally.note(name, problem)
        shutil.rmtree(self._place / f"case-{self._number}", ignore_errors=True)

    def _project(self, name: str) -> Small:
        made = small_project(self._place / name)
        made.edit("seeds: 4", "seeds: 3")
        (self._place / name / "tmp").mkdir()
        made.environment["TMPDIR"] = str(self._place / name / "tmp")
        return made

    def _next(self) -> Small:
        self._number += 1
        return self._project(f"case-{self._number}")

    def _finished(self) -> Small:
        """A project whose runs are done, with nothing recorded."""
        made = self._next()
        shutil.copytree(self._shelf.project.runs, made.project.runs, symlinks=True)
        shutil.copytree(self._shelf.project.cache, made.project.cache, symlinks=True, dirs_exist_ok=True)
        return made

    def _signal(self) -> int:
        return self._draw.choice(_SIGNALS)

    def _session(self, kind: str) -> str | None:
        small, number = self._next(), self._signal()
        said = disturb(begin(small, BENCH), number, lambda: True, self._draw.uniform(0.3, 15))
        return _traceback(said) or whole(small, self._wanted) or _history(small)

    def _schema(self, kind: str) -> str | None:
        small = self._finished()
        begun = disturb(
            begin(small, self._draw.choice([BENCH, TRACK])), self._signal(),
            lambda: any(small.project.mlflow.glob("mlflow.db*")), self._draw.uniform(0, 2),
        )  # fmt: skip
        return _traceback(begun) or whole(small, self._wanted) or _history(small)

    def _records(self, kind: str) -> str | None:
        small, words = self._finished(), self._draw.choice([TRACK, REPORT, BUNDLE])
        said = disturb(begin(small, words), self._signal(), lambda: True, self._draw.uniform(0.2, 8))
        again = call(small, words)
        if again.returncode != 0:
            return f"{words[2]} again: exit code {again.returncode}: {(again.stdout + again.stderr)[-300:]}"
        return _traceback(said) or whole(small, self._wanted) or _history(small)

    def _two(self, kind: str) -> str | None:
        small = self._next()
        other = begin(small, BENCH)
        said = disturb(begin(small, BENCH), self._signal(), lambda: True, self._draw.uniform(0.3, 10))
        text = other.communicate(timeout=300)[0].decode(errors="replace")
        if other.returncode != 0:
            return f"the other session: exit code {other.returncode}: {text[-300:]}"
        return _traceback(said) or whole(small, self._wanted) or _history(small)

    def _full(self, kind: str) -> str | None:
        """Home, cache and TMPDIR on a small disk, of which all but a little is taken."""
        small = self._finished() if self._draw.random() < 0.5 else self._next()
        disk = self._place / f"case-{self._number}" / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200m", "tmpfs", str(disk)], capture_output=True)
        if mounted.returncode != 0:
            return "no tmpfs can be mounted here"
        try:
            places = {"SEEDWISE_HOME": disk / "home", "SEEDWISE_CACHE": disk / "cache", "TMPDIR": disk / "tmp"}
            if small.project.runs.is_dir():
                shutil.copytree(small.project.home, places["SEEDWISE_HOME"], symlinks=True)
            places["TMPDIR"].mkdir()
            more = {name: str(path) for name, path in places.items()}
            room = self._draw.choice([0, 1 << 14, 1 << 17, 1 << 19, 1 << 21])
            free = shutil.disk_usage(disk).free - room
            with open(disk / "filler", "wb") as filler:
                for _ in range(0, max(0, free), 1 << 20):
                    filler.write(b"\0" * min(1 << 20, free))
            answer = call(small, self._draw.choice([BENCH, TRACK, REPORT]), **more)
            text = answer.stdout + answer.stderr
            (disk / "filler").unlink()
            problem = _traceback(text)
            if not problem and answer.returncode not in range(10):
                problem = f"exit code {answer.returncode}: {text[-300:]}"
            again = call(small, BENCH, **more)
            if not problem and (again.returncode != 0 or verdict(again.stdout) != self._wanted):
                problem = f"after room was made: exit code {again.returncode}: {(again.stdout + again.stderr)[-300:]}"
            return problem
        finally:
            subprocess.run(["umount", "-l", str(disk)], capture_output=True, check=False)

    def _import(self, kind: str) -> str | None:
        assert self._servers is not None
        small = self._finished()
        name = self._renamed(small)
        uri = {"MLFLOW_TRACKING_URI": self._servers.address}
        said = disturb(begin(small, TRACK, **uri), self._signal(), lambda: True, self._draw.uniform(0.5, 8))
        return _traceback(said) or self._imported(small, name, uri)

    def _server(self, kind: str) -> str | None:
        assert self._servers is not None
        small = self._finished()
        name = self._renamed(small)
        uri = {"MLFLOW_TRACKING_URI": self._servers.address}
        process = begin(small, TRACK, **uri)
        time.sleep(self._draw.uniform(1, 8))
        self._servers.kill()
        said = process.communicate(timeout=300)[0].decode(errors="replace")
        self._servers.start()
        return _traceback(said) or self._imported(small, name, uri)

    def _renamed(self, small: Small) -> str:
        name = f"small-{self._number}"
        small.edit("name: small", f"name: {name}")
        return name

    def _imported(self, small: Small, name: str, uri: dict[str, str]) -> str | None:
        assert self._servers is not None
        again = call(small, TRACK, **uri)
        if again.returncode != 0:
            return f"track again: exit code {again.returncode}: {(again.stdout + again.stderr)[-300:]}"
        count = self._servers.seed_runs(name)
        return (None if count == RUNS else f"{count} seed runs on the server, not {RUNS}") or left_over(small)


def _traceback(text: str) -> str | None:
    if "Traceback" not in text and "INTERNALERROR" not in text:
        return None
    return "a traceback when it was disturbed: " + text[text.find("Traceback") :][-400:]


def _history(small: Small) -> str | None:
    with sqlite3.connect(small.project.mlflow / "mlflow.db") as history:
        query = "SELECT COUNT(*) FROM runs JOIN tags USING (run_uuid) WHERE key = 'seedwise.kind' AND value = 'seed'"
        (count,) = history.execute(f"{query} AND lifecycle_stage = 'active'").fetchone()
    history.close()
    return None if count == RUNS else f"{count} seed runs in MLflow, not {RUNS}"
