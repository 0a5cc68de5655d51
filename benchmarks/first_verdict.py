"""From opening the README to a first verdict: each command typed in a fresh copy of the checkout, timed: docs/results/first-verdict.md.

    python benchmarks/first_verdict.py                   # evidence that is there, checked; the environment cold, then warm
    python benchmarks/first_verdict.py --bench           # and a study run, once: backends built from nothing (gigabytes, minutes)

*Cold*: no environment, nothing in pip's cache or in Seedwise's. *Warm*: what the cold round fetched is kept, environments of the
harness are made again. Beside the seconds stand those of the processor, which other work on the machine does not lengthen much.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUNDLE = "docs/results/bundles/pretrained-vs-random.zip"
STUDY = "benchmarks/quick/pretrained-vs-random.yaml"
CHECK = (
    (sys.executable, "-m", "venv", ".venv"),
    (".venv/bin/python", "-m", "pip", "install", "--quiet", "."),
    (".venv/bin/seedwise", "verify", BUNDLE),
)
BENCH = (
    (sys.executable, "-m", "venv", ".venv"),
    (".venv/bin/python", "-m", "pip", "install", "--quiet", "nox"),
    (".venv/bin/python", "-m", "nox", "-s", "bench", "--", STUDY, "--runtime", "venv"),
)


@dataclass(frozen=True, slots=True)
class Step:
    words: tuple[str, ...]
    seconds: float
    processor: float


def timed(words: Sequence[str], folder: Path, env: dict[str, str]) -> Step:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    ended = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise SystemExit(f"{' '.join(words)}: exit {ended.returncode}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    shown = ("python" if words[0] == sys.executable else words[0], *words[1:])
    print(f"{seconds:7.1f} s  {processor:6.1f} s of the processor  {' '.join(shown)}", flush=True)
    return Step(shown, seconds, processor)


def rounds(
    commands: Sequence[Sequence[str]], place: Path, names: Sequence[str] = ("cold", "warm")
) -> dict[str, list[Step]]:
    """The commands in a fresh copy, cold and then warm."""
    env = {
        **os.environ,
        "PIP_CACHE_DIR": str(place / "pip"),
        "SEEDWISE_CACHE": str(place / "cache"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    env.pop("SEEDWISE_HOME", None)
    found = {}
    for name in names:
        print(f"{name}:")
        folder = place / name
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        found[name] = [timed(words, folder, env) for words in commands]
    return found


def table(title: str, found: dict[str, list[Step]]) -> list[str]:
    lines = [f"## {title}", "", f"| typed | {' | '.join(f'{name}, s | of the processor' for name in found)} |"]
    lines.append(f"| --- |{' ---: | ---: |' * len(found)}")
    for steps in zip(*found.values(), strict=True):
        cells = [f"{value:.0f}" for step in steps for value in (step.seconds, step.processor)]
        lines.append(f"| `{' '.join(steps[0].words)}` | {' | '.join(cells)} |")
    sums = [sum(getattr(step, of) for step in steps) for steps in found.values() for of in ("seconds", "processor")]
    return [*lines, f"| **to the verdict** | {' | '.join(f'**{value:.0f}**' for value in sums)} |", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", action="store_true", help="also run a study, its backends built from nothing")
    parser.add_argument("--out", type=Path, help="write the page here")
    arguments = parser.parse_args()
    options = " --bench" if arguments.bench else ""
    load = os.getloadavg()[1]
    lines = [
        f"<!-- generated: python benchmarks/first_verdict.py{options} -->",
        "",
        "# From the README to a first verdict",
        "",
        f"By `python benchmarks/first_verdict.py{options}` on {datetime.now(UTC):%-d %B %Y}, Python {platform.python_version()}, "
        f"{platform.machine()}, {os.cpu_count()} cores, {load:.0f} processes waiting for them at the start. *Cold*: "
        "no environment, nothing in pip's cache or in Seedwise's. *Warm*: what the cold round fetched is there. On a machine that does "
        "other work seconds are too many; those of the processor are nearer to what it takes.",
        "",
    ]
    with tempfile.TemporaryDirectory(prefix="seedwise-first-") as name:
        lines += table("Evidence that is there, checked", rounds(CHECK, Path(name) / "check"))
        if arguments.bench:
            lines += table("A study, run", rounds(BENCH, Path(name) / "bench", ["cold"]))
    text = "\n".join(lines)
    print(text) if arguments.out is None else arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
