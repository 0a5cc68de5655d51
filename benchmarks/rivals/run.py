"""Other released ways of comparing beside Seedwise, on the same planted cases and on the suite's own runs.

    python benchmarks/rivals/run.py --out docs/results/rivals.md          # or nox -s rivals (an hour on two cores)
    python benchmarks/rivals/run.py --answers FOLDER                      # the page alone, of answers that are there

Each package is installed into an environment of its own below `.nox/rivals`. What cannot be had is said on the page. MultiBERTs' bootstrap
is a source file and no package: it is fetched from the commit below, or given by `--multibootstrap FILE`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import urllib.request
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.rivals.cases import CASES, Case  # noqa: E402
from seedwise.bundle import opened  # noqa: E402

HERE = Path(__file__).parent
ENVIRONMENTS = ROOT / ".nox" / "rivals"
COMMIT = "c040a31519dc58c87de1a39fc3b03de6815d44fb"
ADDRESS = f"https://raw.githubusercontent.com/google-research/language/{COMMIT}/language/multiberts/multibootstrap.py"
OWN = "own: "  # before the name of a study of the suite


@dataclass(frozen=True, slots=True)
class Contestant:
    """`requirements` are tried one after the other, each a list for pip; none: the harness has it already."""

    name: str
    words: str
    mode: str
    requirements: tuple[tuple[str, ...], ...] = ()


CONTESTANTS = (
    Contestant("seedwise", "Seedwise", "`decide_crossed`: seeds and examples crossed"),
    Contestant("t_test", "t-test over seeds (scipy)", "`ttest_ind`, Welch's, over the runs' accuracies"),
    Contestant("mcnemar", "McNemar (statsmodels)", "exact, of the first checkpoint of each arm"),
    Contestant(
        "mlflow",
        "MLflow `compare_evaluations`",
        "a feedback a seed on each row, averaged by it; Wilcoxon's p, BCa interval",
        (("mlflow==3.18.0",), ("--no-deps", "mlflow==3.18.0")),
    ),
    Contestant(
        "evalstats",
        "evalstats `compare`",
        "runs nested in items; methods as it chooses them; its own interval and p",
        (("evalstats==0.3.3",),),
    ),
    Contestant(
        "deepsig",
        "deep-significance `aso`",
        "over the runs' accuracies, both ways; better below a violation ratio of .2",
        (("deepsig==1.2.8",),),
    ),
    Contestant(
        "multiberts",
        "MultiBERTs `multibootstrap`",
        f"unpaired seeds, 500 samples, its percentile interval; a source file, of commit {COMMIT[:7]}",
    ),
)
BASE = {"mlflow": ("mlflow>=3.17,<3.18",)}  # what stands below a package whose own parts the index does not have


def interpreter(contestant: Contestant) -> Path | str:
    """The Python that has the package, or why there is none."""
    if not contestant.requirements:
        return Path(sys.executable)
    folder = ENVIRONMENTS / contestant.name
    python, marker = folder / "bin" / "python", folder / "installed"
    if marker.is_file():
        return python
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    said = ""
    for attempt in contestant.requirements:
        base = BASE.get(contestant.name) if "--no-deps" in attempt else None
        if base is not None and subprocess.run([*pip, *base]).returncode:
            continue
        ended = subprocess.run([*pip, *attempt], capture_output=True, text=True)
        if ended.returncode == 0:
            marker.write_text(" ".join(attempt))
            return python
        said = (ended.stderr.strip().splitlines() or ["pip failed"])[-1]
    return said


def multibootstrap(given: Path | None, folder: Path) -> str | None:
    """Put MultiBERTs' source file into `folder`; why it could not be had, or None."""
    target = folder / "multibootstrap.py"
    try:
        if given is not None:
            target.write_bytes(given.read_bytes())
        else:
            with urllib.request.urlopen(ADDRESS, timeout=60) as answer:
                target.write_bytes(answer.read())
    except OSError as error:
        return f"its source could not be fetched ({type(error).__name__})"
    return None


