"""Kills and bad inputs against the real commands, with a backend in plain Python: `nox -s chaos` writes docs/results/faults.md.

    python benchmarks/chaos.py --kills 200 --inputs 300 --seed 1 --out docs/results/faults.md

A kill passes where the next call of the same command ends with exit code 0, every run is there once, the verdict is that of a
store that was never disturbed, and no process is left.  A bad input passes where the command ends within its time with an exit
code of ours and no traceback, or where what was changed made no difference.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.conftest import Small, small_project

LIMIT_SECONDS = 120
OURS = range(10)  # exit codes of the suite's own errors, and pytest's


def call(small: Small, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=small.project.root, env=small.environment, capture_output=True, text=True, errors="replace", timeout=LIMIT_SECONDS,
    )  # fmt: skip


def verdict(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("learning-helps") or line.startswith("  Over seeds")]


def kill_once(small: Small, words: list[str], number: int, seconds: float, aimed: bool) -> None:
    """Start the command and send `number` to it alone, after `seconds`, or `seconds` after the database's schema is begun."""
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=small.project.root, env=small.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    if aimed:
        deadline = time.monotonic() + 60
        while (
            process.poll() is None and time.monotonic() < deadline and not list(small.project.mlflow.glob("mlflow.db*"))
        ):
            time.sleep(0.005)
    time.sleep(seconds)
    process.send_signal(number)
    try:
        process.wait(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def whole(small: Small, wanted: list[str]) -> str | None:
    """What is wrong after the next call, or None."""
    answer = call(small, "-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml")
    if answer.returncode != 0:
        return f"exit code {answer.returncode}: {answer.stdout[-300:]}"
    if "Traceback" in answer.stdout + answer.stderr:
        return "a traceback"
    if len(small.runs()) != 8:
        return f"{len(small.runs())} runs, not 8"
    if verdict(answer.stdout) != wanted:
        return "another verdict"
    with sqlite3.connect(small.project.mlflow / "mlflow.db") as history:
        query = "SELECT COUNT(*) FROM runs JOIN tags USING (run_uuid) WHERE key = 'seedwise.kind' AND value = 'seed'"
        (count,) = history.execute(f"{query} AND lifecycle_stage = 'active'").fetchone()
    history.close()
    return None if count == 8 else f"{count} seed runs in MLflow, not 8"


def kills(count: int, draw: random.Random, place: Path, tell: Callable[[str], None]) -> tuple[Counter[str], list[str]]:
    done: Counter[str] = Counter()
    wrong = []
    reference = small_project(place / "reference")
    wanted = verdict(call(reference, "-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml").stdout)
    assert wanted
    bench = ["-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml"]
    for number in range(count):
        small = small_project(place / f"kill-{number}")
        sent = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        aimed = number % 2 == 1
        kind = f"{sent.name}, {'while the MLflow schema is made' if aimed else 'at a random time'}"
        kill_once(small, bench, sent, draw.uniform(0, 1.5) if aimed else draw.uniform(0.2, 12), aimed)
        try:
            problem = whole(small, wanted)
        except subprocess.TimeoutExpired:
            problem = "the next call did not end"
        done[kind] += 1
        if problem:
            wrong.append(f"{kind}: {problem}")
        tell(f"kill {number + 1} of {count}: {problem or 'mended'}")
        shutil.rmtree(place / f"kill-{number}", ignore_errors=True)
    return done, wrong


def spoilt(data: bytes, draw: random.Random) -> bytes:
    """`data` with one fault of a kind that files have."""
    at = draw.randrange(max(1, len(data)))
    deep, digits = b"[" * 2000, b"9" * 5000
    return draw.choice(
        [
            data[:at], b"", data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :], data[:at] + deep + data[at:],
            data[:at] + digits + data[at:], data.replace(b": ", b": !!python/object ", 1), data + b"\0", b"\xff\xfe" + data,
            data[:at] + "\x1b]0;x\x07\u009b".encode() + data[at:], data + data, data.replace(b"\n", b"\n\t", 3), b"[]", b"null", b"{}",
            data[:at] + b"../../../etc/passwd" + data[at:], data[:at] + b"&a [*a, *a]" + data[at:], data[:at] + b"NaN" + data[at:],
        ]
    )  # fmt: skip


def odd(path: Path, draw: random.Random) -> str:
    """Put something in the place of a file; what it was."""
    kind = draw.choice(["spoilt"] * 8 + ["a link", "a FIFO", "a folder", "nothing"])
    data = path.read_bytes()
    path.unlink()
    if kind == "spoilt":
        path.write_bytes(spoilt(data, draw))
    elif kind == "a link":
        path.symlink_to("/etc/hostname")
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    return kind


