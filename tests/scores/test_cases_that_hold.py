"""Files that were read rightly before, and stay so."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from typer.testing import CliRunner

from seedwise.cli import app
from tests.scores.field import ROBERTA, SETFIT, put, run, seeds, verdict


def test_k1_arms_against_one_as_scipy_has_them(tmp_path: Path) -> None:
    arms = {
        "full_ft": [84.7, 85.09, 84.72, 84.27, 85.25],
        "lora": [84.1, 84.9, 83.2, 84.0, 84.4],
        "adapter": [85.0, 86.1, 84.4, 85.2, 85.9],
    }
    for item in verdict(put(tmp_path, seeds(**arms)), "--b", "full_ft"):
        want = scipy.stats.ttest_ind(arms[item["a"]], arms["full_ft"], equal_var=False)
        assert item["p"] == pytest.approx(want.pvalue)
        assert item["p_adjusted"] >= item["p"]
        exact = scipy.stats.permutation_test(
            (arms[item["a"]], arms["full_ft"]), lambda a, b: np.mean(a) - np.mean(b), n_resamples=np.inf
        )
        assert item["p_exact"] == pytest.approx(exact.pvalue)


def test_k3_four_arms_of_blocks_and_items_as_the_crossed_formulas_have_them(tmp_path: Path) -> None:
    """Eight blocks as seeds, 98 items, four arms, all pairs under Holm; against the variances written out."""
    rng = np.random.default_rng(3)
    item = rng.normal(0, 0.25, 98)
    arms = {
        name: (rng.random((8, 98)) < np.clip(level + item + rng.normal(0, 0.03, (8, 1)), 0, 1)).astype(float)
        for name, level in (("base", 0.5), ("tuned", 0.66), ("distilled", 0.52), ("pruned", 0.49))
    }
    lines = [f"{a},{s},q{i},{int(v)}" for a, y in arms.items() for (s, i), v in np.ndenumerate(y)]
    items = verdict(put(tmp_path, "\n".join(["arm,block,item,score", *lines])), "--seed", "block", "--example", "item")
    assert len(items) == 6
    for found in items:
        a, b = arms[found["a"]], arms[found["b"]]
        v1 = v3 = 0.0
        for y in (a, b):
            rows, columns = y.mean(axis=1), y.mean(axis=0)
            residual = y - rows[:, None] - columns[None, :] + y.mean()
            v1 += rows.var(ddof=1) / 8
            v3 += (residual**2).sum() / (7 * 97) / (8 * 98)
        v2 = (a.mean(axis=0) - b.mean(axis=0)).var(ddof=1) / 98
        assert found["standard_error"] == pytest.approx(max(v1 + v2 - v3, v1, v2) ** 0.5)
        assert found["estimate"] == pytest.approx(a.mean() - b.mean())
        assert found["family_size"] == 6
    adjusted = [found["p_adjusted"] for found in sorted(items, key=lambda each: each["p"])]
    raw = sorted(found["p"] for found in items)
    assert adjusted == pytest.approx(
        list(np.minimum(1, np.maximum.accumulate([p * (6 - k) for k, p in enumerate(raw)])))
    )
    text = run(tmp_path / "scores.csv", "--seed", "block", "--example", "item", "--format", "md").stdout
    assert text.count("| 8 | 98 |") == 6


def test_k5_a_seed_that_answers_the_majority_class(tmp_path: Path) -> None:
    """Matthews of a constant answer is 0 / 0, taken as 0; its error over examples is that of leaving each out in turn."""
    rng = np.random.default_rng(5)
    gold = [int(i % 3 > 0) for i in range(240)]
    answers = {
        (arm, s): [1 - g if rng.random() < wrong else g for g in gold]
        for arm, wrong in (("good", 0.05), ("odd", 0.08))
        for s in range(6)
    }
    answers["odd", 2] = [1] * 240
    lines = [f"{a},{s},{i},{said},{gold[i]}" for (a, s), each in answers.items() for i, said in enumerate(each)]
    item = verdict(put(tmp_path, "\n".join(["arm,seed,example,prediction,label", *lines])), "--metric", "matthews")

    def mcc(truth: list[int], said: list[int]) -> float:
        x, y = (np.array(each) - np.mean(each) for each in (truth, said))
        scale = float((x @ x) * (y @ y))
        return float(x @ y) / scale**0.5 if scale > 0.0 else 0.0

    def pseudo(said: list[int]) -> list[float]:
        without = np.array([mcc(gold[:i] + gold[i + 1 :], said[:i] + said[i + 1 :]) for i in range(240)])
        return list(mcc(gold, said) + 239 * (without.mean() - without))

    values = {a: np.array([pseudo(answers[a, s]) for s in range(6)]) for a in ("good", "odd")}
    assert item["estimate"] == pytest.approx(values["good"].mean() - values["odd"].mean())
    examples = (values["good"].mean(axis=0) - values["odd"].mean(axis=0)).var(ddof=1) / 240
    assert item["parts"]["examples"] == pytest.approx(examples)
    assert item["collapsed"] == [0, 1]
    assert "1 of 6 seeds of odd lies far behind the others" in item["sentence"]


@pytest.mark.parametrize("seed", range(8))
def test_k7_paired_seeds_with_ties_as_rational_sign_flips_have_them(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(70, 76, 7).tolist() for _ in range(2))
    gaps = [x - y for x, y in zip(a, b, strict=True)]
    if len(set(gaps)) == 1:
        pytest.skip("no error")
    item = verdict(put(tmp_path, seeds(a=a, b=b)), "--paired")
    sums = [sum(s * g for s, g in zip(signs, gaps, strict=True)) for signs in itertools.product((-1, 1), repeat=7)]
    tails = (sum(each >= sum(gaps) for each in sums), sum(each <= sum(gaps) for each in sums))
    assert item["p_exact"] == float(min(Fraction(1), Fraction(2 * min(tails), len(sums))))
    assert item["p"] == pytest.approx(scipy.stats.ttest_rel(a, b).pvalue)


@pytest.mark.parametrize(("difference", "wanted"), [(0.02, 4), (0.01, 4), (0.0075, 6), (0.005, 11)])
def test_k9_seeds_from_numbers_alone(
    difference: float, wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no project anywhere near
    answer = CliRunner().invoke(
        app, ["plan", "--sd-seeds", ".0038", "--difference", str(difference), "--format", "json"]
    )
    assert answer.exit_code == 0, answer.output
    assert wanted in _numbers(json.loads(answer.stdout))


def _numbers(value: object) -> set[object]:
    if isinstance(value, dict):
        return set().union(*map(_numbers, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_numbers, value)) if value else set()
    return {value}


def test_k2_paired_splits(tmp_path: Path) -> None:
    item = verdict(put(tmp_path, seeds(setfit=SETFIT[1:], roberta=ROBERTA[1:])), "--paired")
    assert item["p"] == pytest.approx(scipy.stats.ttest_rel(SETFIT[1:], ROBERTA[1:]).pvalue)
    assert item["p_exact"] == pytest.approx(2 / 2**9)


def test_k4_a_deterministic_arm(tmp_path: Path) -> None:
    values = [80.1, 75.3, 78.8, 82.0, 74.9, 79.6]
    item = verdict(put(tmp_path, seeds(lora=values, **{"zero-shot": [52.5]})), "--deterministic", "zero-shot")
    assert item["p"] == pytest.approx(scipy.stats.ttest_1samp(values, 52.5).pvalue)
    assert (item["verdict"], item["floor"]) == ("A better", 2 / 2**6)


def test_k6_unequal_seeds_names_of_any_script_and_uuids(tmp_path: Path) -> None:
    text = (
        "arm,seed,accuracy\n"
        + "".join(f"模型,4f{i}-a,{80 + i}\n" for i in range(3))
        + "".join(f"Ünï,x{i},{70 + i}\n" for i in range(5))
    )
    item = verdict(put(tmp_path, text))
    assert (item["a"], item["b"], item["n_seeds"], item["verdict"]) == ("模型", "Ünï", [3, 5], "A better")


@pytest.mark.minutes
def test_k8_a_million_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [
        f"{a},{s},e{i},{int(v)}"
        for a in "ab"
        for s in range(10)
        for i, v in enumerate(rng.random(50_000) < (0.8 if a == "a" else 0.79))
    ]
    path = put(tmp_path, "\n".join(["arm,seed,example,score", *rows]))
    # The command's own figures, by its own address space: others count what ran before in the same process.
    code = (
        "import resource, runpy, sys; sys.argv = ['seedwise', 'compare', sys.argv[1]]\n"
        "try: runpy.run_module('seedwise', run_name='__main__')\n"
        "finally:\n"
        "    (peak,) = [line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_utime, peak)"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert "50000 examples" in answer.stdout
    seconds, kilobytes = map(float, answer.stdout.split()[-2:])
    assert seconds < 10.0  # about 3 s on an idle machine
    assert kilobytes < 500_000
