"""Other released ways of comparing beside Seedwise, on the same planted cases and on the suite's own runs.

    python benchmarks/rivals/run.py                                 # or nox -s rivals (an hour or two on two cores)
    python benchmarks/rivals/run.py --folder F --only evalstats     # one of them, for --seconds more
    python benchmarks/rivals/run.py --folder F --seconds 0          # the page of what is there

Each package is installed into an environment of its own below `.nox/rivals`. What cannot be had is said on the page. MultiBERTs' bootstrap
is a source file and no package: it is fetched from the commit below, or given by `--multibootstrap FILE`. Answers are kept in the
folder: a further call goes on where the last one ended.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
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
from scipy.stats import binomtest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.rivals.cases import CASES, Case  # noqa: E402
from seedwise.bundle import opened  # noqa: E402

HERE = Path(__file__).parent
ENVIRONMENTS = ROOT / ".nox" / "rivals"
BLOCK = 100  # repetitions drawn at once
COMMIT = "c040a31519dc58c87de1a39fc3b03de6815d44fb"
ADDRESS = f"https://raw.githubusercontent.com/google-research/language/{COMMIT}/language/multiberts/multibootstrap.py"
OWN = "own: "  # before the name of a study of the suite


@dataclass(frozen=True, slots=True)
class Contestant:
    """`asks`: of what, by its own account, the answer is. `requirements` are tried one after the other, each a list for pip; none:
    the harness has it already."""

    name: str
    words: str
    mode: str
    asks: str
    requirements: tuple[tuple[str, ...], ...] = ()


CONTESTANTS = (
    Contestant(
        "seedwise",
        "Seedwise",
        "`decide_crossed`: seeds and examples crossed",
        "new seeds and new examples of such a kind",
    ),
    Contestant(
        "t_test",
        "t-test over seeds (scipy)",
        "`ttest_ind`, Welch's, over the runs' accuracies",
        "new seeds, these examples",
    ),
    Contestant(
        "mcnemar",
        "McNemar (statsmodels)",
        "exact, of the first checkpoint of each arm",
        "these two checkpoints, new examples",
    ),
    Contestant(
        "mlflow",
        "MLflow `compare_evaluations`",
        "a feedback a seed on each row, averaged by it; Wilcoxon's p, BCa interval",
        "these runs, new examples",
        (("mlflow==3.18.0",), ("--no-deps", "mlflow==3.18.0")),
    ),
    Contestant(
        "evalstats",
        "evalstats `compare`",
        "runs nested in items; methods as it chooses them; its own interval and p",
        "new examples, runs anew on each",
        (("evalstats==0.3.3",),),
    ),
    Contestant(
        "deepsig",
        "deep-significance `aso`",
        "over the runs' accuracies, both ways, 200 iterations; better below a violation ratio of .2",
        "new seeds, these examples; of whole distributions",
        (("deepsig==1.2.8",),),
    ),
    Contestant(
        "multiberts",
        "MultiBERTs `multibootstrap`",
        f"unpaired seeds, 500 samples, its percentile interval; a source file, of commit {COMMIT[:7]}",
        "new seeds and new examples",
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
    """The claims of the repository's own bundles: right and wrong answers [1, 2, seeds, examples], the claim's first arm second.
    Claims on other scores are left out: McNemar's test and others know right and wrong alone."""
    found = {}
    for path in sorted((ROOT / "docs" / "results" / "bundles").glob("*.zip")):
        with opened(path) as (verified, _):
            for outcome in verified.outcomes:
                for claim in outcome.claims:
                    arms = [outcome.arms[name].examples for name in (claim.b, claim.a)]
                    if len({arm.shape for arm in arms}) == 1 and all(np.isin(arm, (0, 1)).all() for arm in arms):
                        found[f"{OWN}{outcome.study.name}: {claim.a}, {claim.b}"] = np.array([arms], dtype=np.uint8)
    return found


def draw(case: Case, rng: np.random.Generator, repetitions: int) -> NDArray[np.uint8]:
    blocks = [min(BLOCK, repetitions - begun) for begun in range(0, repetitions, BLOCK)]
    return np.concatenate([case.draw(rng, block) for block in blocks])


