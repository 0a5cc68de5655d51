"""Files that were read rightly before, and stay so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from tests.scores.test_field_cases import ROBERTA, SETFIT, put, seeds, verdict


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