def own_runs() -> dict[str, NDArray[np.uint8]]:
    """The claims of the repository's own bundles: right and wrong answers [1, 2, seeds, examples], the claim's first arm second."""
    found = {}
    for path in sorted((ROOT / "docs" / "results" / "bundles").glob("*.zip")):
        with opened(path) as (verified, _):
            for outcome in verified.outcomes:
                for claim in outcome.claims:
                    arms = [outcome.arms[name].examples for name in (claim.b, claim.a)]
                    found[f"{OWN}{outcome.study.name}"] = np.array([arms], dtype=np.uint8)
    return found


def measure(folder: Path, repetitions: int, seed: int, seconds: float, given: Path | None) -> dict[str, str]:
    """The answers of every contestant into `folder`; contestant → why it has none."""
    rng = np.random.default_rng(seed)
    np.savez(folder / "cases.npz", **own_runs(), **{case.name: case.draw(rng, repetitions) for case in CASES})
    absent = {}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": str(folder)}
    for contestant in CONTESTANTS:
        print(f"{contestant.name} …", flush=True)
        missing = multibootstrap(given, folder) if contestant.name == "multiberts" else None
        python = interpreter(contestant) if missing is None else missing
        if isinstance(python, str):
            absent[contestant.name] = python
            continue
        words = [str(python), str(HERE / "contestants.py"), contestant.name, str(folder / "cases.npz")]
        out = folder / f"{contestant.name}.json"
        ended = subprocess.run([*words, str(out), str(seconds)], env=environment, capture_output=True, text=True)
        if ended.returncode:
            absent[contestant.name] = (ended.stderr.strip().splitlines() or ["it failed"])[-1]
    return absent


def rate(count: int, of: int) -> str:
    """A share; of fewer than 50 it would say more than it knows, so that they are counted."""
    if of == 0:
        return "–"
    return f"{count / of:.3f}".lstrip("0") if of >= 50 else f"{count} of {of}"


def row_of(case: Case, answers: Sequence[Sequence[Any]]) -> list[str]:
    """Claims of the first arm, of the second, coverage of the planted difference, repetitions."""
    n, truth = len(answers), case.truth()
    wins = [sum(answer[3] == sign for answer in answers) for sign in (-1, 1)]
    bounded = [answer for answer in answers if answer[1] is not None and answer[2] is not None]
    covered = sum(answer[1] <= truth <= answer[2] for answer in bounded)
    return [rate(sum(wins), n), rate(wins[1], n), rate(covered, len(bounded)), str(n)]


_HEAD = """# Rivals: other ways of comparing, on the same cases

Made by `{command}` on {date}, Python {python}, {machine}{note}. Each package is a release, in an environment of its own, in the
mode of it that suits seeds and examples best; the mode is said. Right and wrong answers are drawn from a logistic model in
which examples differ in difficulty, an arm finds some easier than the other does, and seeds spread by {spread:.1f} points;
seeds and examples are drawn anew each time.

The question is that of a report: is one way better on such examples, for whoever reruns it? A package that answers another
question is not wrong about that one; the tables say what comes of it when it is read as the answer to this. Levels are .05;
with {most} repetitions a rate near .05 has a standard error of {error:.3f}. A contestant that was out of time has fewer, and
its rates are as much less sure.
"""
_POWER = """
{case}: the second arm is better by {points:.1f} points. Power counts only where false claims keep their level. Seconds are
the median of one comparison on one core, without imports.

| | claimed | of it the right arm | repetitions | seconds |
| --- | --: | --: | --: | --: |"""
_OWN = """
## On the suite's own runs

What each says of the claims of the [quick studies](quick-cpu.md), from the predictions in their bundles: the winner, and p
where it gives one. The reports count the films as clusters; none of the others can, so here Seedwise does not either.
"""


def table(heads: Sequence[str], align: str = "--:") -> list[str]:
    return [f"| | {' | '.join(heads)} |", f"| --- |{f' {align} |' * len(heads)}"]