def measure(asked: argparse.Namespace) -> dict[str, str]:
    """Answers into `asked.folder`, after those that are there; contestant → why it has none."""
    folder, absent = asked.folder, {}
    folder.mkdir(parents=True, exist_ok=True)
    drawn = folder / f"cases-{asked.seed}-{asked.repetitions}.npz"
    others = [path.name for path in folder.glob("cases-*.npz") if path != drawn]
    if others:
        raise SystemExit(f"{folder} has answers on other draws ({others[0]}): name another folder, or empty it")
    if not drawn.is_file():
        rng = np.random.default_rng(asked.seed)
        np.savez_compressed(folder / "new.npz", **{case.name: draw(case, rng, asked.repetitions) for case in CASES})
        (folder / "new.npz").rename(drawn)
    np.savez(folder / "own.npz", **own_runs())
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": str(folder)}
    for contestant in CONTESTANTS:
        if asked.only and contestant.name not in asked.only:
            continue
        print(f"{contestant.name} …", flush=True)
        missing = multibootstrap(asked.multibootstrap, folder) if contestant.name == "multiberts" else None
        python = interpreter(contestant) if missing is None else missing
        if isinstance(python, str):
            absent[contestant.name] = python
            continue
        words = [str(python), str(HERE / "contestants.py"), contestant.name, str(folder / f"{contestant.name}.json")]
        words += [str(asked.seconds), str(folder / "own.npz"), str(drawn)]
        ended = subprocess.run(words, env=environment, capture_output=True, text=True)
        if ended.returncode:
            absent[contestant.name] = (ended.stderr.strip().splitlines() or ["it failed"])[-1]
    return absent


def short(share: float) -> str:
    return f"{share:.3f}".removeprefix("0") if share < 1 else "1"


def rate(count: int, of: int) -> str:
    """A share with Wilson's 95 % interval."""
    if of == 0:
        return "–"
    low, high = binomtest(count, of).proportion_ci(method="wilson")
    return f"{short(count / of)} ({short(low)} to {short(high)})"


def row_of(case: Case, answers: Sequence[Sequence[Any]]) -> list[str]:
    """Claims of either arm, of the second, coverage of the planted difference, repetitions."""
    n, truth = len(answers), case.truth()
    wins = [sum(answer[3] == sign for answer in answers) for sign in (-1, 1)]
    bounded = [answer for answer in answers if answer[1] is not None and answer[2] is not None]
    covered = sum(answer[1] <= truth <= answer[2] for answer in bounded)
    return [rate(sum(wins), n), rate(wins[1], n), rate(covered, len(bounded)), f"{n:,}"]


_HEAD = """# Rivals: other ways of comparing, on the same cases

Made by `{command}` on {date}, Python {python}, {machine}.
{note}Each package is a release, in an environment of its own, in the
mode of it that suits seeds and examples best; the mode is said. Right and wrong answers are drawn from a logistic model in
which examples differ in difficulty, an arm finds some easier than the other does, and seeds spread by {spread:.1f} points;
seeds and examples are drawn anew each time.

The question is that of a report: is one way better on such examples, for whoever reruns it? A package that answers another
question is not wrong about that one; the tables say what comes of it when it is read as the answer to this. Levels are .05.
In brackets stand Wilson's 95 % intervals; slow packages had as many repetitions as their time allowed.
"""
_POWER = """
{case}: the second arm is better by {points:.1f} points. Power counts only where false claims keep their level. Seconds are
the median of one comparison on one core, without imports.

| | claimed | of it the right arm | repetitions | seconds |
| --- | --: | --: | --: | --: |"""
_OWN = """
## On the suite's own runs

What each says of the claims of this repository's [studies](README.md) whose examples are right or wrong, from the predictions in their
bundles: the winner, and p where it gives one. The reports count the films as clusters; none of the others can, so here
Seedwise does not either. Where the claim is equivalence or no loss, which none of the others tests, *none* is no support for it.
"""