def inputs(count: int, draw: random.Random, place: Path, tell: Callable[[str], None]) -> tuple[Counter[str], list[str]]:
    done: Counter[str] = Counter()
    wrong = []
    source = small_project(place / "source")
    assert call(source, "-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml").returncode == 0
    made = call(source, "-m", "seedwise", "bundle", "benchmarks/small.yaml", "--out", "evidence.zip")
    assert made.returncode == 0, made.stderr
    (source.project.root / "scores.csv").write_text(
        "arm,seed,score\n"
        + "".join(f"{arm},{seed},0.{seed}{n}\n" for n, arm in enumerate("ab") for seed in range(1, 7))
    )
    shelf = place / "shelf"
    (place / "source").rename(shelf)
    for number in range(count):
        (place / "source").mkdir()
        shutil.copytree(shelf, place / "source", symlinks=True, dirs_exist_ok=True)
        run = draw.choice(source.runs())
        kinds: dict[str, tuple[Path, list[list[str]]]] = {
            "study": (source.study, [["plan", "benchmarks/small.yaml"], ["report", "benchmarks/small.yaml"]]),
            "manifest": (
                source.project.root / "benchmarks" / "assets" / "toy.yaml",
                [["plan", "benchmarks/small.yaml"]],
            ),
            "images.yaml": (source.project.root / "docker" / "images.yaml", [["plan", "benchmarks/small.yaml"]]),
            "bundle": (source.project.root / "evidence.zip", [["verify", "evidence.zip"]]),
            "scores": (source.project.root / "scores.csv", [["compare", "scores.csv"]]),
            "run folder": (
                draw.choice([path for path in run.rglob("*") if path.is_file()]),
                [["report", "benchmarks/small.yaml"], ["track", "--rebuild", "benchmarks/small.yaml"]],
            ),
            "ledger": (source.project.runs / ".declarations" / "00000000.json", [["report", "benchmarks/small.yaml"]]),
            "MLflow's database": (source.project.mlflow / "mlflow.db", [["track", "benchmarks/small.yaml"]]),
        }
        kind = draw.choice(sorted(kinds))
        path, commands = kinds[kind]
        what = odd(path, draw)
        done[kind] += 1
        problem = None
        try:
            for command in commands:
                answer = call(source, "-m", "seedwise", *command)
                text = answer.stdout + answer.stderr
                if answer.returncode not in OURS or "Traceback" in text or "Aborted" in text:
                    problem = f"{command[0]}: exit code {answer.returncode}: {text.strip()[-200:]}"
                elif "\x1b" in text or "\x9b" in text:
                    problem = f"{command[0]}: a control sequence"
        except subprocess.TimeoutExpired:
            problem = f"{command[0]}: did not end within {LIMIT_SECONDS} s"
        if problem:
            wrong.append(f"{kind} ({path.name}), {what}: {problem}")
        tell(f"input {number + 1} of {count}: {kind}, {what}: {'WRONG' if problem else 'right'}")
        shutil.rmtree(place / "source", ignore_errors=True)
    return done, wrong


def page(parts: list[tuple[str, Counter[str], list[str]]], seed: int) -> str:
    lines = [
        "# Kills and bad inputs",
        "",
        f"Made by `nox -s chaos`, draws by seed {seed}. What passes: [benchmarks/chaos.py](../../benchmarks/chaos.py).",
        "",
        "| test | cases | failed |",
        "| --- | ---: | ---: |",
    ]
    for name, done, wrong in parts:
        lines += [
            f"| {name}: {kind} | {count} | {sum(said.startswith(kind) for said in wrong)} |"
            for kind, count in sorted(done.items())
        ]
    failed = [said for _, _, wrong in parts for said in wrong]
    if failed:
        lines += ["", "## Failed", "", *(f"- `{' '.join(said.split()).replace('`', ' ')[:300]}`" for said in failed)]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--inputs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/results/faults.md"))
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="seedwise-chaos-") as name:
        place = Path(name)
        parts = [
            ("kill", *kills(given.kills, draw, place, print)),
            ("bad input", *inputs(given.inputs, draw, place, print)),
        ]
    given.out.write_text(page(parts, given.seed), encoding="utf-8")
    wrong = [said for _, _, said in parts if said]
    print(f"{given.out}: {sum(map(len, wrong))} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