def page(said: Mapping[str, Any], absent: Mapping[str, str], command: str, note: str = "") -> str:
    """The results as Markdown; `note`: of the machine, and of what was done otherwise than `command` says."""
    null, planted = ([case for case in CASES if (case.shift == 0.0) == equal] for equal in (True, False))
    counts = [len(found["answers"][case.name]) for found in said.values() for case in CASES]
    most = max(counts, default=1)
    lines = [
        _HEAD.format(
            command=command,
            date=f"{datetime.now(UTC):%d %B %Y}",
            python=platform.python_version(),
            machine=platform.machine(),
            note=note and f" ({note})",
            spread=100 * CASES[0].seed_sd(),
            most=most,
            error=math.sqrt(0.05 * 0.95 / most),
        ),
        *table(["release", "mode"], "---"),
    ]
    for one in CONTESTANTS:
        version = said[one.name]["version"] or COMMIT[:7] if one.name in said else None
        lines.append(f"| {one.words} | {version or 'not run: ' + absent.get(one.name, 'no answers')} | {one.mode} |")
    present = [one for one in CONTESTANTS if one.name in said]

    def rows(one: Contestant, cases: Sequence[Case]) -> list[list[str]]:
        return [row_of(case, said[one.name]["answers"][case.name]) for case in cases]

    lines += ["", "## False claims: the two are equal", ""]
    lines += table([*(case.name.removeprefix("equal, ") for case in null), "repetitions"])
    for one in present:
        found = rows(one, null)
        lines.append(f"| {one.words} | {' | '.join(row[0] for row in found)} | {found[0][3]} |")
    lines += ["", "## Coverage of the nominal 95 % interval", "", *table([case.name for case in CASES])]
    lines += [f"| {one.words} | {' | '.join(row[2] for row in rows(one, CASES))} |" for one in present]
    lines += ["", "–: it gives no interval of the difference.", "", "## Power and time"]
    for case in planted:
        lines.append(_POWER.format(case=case.name, points=100 * case.truth()))
        for one in present:
            answers = said[one.name]["answers"][case.name]
            (row,) = rows(one, [case])
            seconds = f"{median(answer[4] for answer in answers):.2g}" if answers else "–"
            lines.append(f"| {one.words} | {row[0]} | {row[1]} | {row[3]} | {seconds} |")
    own = list(dict.fromkeys(case for found in said.values() for case in found["answers"] if case.startswith(OWN)))
    if own:
        lines += [_OWN, *table([case.removeprefix(OWN) for case in own], "---")]
        for one in present:
            cells = [winner_of(said[one.name]["answers"].get(case)) for case in own]
            lines.append(f"| {one.words} | {' | '.join(cells)} |")
        lines += [
            "",
            "The claim of `fairseq-vs-hf` is equivalence, which none of the others tests: *none* there is no support for it.",
        ]
    return "\n".join([*lines, ""])


def winner_of(answers: Sequence[Sequence[Any]] | None) -> str:
    """The study's first arm is the second of the cases."""
    if not answers:
        return "–"
    p, _, _, sign, _ = answers[0]
    word = {1: "first arm", -1: "second arm", 0: "none"}[sign]
    return word if p is None else f"{word} (p {p:.2g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "rivals.md")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=900, help="the most that a contestant is given")
    parser.add_argument("--multibootstrap", type=Path, help="MultiBERTs' multibootstrap.py, where it cannot be fetched")
    parser.add_argument("--answers", type=Path, help="a folder of answers, for the page alone; else they are measured")
    parser.add_argument("--note", default="", help="of the machine, for the page")
    asked = parser.parse_args()
    command = f"python benchmarks/rivals/run.py --repetitions {asked.repetitions} --seed {asked.seed} --seconds {asked.seconds:g}"
    with tempfile.TemporaryDirectory(prefix="rivals-") as made:
        folder = asked.answers or Path(made)
        absent = (
            {} if asked.answers else measure(folder, asked.repetitions, asked.seed, asked.seconds, asked.multibootstrap)
        )
        said = {
            one.name: json.loads((folder / f"{one.name}.json").read_text(encoding="utf-8"))
            for one in CONTESTANTS
            if (folder / f"{one.name}.json").is_file()
        }
    text = page(said, absent, command, asked.note)
    asked.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
