"""Kills at random and aimed times, full disks, dead servers, two harnesses: and what the next call makes of it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos.case import (
    BENCH,
    BUNDLE,
    LIMIT_SECONDS,
    PUBLISH,
    REPORT,
    RUNS,
    TRACK,
    begin,
    call,
    disturb,
    history,
    left_over,
    rough_words,
    verdict,
    whole,
)
from benchmarks.chaos.command import Command, DidNotEnd
from benchmarks.chaos.moments import at_change, count_changes, no_space_from
from benchmarks.chaos.servers import Servers
from seedwise.tracker.database import make_database
from tests.conftest import Small, small_project

_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_RECORDS = (TRACK, REPORT, BUNDLE, PUBLISH)

# Kind → its share of the kills.
KINDS = {
    "a session, at a random time": 35,
    "a session, at an aimed step": 45,
    "the MLflow schema being made, at a random time": 15,
    "an import, report, bundle or site of finished runs, at a random time": 20,
    "an import, report, bundle or site of finished runs, at an aimed step": 35,
    "one of two sessions at once": 15,
    "a run of a session": 10,
    "a full disk (tmpfs), then room": 10,
    "no space from an aimed step on, then room": 15,
}
SERVED_KINDS = {
    "an import into MLflow over PostgreSQL": 10,
    "the MLflow server itself (over PostgreSQL), during an import": 5,
}


class Kills:
    """Does cases in `place`, each with draws of its own."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._servers: Servers | None = None
        self._number = 0
        shelf = self._project("shelf")
        answer = call(shelf, BENCH)
        self._wanted = verdict(answer.stdout)
        assert self._wanted, answer.text
        self.shelf = shelf
        self._database = place / "empty.db"
        make_database(self._database, None)
        self._steps: dict[str, int] = {}
        self._cases: dict[str, Callable[[random.Random], str | None]] = dict(
            zip(
                (*KINDS, *SERVED_KINDS),
                (
                    self._session, self._session_at_step, self._schema, self._records, self._records_at_step, self._two,
                    self._run, self._full, self._no_space, self._import, self._server,
                ),
                strict=True,
            )
        )  # fmt: skip

    def one(self, kind: str, draw: random.Random) -> str | None:
        """What was wrong with a new case of `kind`, or None."""
        self._number += 1
        if kind in SERVED_KINDS and self._servers is None:
            self._servers = Servers()
        try:
            return self._cases[kind](draw)
        except DidNotEnd as error:
            return str(error)
        finally:
            shutil.rmtree(self._place / f"case-{self._number}", ignore_errors=True)

    def close(self) -> None:
        if self._servers is not None:
            self._servers.close()

    def _project(self, name: str) -> Small:
        made = small_project(self._place / name)
        made.edit("seeds: 4", "seeds: 3")
        (self._place / name / "tmp").mkdir()
        made.environment["TMPDIR"] = str(self._place / name / "tmp")
        return made

    def _next(self, begun: bool) -> Small:
        """A project with nothing in it, or with what a first session makes beside runs: then more of the kills hit runs."""
        made = self._project(f"case-{self._number}")
        if begun:
            shutil.copytree(self.shelf.project.cache, made.project.cache, symlinks=True, dirs_exist_ok=True)
            made.project.mlflow.mkdir(parents=True)
            shutil.copy(self._database, made.project.mlflow / "mlflow.db")
        return made

    def _finished(self) -> Small:
        """A project whose runs are done, with nothing recorded."""
        made = self._project(f"case-{self._number}")
        shutil.copytree(self.shelf.project.runs, made.project.runs, symlinks=True)
        shutil.copytree(self.shelf.project.cache, made.project.cache, symlinks=True, dirs_exist_ok=True)
        return made

    def known(self) -> frozenset[int]:
        """Processes that belong here: PostgreSQL and MLflow, once a case has needed them."""
        return frozenset() if self._servers is None else self._servers.processes

    def _after(self, small: Small, said: str, **more: str) -> str | None:
        """What is wrong with what the disturbed command said, or with the next call."""
        return (
            (None if _before_us(said) else rough_words(said))
            or whole(small, self._wanted, self.known(), **more)
            or history(small.project.mlflow / "mlflow.db")
        )

    def _session(self, draw: random.Random) -> str | None:
        small = self._next(_begun(draw))
        said = disturb(begin(small, BENCH), draw.choice(_SIGNALS), lambda: True, draw.uniform(0, 5))
        return self._after(small, said.text)

    def _session_at_step(self, draw: random.Random) -> str | None:
        begun, number = _begun(draw), draw.choice(_SIGNALS)
        step = self._step(BENCH, draw, begun)
        small = self._next(begun)
        command = begin(small, BENCH, at_change(step, lambda: os.kill(os.getpid(), number)))
        return self._after(small, command.answer(LIMIT_SECONDS).text)

    def _schema(self, draw: random.Random) -> str | None:
        small = self._finished()
        said = disturb(
            begin(small, draw.choice([BENCH, TRACK])), draw.choice(_SIGNALS),
            lambda: any(small.project.mlflow.glob("mlflow.db*")), draw.uniform(0, 1.5),
        )  # fmt: skip
        return self._after(small, said.text)

    def _records(self, draw: random.Random) -> str | None:
        small, words = self._finished(), draw.choice(_RECORDS)
        said = disturb(begin(small, words), draw.choice(_SIGNALS), lambda: True, draw.uniform(0, 3))
        return self._again(small, words, said.text)

    def _records_at_step(self, draw: random.Random) -> str | None:
        words, number = draw.choice(_RECORDS), draw.choice(_SIGNALS)
        step = self._step(words, draw)
        small = self._finished()
        command = begin(small, words, at_change(step, lambda: os.kill(os.getpid(), number)))
        return self._again(small, words, command.answer(LIMIT_SECONDS).text)

    def _again(self, small: Small, words: list[str], said: str) -> str | None:
        again = call(small, words)
        if again.returncode != 0:
            return f"{words[2]} again: exit code {again.returncode}: {again.text[-600:]}"
        return self._after(small, said)

    def _two(self, draw: random.Random) -> str | None:
        small = self._next(_begun(draw))
        other = begin(small, BENCH)
        said = disturb(begin(small, BENCH), draw.choice(_SIGNALS), lambda: True, draw.uniform(0, 6))
        answer = other.answer(3 * LIMIT_SECONDS)
        if answer.returncode != 0:
            return f"the other session: exit code {answer.returncode}: {answer.text[-600:]}"
        return self._after(small, said.text)

    def _run(self, draw: random.Random) -> str | None:
        """A process of a backend is killed under a session, which says so, or does the run again."""
        small = self._next(_begun(draw))
        session = begin(small, BENCH)
        ends = time.monotonic() + draw.uniform(0.5, 4)
        while session.poll() is None and time.monotonic() < ends:
            time.sleep(0.01)
        if below := _below(session):
            os.kill(draw.choice(below), signal.SIGKILL)
        answer = session.answer(LIMIT_SECONDS)
        if answer.returncode not in range(10):
            return f"the session: exit code {answer.returncode}: {answer.text[-600:]}"
        return self._after(small, answer.text)

    def _full(self, draw: random.Random) -> str | None:
        """Home, cache and TMPDIR on a small disk, of which all but a little is taken."""
        small = self._finished() if draw.random() < 0.5 else self._next(_begun(draw))
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
            free = shutil.disk_usage(disk).free - draw.choice([0, 1 << 14, 1 << 17, 1 << 19, 1 << 21])
            with open(disk / "filler", "wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, max(1, free))
            answer = call(small, draw.choice([BENCH, TRACK, REPORT]), **more)
            (disk / "filler").unlink()
            return self._after_full(small, answer.returncode, answer.text, **more)
        finally:
            subprocess.run(["umount", "-l", str(disk)], capture_output=True, check=False)

    def _no_space(self, draw: random.Random) -> str | None:
        words, begun = draw.choice([BENCH, *_RECORDS]), _begun(draw)
        step = self._step(words, draw, begun)
        small = self._next(begun) if words is BENCH else self._finished()
        answer = begin(small, words, no_space_from(step)).answer(LIMIT_SECONDS)
        return self._after_full(small, answer.returncode, answer.text)

    def _after_full(self, small: Small, code: int, said: str, **more: str) -> str | None:
        if code not in range(10):
            return f"exit code {code}: {said[-600:]}"
        return rough_words(said) or whole(small, self._wanted, self.known(), **more)

    def _step(self, words: list[str], draw: random.Random, begun: bool = False) -> int:
        """One of the steps that the undisturbed command makes."""
        name = f"{words[2]} {words[-1]} {begun}"
        if name not in self._steps:
            small = self._next(begun) if words is BENCH else self._finished()
            counted = self._place / "steps"
            counted.unlink(missing_ok=True)
            begin(small, words, count_changes(counted)).answer(LIMIT_SECONDS)
            self._steps[name] = counted.stat().st_size
            shutil.rmtree(small.project.root.parent)
        return draw.randint(1, self._steps[name])

    def _import(self, draw: random.Random) -> str | None:
        small, uri = self._served()
        said = disturb(begin(small, TRACK, **uri), draw.choice(_SIGNALS), lambda: True, draw.uniform(0.2, 4))
        return rough_words(said.text) or self._imported(small, uri)

    def _server(self, draw: random.Random) -> str | None:
        assert self._servers is not None
        small, uri = self._served()
        command = begin(small, TRACK, **uri)
        time.sleep(draw.uniform(0.2, 3))
        self._servers.kill()
        said = command.answer(3 * LIMIT_SECONDS).text
        self._servers.start()
        return rough_words(said) or self._imported(small, uri)

    def _served(self) -> tuple[Small, dict[str, str]]:
        """A finished project, whose study has a name that the server has not, and the server's address."""
        assert self._servers is not None
        small = self._finished()
        small.edit("name: small", f"name: small-{self._number}")
        return small, {"MLFLOW_TRACKING_URI": self._servers.address}

    def _imported(self, small: Small, uri: dict[str, str]) -> str | None:
        assert self._servers is not None
        again = call(small, TRACK, **uri)
        if again.returncode != 0:
            return f"track again: exit code {again.returncode}: {again.text[-600:]}"
        count = self._servers.seed_runs(f"small-{self._number}")
        problem = None if count == RUNS else f"{count} seed runs on the server, not {RUNS}"
        return problem or left_over(small, self.known())


def _before_us(said: str) -> bool:
    """Ctrl-C while pytest still looks for its plug-ins: the traceback is pytest's, and nothing of ours was begun."""
    return said.rstrip().endswith("KeyboardInterrupt") and "test session starts" not in said


def _begun(draw: random.Random) -> bool:
    return draw.random() < 2 / 3


def _below(command: Command) -> list[int]:
    """Processes of the command's session but itself."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != command.pid:
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == command.pid:
                found.append(int(entry.name))
    return found