def table(heads: Sequence[str], align: str = "--:") -> list[str]:
    return [f"| | {' | '.join(heads)} |", f"| --- |{f' {align} |' * len(heads)}"]


def page(said: Mapping[str, Any], absent: Mapping[str, str], command: str, note: str = "") -> str:
    """The results as Markdown; `note`: of the machine, and of what was done otherwise than `command` says."""
    null, planted = ([case for case in CASES if (case.shift == 0.0) == equal] for equal in (True, False))
    lines = [
        _HEAD.format(
            command=command,
            date=f"{datetime.now(UTC):%d %B %Y}",
            python=platform.python_version(),
            machine=platform.machine(),
            note=note and f"{note}\n",
            spread=100 * CASES[0].seed_sd(),
        ),
        *table(["release", "mode", "what it speaks of"], "---"),
    ]
    for one in CONTESTANTS:
        version = said[one.name]["version"] or COMMIT[:7] if one.name in said else None
        version = version or f"not run: {absent.get(one.name, 'no answers')}"
        lines.append(f"| {one.words} | {version} | {one.mode} | {one.asks} |")
    present = [one for one in CONTESTANTS if one.name in said]

    def row(one: Contestant, case: Case) -> list[str]:
        return row_of(case, said[one.name]["answers"][case.name])

    lines += ["", "## False claims: the two are equal", ""]
    lines += table([*(case.name.removeprefix("equal, ") for case in null), "repetitions"])
    for one in present:
        lines.append(f"| {one.words} | {' | '.join(row(one, case)[0] for case in null)} | {row(one, null[0])[3]} |")
    lines += ["", "## Coverage of the nominal 95 % interval", "", *table([case.name for case in CASES])]
    lines += [f"| {one.words} | {' | '.join(row(one, case)[2] for case in CASES)} |" for one in present]
    lines += ["", "–: it gives no interval of the difference.", "", "## Power and time"]
    for case in planted:
        lines.append(_POWER.format(case=case.name, points=100 * case.truth()))
        for one in present:
            answers = said[one.name]["answers"][case.name]
            claimed, right, _, n = row(one, case)
            seconds = f"{median(answer[4] for answer in answers):.2g}" if answers else "–"
            lines.append(f"| {one.words} | {claimed} | {right} | {n} | {seconds} |")
    own = dict.fromkeys(case for found in said.values() for case in found["answers"] if case.startswith(OWN))
    if own:
        lines += [_OWN, *table([one.words for one in present], "---")]
        for case in own:
            cells = [winner_of(said[one.name]["answers"].get(case)) for one in present]
            lines.append(f"| {case.removeprefix(OWN)} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def winner_of(answers: Sequence[Sequence[Any]] | None) -> str:
    """The study's first arm is the second of the cases."""
    if not answers:
        return "–"
    p, _, _, sign, _ = answers[0]
    word = {1: "first", -1: "second", 0: "none"}[sign]
    if p is None or math.isnan(p):
        return word
    return f"{word} ({'p < 1e-16' if p < 1e-16 else f'p {p:.2g}'})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "rivals.md")
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1800, help="the most that a contestant is given by this call")
    parser.add_argument("--only", action="append", help="a contestant by name; may be repeated")
    parser.add_argument("--folder", type=Path, default=ENVIRONMENTS / "answers", help="where answers are kept")
    parser.add_argument("--multibootstrap", type=Path, help="MultiBERTs' multibootstrap.py, where it cannot be fetched")
    parser.add_argument("--note", default="", help="of the machine, for the page")
    asked = parser.parse_args()
    absent = measure(asked) if asked.seconds else {}
    said = {
        one.name: json.loads((asked.folder / f"{one.name}.json").read_text(encoding="utf-8"))
        for one in CONTESTANTS
        if (asked.folder / f"{one.name}.json").is_file()
    }
    command = f"python benchmarks/rivals/run.py --repetitions {asked.repetitions} --seed {asked.seed}"
    text = page(said, absent, command, asked.note)
    asked.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
