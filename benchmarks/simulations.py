"""Size, coverage and power of the procedures that decide, where seeds and examples are both drawn anew in every repetition.

    python benchmarks/simulations.py --out docs/results/simulations.md

Needs numpy, scipy and `seedwise.stats` only. The seed decides every figure; a rate from n repetitions has a standard error of at
most 0.5 / sqrt(n).
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy
import simulated_clusters
import simulated_seeds
import simulated_tasks
from numpy.typing import NDArray

from seedwise.stats import (
    CrossedResult,
    NonInferiority,
    PermutationResult,
    WelchResult,
    confusion_scores,
    crossed,
    crossed_paired,
    look_levels,
    macro_f1,
    matthews,
    noninferiority,
    permutation_unpaired,
    tost,
    welch,
)

Array = NDArray[np.float64]
REPETITIONS, SEED = 1000, 1  # those of docs/results/simulations.md
MANY = 10  # times as many where many data sets are drawn at once


@dataclass(frozen=True)
class Model:
    """Right or wrong answers [2, seeds, examples] by a logistic model of seeds × examples; standard deviations on the logit scale.

    `level` and `example`: mean and spread of how easy the examples are; `arm_example`: how differently the two arms find them (0:
    no interaction); `seed` and `residual`: between seeds, and seed × example; `shift` favours the first arm; a seed has
    `collapse` (one chance an arm) to give one answer to everything, which is right on half of the examples; `share`: both
    arms have the same seed effects; `steady`: the second arm has none.
    """

    name: str
    examples: int = 277
    level: float = 0.6
    example: float = 1.5
    arm_example: float = 1.0
    seed: float = 0.1
    residual: float = 0.3
    shift: float = 0.0
    collapse: tuple[float, float] = (0.0, 0.0)
    share: bool = False
    steady: bool = False

    def draw(self, rng: np.random.Generator, seeds: int) -> Array:
        logit = self.level + rng.normal(0.0, self.example, (1, 1, self.examples))
        logit = logit + rng.normal(0.0, self.arm_example, (2, 1, self.examples))
        by_seed = rng.normal(0.0, self.seed, (1 if self.share else 2, seeds, 1))
        if self.steady:
            by_seed[1] = 0.0
        logit = logit + by_seed
        logit = logit + rng.normal(0.0, self.residual, (2, seeds, self.examples))
        logit[0] += self.shift
        right = (rng.random(logit.shape) < 1.0 / (1.0 + np.exp(-logit))).astype(np.float64)
        if any(self.collapse):
            constant = (rng.random(self.examples) < 0.5).astype(np.float64)
            for arm, chance in enumerate(self.collapse):
                right[arm, rng.random(seeds) < chance] = constant
        return right

    def truth(self) -> float:
        """The expected difference of the arms, by integrating over all effects at once (Gauss and Hermite)."""
        points, weights = np.polynomial.hermite_e.hermegauss(120)
        spread = math.sqrt(self.example**2 + self.arm_example**2 + self.seed**2 + self.residual**2)

        def expected(shift: float, collapse: float) -> float:
            right = 1.0 / (1.0 + np.exp(-(self.level + shift + spread * points)))
            return (1.0 - collapse) * float(right @ weights / weights.sum()) + 0.5 * collapse

        return expected(self.shift, self.collapse[0]) - expected(0.0, self.collapse[1])


RTE, SST2 = Model("RTE-like, 277 examples"), Model("SST-2-like, 872 examples", examples=872, level=2.4)
NULLS = (
    RTE,
    SST2,
    replace(RTE, name="no interaction: the arms find the same examples hard", arm_example=0.0),
    replace(RTE, name="seeds differ much (sd 0.5 on the logit scale)", seed=0.5),
    replace(RTE, name="seeds do not differ", seed=0.0),
    replace(SST2, name="SST-2-like, one seed in five collapses, in both arms", collapse=(0.2, 0.2)),
    replace(SST2, name="SST-2-like, one seed in twenty collapses, in both arms", collapse=(0.05, 0.05)),
    replace(RTE, name="20 examples", examples=20),
    replace(RTE, name="50 examples", examples=50),
    replace(RTE, name="50 examples, 97 % right", examples=50, level=5.0),
    replace(RTE, name="277 examples, 97 % right", level=5.0),
)
PLANTED = (
    replace(RTE, name="RTE-like, shift 0.15", shift=0.15),
    replace(RTE, name="RTE-like, shift 0.35", shift=0.35),
    replace(SST2, name="SST-2-like, shift 0.15", shift=0.15),
    replace(RTE, name="no interaction, shift 0.15", arm_example=0.0, shift=0.15),
    replace(SST2, name="SST-2-like, one seed in five of the second arm collapses", collapse=(0.0, 0.2)),
    replace(SST2, name="SST-2-like, one seed in twenty of the second arm collapses", collapse=(0.0, 0.05)),
    replace(RTE, name="50 examples, shift 0.35", examples=50, shift=0.35),
)
SEEDS = (3, 5, 10)


def rate(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.3f}".removeprefix("0") if len(hits) else "–"


def repeated(model: Model, seeds: int, repetitions: int, rng: np.random.Generator) -> Iterator[Array]:
    return (model.draw(rng, seeds) for _ in range(repetitions))


def p_crossed(scores: Array) -> float:
    result = crossed(scores[0], scores[1])
    return result.p if isinstance(result, CrossedResult) else 1.0


def p_welch(scores: Array) -> float:
    result = welch(scores[0].mean(axis=1), scores[1].mean(axis=1))
    return result.p if isinstance(result, WelchResult) else 1.0


def p_exact(scores: Array) -> float:
    result = permutation_unpaired(scores[0].mean(axis=1), scores[1].mean(axis=1))
    return result.p if isinstance(result, PermutationResult) else 1.0


def sizes(repetitions: int, rng: np.random.Generator) -> list[str]:
    """Rejections at .05 where the arms are equal in expectation over seeds and examples."""
    lines = [
        "| model | crossed t, 3 / 5 / 10 seeds | Welch over seeds | exact test over seeds |",
        "| --- | --- | --- | --- |",
    ]
    for model in NULLS:
        cells: dict[Callable[[Array], float], list[str]] = {p_crossed: [], p_welch: [], p_exact: []}
        for seeds in SEEDS:
            hits: dict[Callable[[Array], float], list[bool]] = {procedure: [] for procedure in cells}
            for number, scores in enumerate(repeated(model, seeds, repetitions, rng)):
                for procedure, told in hits.items():
                    # 10 seeds have 184,756 arrangements: a twentieth of the repetitions has to do
                    if procedure is not p_exact or seeds < 10 or number < repetitions // 20:
                        told.append(procedure(scores) <= 0.05)
            for procedure, told in hits.items():
                cells[procedure].append(rate(told))
        lines.append(f"| {model.name} | " + " | ".join(" / ".join(found) for found in cells.values()) + " |")
    return lines


def planted(repetitions: int, rng: np.random.Generator) -> list[str]:
    """Power at .05, and how often the 95 % interval holds the true difference."""
    lines = ["| model | true difference | power, 3 / 5 / 10 seeds | coverage |", "| --- | --: | --- | --- |"]
    for model in PLANTED:
        truth = model.truth()
        power, coverage = [], []
        for seeds in SEEDS:
            results = [crossed(a, b) for a, b in repeated(model, seeds, repetitions, rng)]
            kept = [result for result in results if isinstance(result, CrossedResult)]
            power.append(rate([result.p <= 0.05 and result.estimate > 0.0 for result in kept]))
            coverage.append(rate([result.interval[0] <= truth <= result.interval[1] for result in kept]))
        lines.append(f"| {model.name} | {100 * truth:.2f} points | {' / '.join(power)} | {' / '.join(coverage)} |")
    return lines


def others(repetitions: int, rng: np.random.Generator) -> list[str]:
    """The remaining rules, each at the edge where it must not claim more often than alpha."""
    lines = ["| rule | at | claims, 3 / 5 / 10 seeds |", "| --- | --- | --- |"]
    at_margin = replace(RTE, shift=0.35)
    margin = at_margin.truth()
    equal: dict[str, list[str]] = {}
    for seeds in SEEDS:
        row: dict[str, list[bool]] = {}
        for scores in repeated(at_margin, seeds, repetitions, rng):
            result = crossed(scores[0], scores[1])
            if isinstance(result, CrossedResult):
                found = tost(result.estimate, result.standard_error, result.df, margin)
                row.setdefault(f"equivalence within ±{100 * margin:.1f} points|the margin itself", []).append(
                    found.equivalent
                )
            worse = noninferiority(scores[1], scores[0], margin)
            name = f"regression gate, margin {100 * margin:.1f} points|a loss of the margin (passes)"
            row.setdefault(name, []).append(isinstance(worse, NonInferiority) and worse.passed)
        for scores in repeated(replace(RTE, seed=0.5, share=True), seeds, repetitions, rng):
            pairs = crossed_paired(scores[0], scores[1])
            row.setdefault("paired crossed t|no difference, seeds shared", []).append(
                isinstance(pairs, CrossedResult) and pairs.p <= 0.05
            )
        for scores in repeated(replace(RTE, steady=True), seeds, repetitions, rng):
            fixed = crossed(scores[0], scores[1][:1], deterministic_b=True)
            row.setdefault("crossed t against a deterministic arm|no difference", []).append(
                isinstance(fixed, CrossedResult) and fixed.p <= 0.05
            )
        for scores in repeated(RTE, seeds, repetitions, rng):
            gold = (rng.random(RTE.examples) < 0.3).astype(np.intp)
            answers = [np.where(arm > 0.5, gold, 1 - gold).astype(np.intp) for arm in scores]
            for label, metric in (("macro-F1", macro_f1), ("Matthews", matthews)):
                a, b = (confusion_scores(gold, said, 2, metric) for said in answers)
                row.setdefault(f"{label} by pseudovalues|no difference", []).append(p_crossed(np.array([a, b])) <= 0.05)
        for name, hits in row.items():
            equal.setdefault(name, []).append(rate(hits))
    for name, rates in equal.items():
        rule, edge = name.split("|")
        lines.append(f"| {rule} | {edge} | {' / '.join(rates)} |")
    return lines


def looks(repetitions: int, rng: np.random.Generator) -> list[str]:
    """A false claim at any of three looks, under each rule and under none."""
    lines = ["| looks at | model | O'Brien-Fleming | Pocock | .05 at every look |", "| --- | --- | --: | --: | --: |"]
    for counts in ((3, 5, 10), (4, 7, 10), (5, 10)):
        rules = [look_levels(counts, 0.05, "obrien-fleming"), look_levels(counts, 0.05, "pocock")]
        for model in (RTE, replace(RTE, name="seeds differ much, 2,000 examples", seed=0.5, examples=2000)):
            hits: list[list[bool]] = [[], [], []]
            for scores in repeated(model, counts[-1], repetitions, rng):
                found = [p_crossed(scores[:, :seeds]) for seeds in counts]
                for rule, told in zip(rules, hits, strict=False):
                    told.append(any(p <= look.level for p, look in zip(found, rule, strict=True)))
                hits[2].append(any(p <= 0.05 for p in found))
            lines.append(f"| {', '.join(map(str, counts))} | {model.name} | {' | '.join(map(rate, hits))} |")
    return lines


def report(repetitions: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    error = 0.5 / math.sqrt(repetitions)
    near = math.sqrt(0.05 * 0.95 / repetitions)
    command = f"python benchmarks/simulations.py --repetitions {repetitions} --seed {seed}"
    parts = [
        "# Simulations of the procedures",
        f"Made by `{command}` (or `nox -s simulate`) with numpy {np.__version__} and scipy {scipy.__version__} on Python "
        f"{platform.python_version()}. Seeds and examples are drawn anew {repetitions:,} times a cell; a rate near .05 has a standard "
        f"error of {near:.4f}, any rate at most {error:.4f}. Levels are .05, two-sided, unless said.",
        "## Size: how often a difference is claimed where there is none",
        "The crossed t interval is what decides. Welch and the exact test answer for one test file, on which the arms do differ: "
        "above .05 they are not wrong, they answer another question. The exact test cannot reject with 3 seeds, so that no claim of 3 "
        "seeds is confirmed by it; its column of 10 seeds is from a twentieth of the repetitions.",
        *("\n".join(sizes(repetitions, rng)),),
        "## Power and coverage",
        *("\n".join(planted(repetitions, rng)),),
        "## The other rules, at their edge",
        *("\n".join(others(repetitions, rng)),),
        "## Seeds added look by look",
        *("\n".join(looks(repetitions, rng)),),
        *further(MANY * repetitions, rng),
        *over_tasks(repetitions, np.random.default_rng([seed, 1])),
    ]
    return "\n\n".join(parts) + "\n"


def further(repetitions: int, rng: np.random.Generator) -> list[str]:
    """Sections drawn many data sets at a time, so that more repetitions are to be had."""
    near = math.sqrt(0.05 * 0.95 / repetitions)
    drawn = f"{repetitions:,} repetitions a cell: a rate near .05 has a standard error of {near:.4f}."
    return [
        "## Examples in clusters",
        "Coverage of the nominal 95 % interval where the examples of one cluster (a film, a passage, a user) are alike: *likeness* "
        "is the correlation of the arms' difference between two of them. Clusters take the place of examples in every figure. "
        f"{drawn} One less the coverage is the size, for the arms are equal.",
        "\n".join(simulated_clusters.table(repetitions, rng)),
        "The same where the clusters are neglected and every example counts as a draw of its own: more seeds make it worse.",
        "\n".join(simulated_clusters.contrast(max(20, repetitions // 8), rng)),
        "## What few seeds may say",
        f"False claims of a difference at .05, by the crossed test on {simulated_seeds.EXAMPLES} examples, where seeds make most of the "
        f"error. {drawn} Bold: over .065. A verdict takes three seeds in each arm; two against ten stand here to show why. **Where it "
        "fails:** (1) an arm that collapses now and then and is better otherwise, so that both are equal in expectation: clean seeds of "
        "it look better, and are. No number of seeds that is paid for in practice rules that out, so a verdict says how high a rate of "
        "collapse its seeds leave open. (2) Two humps, or a long tail, in one arm only, most of all where that arm has fewer seeds.",
        "\n".join(simulated_seeds.table(repetitions, rng)),
        "Over seeds alone (Welch): false claims that rest on near-normal seeds, and such as an exact test confirms. The exact test "
        "assumes no shape, but that both arms have the *same* one where they are equal; where they have not, it confirms false claims too.",
        "\n".join(simulated_seeds.bases(repetitions, rng)),
        "## Seeds that lie far behind",
        "How often a group of seeds is told to lie far behind the rest of its arm.",
        "\n".join(simulated_seeds.apart(repetitions, rng)),
        "## P(A > B) over seeds",
        "Coverage of its 95 % interval, for normal scores.",
        "\n".join(simulated_seeds.superiority(max(20, repetitions // 4), rng)),
        "## Power that a plan reckons with",
        "What `power_crossed` says, and how often the crossed test decides in data of that kind.",
        "\n".join(simulated_seeds.powers(repetitions, rng)),
    ]


def over_tasks(repetitions: int, rng: np.random.Generator) -> list[str]:
    """The section on several tasks, of a stream of its own: the other sections' figures do not hang on it."""
    sizes = ", ".join(map(str, simulated_tasks.SIZES))
    return [
        "## Several tasks",
        "How often the nominal 95 % interval of the mean difference over a *fixed* suite misses it, where every task has examples of "
        f"its own ({sizes} of them, in turn): the size, where the arms are equal. Above .05: a seed's luck is the same on all tasks, and "
        "the covariance is left out. A study's seeds are the same on all of its tasks, so it is taken there.",
        "\n".join(simulated_tasks.fixed(repetitions, rng)),
        "The same over tasks that are a *sample*, the difference on each being drawn: what the interval over tasks like these misses, "
        "what it misses without a seed's common part, and what the interval over these very tasks would, which answers another question.",
        "\n".join(simulated_tasks.sampled(repetitions, rng)),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--repetitions", type=int, default=REPETITIONS, help=f"of each cell (default: {REPETITIONS}, minutes)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the random generator (default: {SEED})")
    parser.add_argument("--out", type=Path, default=None, help="a Markdown file; default: standard output")
    chosen = parser.parse_args(arguments)
    if chosen.repetitions < 20:
        parser.error(f"--repetitions {chosen.repetitions}: at least 20")
    text = report(chosen.repetitions, chosen.seed)
    if chosen.out is None:
        sys.stdout.write(text)
    else:
        chosen.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
