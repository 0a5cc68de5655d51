"""Kills and bad inputs against the real commands, with a backend in plain Python: `nox -s chaos` writes docs/results/faults.md.

    python -m benchmarks.chaos --kills 200 --inputs 300 --seed 1 --out docs/results/faults.md

A kill passes where the disturbed command says no more than a sentence, and the next call ends with exit code 0, every run is
there once, in the store and in MLflow, the verdict is that of a store that was never disturbed, and neither a process nor a
temporary folder is left.  A bad input passes where the command ends in time with an exit code of ours, a message and no
traceback, and nothing outside was read, printed or copied; or where what was changed made no difference.

A case is drawn by the seed and its own number: `--only kill:17` does that one again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.chaos import inputs, kills
from benchmarks.chaos.case import Tally
from benchmarks.chaos.command import become_subreaper, end_with_parent, prepare
from benchmarks.chaos.servers import has_postgresql

Case = tuple[str, int, str, str | None]  # kill or input, its number, its kind, and the name of an odd input


def shares(of: Mapping[str, int], count: int) -> list[str]:
    """`count` kinds, each as often as its weight asks for."""
    weight, names, given = sum(of.values()), list(of), dict.fromkeys(of, 0)
    for done in range(1, count + 1):
        given[max(names, key=lambda name: of[name] * done / weight - given[name])] += 1
    return [name for name in names for _ in range(given[name])]


def cases(wanted_kills: int, wanted_inputs: int, seed: int) -> list[Case]:
    """All cases, in an order in which a time that ends early has tried some of each."""
    served = kills.SERVED_KINDS if has_postgresql() else {}
    if not served:
        print("left out, no PostgreSQL here: " + ", ".join(kills.SERVED_KINDS))
    draw = random.Random(seed)
    odd = draw.sample(sorted(inputs.ODD), min(len(inputs.ODD), wanted_inputs * 2 // 3))
    drawn: list[tuple[str, str, str | None]] = [("input", inputs.ODD[name].kind, name) for name in odd]
    drawn += [("input", kind, None) for kind in shares(inputs.KINDS, wanted_inputs - len(odd))]
    drawn += [("kill", kind, None) for kind in shares({**kills.KINDS, **served}, wanted_kills)]
    draw.shuffle(drawn)
    return [(test, number, kind, name) for number, (test, kind, name) in enumerate(drawn)]


def work(todo: list[Case], place: Path, seed: int, ends: float, out: int) -> None:
    """Do cases one after the other; a JSON line in `out` for each."""
    become_subreaper()
    end_with_parent()
    killer = kills.Kills(place / "kills")
    spoiler = inputs.Inputs(place / "inputs", killer.shelf, killer.known)
    try:
        for test, number, kind, odd in todo:
            if time.monotonic() > ends:
                break
            draw, begun = random.Random(f"{seed} {number}"), time.monotonic()
            if test == "kill":
                problem = killer.one(kind, draw)
            else:
                problem = spoiler.one(kind, draw) if odd is None else spoiler.odd(odd)
            line = [test, number, kind, problem and problem[-2500:], time.monotonic() - begun]
            os.write(out, json.dumps(line).encode() + b"\n")
    finally:
        killer.close()


def page(tallies: Mapping[str, Tally], seed: int) -> str:
    lines = [
        "# Kills and bad inputs",
        "",
        f"Made by `nox -s chaos`, draws by seed {seed}. What passes: [benchmarks/chaos](../../benchmarks/chaos/__main__.py).",
        "",
        "| test | of what | cases | failed |",
        "| --- | --- | ---: | ---: |",
    ]
    for name, tally in tallies.items():
        for kind, count in sorted(tally.done.items()):
            lines.append(f"| {name} | {kind} | {count} | {sum(wrong == kind for wrong, _ in tally.wrong)} |")
        lines.append(f"| **{name}** | **all** | **{sum(tally.done.values())}** | **{len(tally.wrong)}** |")
    failed = [f"{name}, {kind}: {said}" for name, tally in tallies.items() for kind, said in tally.wrong]
    if failed:
        lines += ["", "## Failed", "", *(f"- `{' '.join(said.split()).replace('`', ' ')[-500:]}`" for said in failed)]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--inputs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side-by-side", type=int, default=2, metavar="N", help="cases at once; default: 2")
    parser.add_argument("--only", nargs="*", metavar="TEST:NUMBER", help="these cases of the draw alone")
    parser.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        help="begin no more cases after this time; the table counts those done",
    )
    parser.add_argument("--out", type=Path, default=Path("docs/results/faults.md"))
    given = parser.parse_args()
    ends = time.monotonic() + 60 * given.minutes
    todo = cases(given.kills, given.inputs, given.seed)
    if given.only:
        todo = [case for case in todo if f"{case[0]}:{case[1]}" in given.only]
    prepare()
    tallies = {"kill": Tally(), "input": Tally()}
    place = Path(
        tempfile.mkdtemp(prefix="chaos-")
    )  # a TemporaryDirectory would end with the first process that was forked
    try:
        for test, number, kind, problem, seconds in _side_by_side(todo, place, given.seed, ends, given.side_by_side):
            tallies[test].note(kind, problem)
            print(f"{test}:{number} ({seconds:.1f} s): {kind}: {problem or 'right'}", flush=True)
            given.out.write_text(page(tallies, given.seed), encoding="utf-8")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    wrong = sum(len(tally.wrong) for tally in tallies.values())
    print(f"{given.out}: {wrong} failed")
    return 1 if wrong else 0


def _side_by_side(
    todo: list[Case], place: Path, seed: int, ends: float, workers: int
) -> Iterator[tuple[str, int, str, str | None, float]]:
    """The cases, done by so many processes; those that need a server by the first, which has one."""
    served = [case for case in todo if case[2] in kills.SERVED_KINDS]
    others = [case for case in todo if case[2] not in kills.SERVED_KINDS]
    lists: list[list[Case]] = [[] for _ in range(workers)]
    lists[0] = served
    for case in others:
        min(lists, key=len).append(case)
    receive, send = os.pipe()
    begun = []
    for number, share in enumerate(lists):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(receive)
                (place / str(number)).mkdir()
                work(sorted(share, key=lambda case: case[1]), place / str(number), seed, ends, send)
                code = 0
            except BaseException:  # noqa: BLE001 - the other process, and the table, go on
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        begun.append(pid)
    os.close(send)
    with open(receive, encoding="utf-8") as lines:
        for line in lines:
            yield tuple(json.loads(line))
    if any(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in begun):
        raise RuntimeError("a process that does cases has ended early (see above)")


if __name__ == "__main__":
    sys.exit(main())
