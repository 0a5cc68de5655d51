"""How long `seedwise compare` takes on a million scores, and how much memory, beside pandas reading the same file.

    python benchmarks/compare_speed.py --rows 1000000 --out docs/results/compare-speed.md

Each file is written, then read in a process of its own: once by pandas (`read_csv` or `read_json(lines=True)`, and the mean of each
arm and seed), once by the whole command. Seconds are of the processor (user and system), memory is the peak of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROWS, SEED = 1_000_000, 1
ARMS, SEEDS = "ab", 10
_MEASURED = """
import resource, sys
def report():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    (peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(spent.ru_utime + spent.ru_stime, int(peak) / 1024, file=sys.stderr)
"""
_PANDAS = """
import pandas
path = sys.argv[1]
frame = pandas.read_json(path, lines=True) if path.endswith(".jsonl") else pandas.read_csv(path)
keys = [name for name in ("arm", "seed") if name in frame.columns]
print(frame.groupby(keys).mean(numeric_only=True).iloc[:, :1].to_string())
report()
"""
_SEEDWISE = """
import runpy
sys.argv = ["seedwise", "compare", *sys.argv[1:]]
try:
    runpy.run_module("seedwise", run_name="__main__")
finally:
    report()
"""


@dataclass(frozen=True, slots=True)
class Timed:
    name: str
    megabytes: float
    pandas: tuple[float, float]
    seedwise: tuple[float, float]
    answer: str


def _scores(rows: int, gap: float) -> NDArray[np.int_]:
    """Right or wrong [arms, seeds, examples]."""
    rng = np.random.default_rng(SEED)
    examples = rows // (len(ARMS) * SEEDS)
    item = rng.normal(0.0, 0.15, examples)
    chance = 0.8 + item - gap * np.arange(len(ARMS))[:, None, None] + rng.normal(0.0, 0.002, (len(ARMS), SEEDS, 1))
    return (rng.random((len(ARMS), SEEDS, examples)) < chance).astype(int)


def long_csv(path: Path, rows: int, gap: float = 0.01) -> None:
    right = _scores(rows, gap)
    with path.open("w") as file:
        file.write("arm,seed,example,score\n")
        for a, s in np.ndindex(*right.shape[:2]):
            file.writelines(f"{ARMS[a]},{s},e{i},{v}\n" for i, v in enumerate(right[a, s].tolist()))


def undecided_csv(path: Path, rows: int) -> None:
    long_csv(path, rows, 0.0)


def json_lines(path: Path, rows: int) -> None:
    right = _scores(rows, 0.01)
    with path.open("w") as file:
        for a, s in np.ndindex(*right.shape[:2]):
            file.writelines(
                json.dumps({"arm": ARMS[a], "seed": s, "example": f"e{i}", "score": v}) + "\n"
                for i, v in enumerate(right[a, s].tolist())
            )


def column_an_arm(path: Path, rows: int) -> None:
    right = _scores(rows, 0.01)
    with path.open("w") as file:
        file.write(f"seed,example,{','.join(f'arm {a}' for a in ARMS)}\n")
        for s in range(SEEDS):
            file.writelines(f"{s},e{i},{x},{y}\n" for i, (x, y) in enumerate(right[:, s].T.tolist()))


def column_an_example(path: Path, rows: int) -> None:
    right = _scores(rows, 0.01)
    with path.open("w") as file:
        file.write(f"arm,seed,{','.join(f'q{i}' for i in range(right.shape[2]))}\n")
        for a, s in np.ndindex(*right.shape[:2]):
            file.write(f"{ARMS[a]},{s},{','.join(map(str, right[a, s].tolist()))}\n")


def row_a_seed(path: Path, rows: int) -> None:
    rng = np.random.default_rng(SEED)
    with path.open("w") as file:
        file.write("arm,seed,score\n")
        for place, a in enumerate(ARMS):
            file.writelines(
                f"{a},{i},{v:.3f}\n" for i, v in enumerate(rng.normal(80 - 0.1 * place, 5, rows // len(ARMS)).tolist())
            )


FILES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "CSV, a row an example": ("long.csv", long_csv),
    "the same, arms alike": ("undecided.csv", undecided_csv),
    "JSON lines, a row an example": ("long.jsonl", json_lines),
    "CSV, a column an arm": ("arms.csv", column_an_arm),
    "CSV, a column an example": ("examples.csv", column_an_example),
    "CSV, a row a seed": ("seeds.csv", row_a_seed),
}


def _run(code: str, path: Path) -> tuple[tuple[float, float], str]:
    answer = subprocess.run(
        [sys.executable, "-c", _MEASURED + code, str(path)], capture_output=True, text=True, check=True
    )
    seconds, peak = map(float, answer.stderr.split()[-2:])
    return (seconds, peak), answer.stdout


def measure(rows: int) -> list[Timed]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (file, write) in FILES.items():
            path = Path(folder) / file
            write(path, rows)
            plain, _ = _run(_PANDAS, path)
            ours, said = _run(_SEEDWISE, path)
            heads = [line for line in said.splitlines() if " against " in line]
            found.append(Timed(name, path.stat().st_size / 1e6, plain, ours, heads[0].split(": ", 1)[1]))
            path.unlink()
    return found


def page(found: list[Timed], rows: int) -> str:
    lines = [
        "# `seedwise compare` on a million scores",
        "",
        f"    python benchmarks/compare_speed.py --rows {rows} --out docs/results/compare-speed.md",
        "",
        f"{rows:,} scores of {len(ARMS)} arms in each file, on {platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}. Seconds of the processor, start and imports included, and peak memory: pandas reads the "
        "file and takes a mean an arm and seed; `seedwise compare` gives its whole answer (crossed interval, exact test, "
        "bootstrap, what more data would take).",
        "",
        "| file | MB | pandas, s | pandas, MB | seedwise, s | seedwise, MB | answer |",
        "| --- | --: | --: | --: | --: | --: | --- |",
    ]
    for each in found:
        lines.append(
            f"| {each.name} | {each.megabytes:.0f} | {each.pandas[0]:.1f} | {each.pandas[1]:.0f} | {each.seedwise[0]:.1f} | "
            f"{each.seedwise[1]:.0f} | {each.answer} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = page(measure(asked.rows), asked.rows)
    if asked.out is None:
        print(text)
    else:
        asked.out.write_text(text)


if __name__ == "__main__":
    main()
