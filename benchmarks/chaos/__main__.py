"""Kills and bad inputs against the real commands, with a backend in plain Python: `nox -s chaos` writes docs/results/faults.md.

    python -m benchmarks.chaos --kills 200 --inputs 300 --seed 1 --out docs/results/faults.md

A kill passes where the disturbed command says no more than a sentence, and the next call ends with exit code 0, every run is
there once, in the store and in MLflow, the verdict is that of a store that was never disturbed, and neither a process nor a
temporary folder is left.  A bad input passes where the command ends in time with an exit code of ours, a message and no
traceback, and nothing outside was read, printed or copied; or where what was changed made no difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.chaos.case import Tally
from benchmarks.chaos.inputs import Inputs
from benchmarks.chaos.kills import Kills
from benchmarks.chaos.servers import Servers


def page(parts: list[tuple[str, Tally]], seed: int) -> str:
    lines = [
        "# Kills and bad inputs",
        "",
        f"Made by `nox -s chaos`, draws by seed {seed}. What passes: [benchmarks/chaos](../../benchmarks/chaos/__main__.py).",
        "",
        "| test | of what | cases | failed |",
        "| --- | --- | ---: | ---: |",
    ]
    for name, tally in parts:
        for kind, count in sorted(tally.done.items()):
            lines.append(f"| {name} | {kind} | {count} | {sum(wrong == kind for wrong, _ in tally.wrong)} |")
        lines.append(f"| **{name}** | **all** | **{sum(tally.done.values())}** | **{len(tally.wrong)}** |")
    failed = [f"{name}, {kind}: {said}" for name, tally in parts for kind, said in tally.wrong]
    if failed:
        lines += ["", "## Failed", "", *(f"- `{' '.join(said.split()).replace('`', ' ')[:400]}`" for said in failed)]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--inputs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        help="begin no more cases after this time; the table counts those done",
    )
    parser.add_argument("--out", type=Path, default=Path("docs/results/faults.md"))
    given = parser.parse_args()
    draw = random.Random(given.seed)
    ends = time.monotonic() + 60 * given.minutes
    kills, inputs = Tally(), Tally()
    parts = [("kill", kills), ("bad input", inputs)]
    try:
        servers: Servers | None = Servers()
    except FileNotFoundError as error:
        print(f"left out: the MLflow server over PostgreSQL: {error}")
        servers = None
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        try:
            place = Path(name)
            killer, spoiler = Kills(draw, place, servers, kills), Inputs(draw, place, inputs)
            # In turn, so that a time that ends early has tried some of each.
            turns = [killer.one] * given.kills + [spoiler.one] * given.inputs
            draw.shuffle(turns)
            for turn in turns:
                if time.monotonic() > ends:
                    break
                turn()
                given.out.write_text(page(parts, given.seed), encoding="utf-8")
        finally:
            if servers is not None:
                servers.close()
    wrong = len(kills.wrong) + len(inputs.wrong)
    print(f"{given.out}: {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
