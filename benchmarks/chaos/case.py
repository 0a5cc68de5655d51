"""A case: a project of its own, a command that is disturbed, and what the next call has to make of it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.command import Answer, Command, children
from benchmarks.chaos.odd import GONE
from tests.conftest import Small

LIMIT_SECONDS = 60
STUDY = "benchmarks/small.yaml"
BENCH = ["-m", "pytest", "-p", "no:benchmark", "-p", "no:cacheprovider", "-W", "ignore", STUDY]
TRACK = ["-m", "seedwise", "track", "--rebuild", STUDY]
REPORT = ["-m", "seedwise", "report", STUDY]
BUNDLE = ["-m", "seedwise", "bundle", STUDY, "--out", "evidence.zip"]
PUBLISH = ["-m", "seedwise", "publish", STUDY, "--out", "site"]
RUNS = 6


@dataclass
class Tally:
    """How many cases of each kind were done, and what was wrong with those that failed."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def note(self, kind: str, problem: str | None) -> None:
        self.done[kind] += 1
        if problem:
            self.wrong.append((kind, problem))


def begin(small: Small, words: list[str], at_start: Callable[[], None] = lambda: None, **more: str) -> Command:
    variables = {name: value for name, value in {**small.environment, **more}.items() if value != GONE}
    return Command(words, small.project.root, variables, at_start)


def call(small: Small, words: list[str], **more: str) -> Answer:
    return begin(small, words, **more).answer(LIMIT_SECONDS)


def disturb(command: Command, number: int, when: Callable[[], bool], seconds: float) -> Answer:
    """Send `number` to `command` alone, `seconds` after `when` has come true; what it printed."""
    ends = time.monotonic() + LIMIT_SECONDS
    while command.poll() is None and time.monotonic() < ends and not when():
        time.sleep(0.002)
    if not command.ended_within(seconds):
        command.send(number)
    return command.answer(LIMIT_SECONDS)


def verdict(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("learning-helps", "  Over seeds"))]


def left_over(small: Small, known: Iterable[int] = ()) -> str | None:
    """Processes that outlived their command, and temporary folders in the place that was given for them."""
    ends = time.monotonic() + 10
    while left := {pid: state for pid, state in children().items() if pid not in known}:
        for pid, state in left.items():
            if state == "Z":
                os.waitpid(pid, 0)
        if time.monotonic() > ends:
            return f"processes left: {', '.join(map(str, left))}"
        time.sleep(0.02)
    kept = f"seedwise-{os.getuid()}"  # the host's own folder, by which harnesses know each other
    temporary = sorted(path.name for path in Path(small.environment["TMPDIR"]).iterdir() if path.name != kept)
    return f"left in TMPDIR: {', '.join(temporary)}" if temporary else None


def rough_words(text: str) -> str | None:
    """What no user should see of a command that was disturbed."""
    for word in ("Traceback", "INTERNALERROR", "Exception ignored"):
        if word in text:
            return "when it was disturbed: " + text[text.find(word) :][-600:]
    return None


def whole(small: Small, wanted: list[str], known: Iterable[int] = (), **more: str) -> str | None:
    """What is wrong after the next call of the whole command, or None."""
    answer = call(small, BENCH, **more)
    if answer.returncode != 0:
        return f"the next call: exit code {answer.returncode}: {answer.text[-600:]}"
    if problem := rough_words(answer.text):
        return f"the next call: {problem}"
    home = Path(more.get("SEEDWISE_HOME", small.project.home))
    if (count := len(list(home.glob("runs/*/result.json")))) != RUNS:
        return f"{count} runs, not {RUNS}"
    if verdict(answer.stdout) != wanted:
        return "another verdict"
    return left_over(small, known)


def history(database: Path) -> str | None:
    """What is wrong with the project's own MLflow database."""
    with sqlite3.connect(database) as connection:
        query = "SELECT COUNT(*) FROM runs JOIN tags USING (run_uuid) WHERE key = 'seedwise.kind' AND value = 'seed'"
        (count,) = connection.execute(f"{query} AND lifecycle_stage = 'active'").fetchone()
    connection.close()
    return None if count == RUNS else f"{count} seed runs in MLflow, not {RUNS}"
