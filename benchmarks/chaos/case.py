"""A case: a project of its own, a command that is disturbed, and what the next call has to make of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Small

LIMIT_SECONDS = 300
STUDY = "benchmarks/small.yaml"
BENCH = ["-m", "pytest", "-p", "no:benchmark", STUDY]
TRACK = ["-m", "seedwise", "track", "--rebuild", STUDY]
REPORT = ["-m", "seedwise", "report", STUDY]
BUNDLE = ["-m", "seedwise", "bundle", STUDY, "--out", "evidence.zip"]
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
        print(f"{sum(self.done.values())}: {kind}: {problem or 'right'}", flush=True)


def call(small: Small, words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=small.project.root, env={**small.environment, **more}, capture_output=True, text=True, errors="replace",
        timeout=LIMIT_SECONDS,
    )  # fmt: skip


def begin(small: Small, words: list[str], **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=small.project.root, env={**small.environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background process may ignore it
    )  # fmt: skip


def disturb(process: subprocess.Popen[bytes], number: int, when: Callable[[], bool], seconds: float) -> str:
    """Send `number` to `process` alone, `seconds` after `when` has come true; what it printed."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline and not when():
        time.sleep(0.005)
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        try:
            text, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            return "Traceback: it did not end"
    return text.decode(errors="replace")


def verdict(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("learning-helps", "  Over seeds"))]


def left_over(small: Small) -> str | None:
    """Processes of the project that outlived the command, and temporary folders in the place that was given for them."""
    time.sleep(0.3)
    for _ in range(50):
        left = [
            entry.name
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and int(entry.name) != os.getpid() and _is_of(entry, str(small.project.home))
        ]
        if not left:
            break
        time.sleep(0.2)
    else:
        return f"processes left: {', '.join(left)}"
    kept = f"seedwise-{os.getuid()}"  # the host's own folder, by which harnesses know each other
    temporary = sorted(path.name for path in Path(small.environment["TMPDIR"]).iterdir() if path.name != kept)
    return f"left in TMPDIR: {', '.join(temporary)}" if temporary else None


def _is_of(entry: Path, home: str) -> bool:
    try:
        return home.encode() in (entry / "environ").read_bytes() or home.encode() in (entry / "cmdline").read_bytes()
    except OSError:
        return False


def whole(small: Small, wanted: list[str], **more: str) -> str | None:
    """What is wrong after the next call of the whole command, or None."""
    answer = call(small, BENCH, **more)
    text = answer.stdout + answer.stderr
    if answer.returncode != 0:
        return f"the next call: exit code {answer.returncode}: {text[-300:]}"
    if "Traceback" in text:
        return "the next call: a traceback"
    if len(small.runs()) != RUNS:
        return f"{len(small.runs())} runs, not {RUNS}"
    if verdict(answer.stdout) != wanted:
        return "another verdict"
    return left_over(small)
