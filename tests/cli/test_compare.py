"""`seedwise compare`, end to end in one process: verdicts on the check values, formats, families, exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from seedwise.cli import app
from seedwise.stats import decide_crossed
from tests.stats.simulate import FAIRSEQ, HF, PRETRAINED, RANDOM, logistic


def seeds_file(folder: Path, **arms: tuple[float, ...]) -> Path:
    lines = [f"{arm},{seed},{score}" for arm, scores in arms.items() for seed, score in enumerate(scores)]
    path = folder / "scores.csv"
    path.write_text("\n".join(["arm,seed,score", *lines]))
    return path


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def compare_json(*arguments: object) -> dict[str, object]:
    answer = compare(*arguments, "--format", "json")
    assert answer.exit_code == 0, answer.output
    item = json.loads(answer.stdout)
    assert isinstance(item, dict)
    return item


def test_pretrained_against_random_is_decided_with_three_seeds_and_says_on_what_it_rests(tmp_path: Path) -> None:
    item = compare_json(seeds_file(tmp_path, pretrained=PRETRAINED, random=RANDOM), "--metric", "accuracy")
    assert (item["verdict"], item["question"], item["n_seeds"]) == ("A better", "seeds", [3, 3])
    assert item["basis"] == "seeds that scatter near normally"
    assert item["interval"] == pytest.approx([10.745, 14.988], abs=5e-4)
    assert item["p"] == pytest.approx(9.475e-5, rel=1e-3)
    assert item["p_exact"] == item["floor"] == pytest.approx(0.1)
    assert (item["n_examples"], item["tost"], item["unit"]) == (None, None, "percent")
    assert item["multi_bootstrap"] is None


def test_fairseq_and_hf_within_two_points(tmp_path: Path) -> None:
    item = compare_json(seeds_file(tmp_path, fairseq=FAIRSEQ, hf=HF), "--margin", 2)
    assert item["p_exact"] == pytest.approx(0.2)
    assert item["tost"]["p"] == pytest.approx(0.0609, abs=5e-5)  # type: ignore[index]
    assert item["tost"]["equivalent"] is False  # type: ignore[index]


@pytest.fixture
def per_example(tmp_path: Path) -> tuple[Path, np.ndarray]:  # type: ignore[type-arg]
    scores = logistic(np.random.default_rng(4), 1, 6, 60, shift=1.5)[0]
    lines = [f"{'xy'[m]},{s},e{i},{int(scores[m, s, i])},1" for m in range(2) for s in range(6) for i in range(60)]
    path = tmp_path / "examples.csv"
    path.write_text("\n".join(["arm,seed,example,prediction,label", *lines]))
    return path, scores


def test_a_row_an_example_counts_seeds_and_examples(per_example: tuple[Path, np.ndarray]) -> None:  # type: ignore[type-arg]
    path, scores = per_example
    item = compare_json(path)
    want = decide_crossed(scores[0], scores[1], rng=np.random.default_rng(0))
    assert (item["verdict"], item["question"], item["n_examples"]) == ("A better", "seeds and examples", 60)
    assert want.interval is not None
    assert item["interval"] == pytest.approx(list(want.interval))
    assert item["p"] == want.p
    resampled = item["multi_bootstrap"]
    assert isinstance(resampled, dict)
    assert (resampled["resamples"], resampled["p"] < 0.05) == (10_000, True)
    assert resampled["interval"] == pytest.approx(item["interval"], abs=0.03)


def test_swapped_arms_and_paired_seeds(per_example: tuple[Path, np.ndarray]) -> None:  # type: ignore[type-arg]
    path, _ = per_example
    one, other = compare_json(path), compare_json(path, "--a", "y", "--b", "x")
    assert other["verdict"] == "B better"
    assert other["estimate"] == pytest.approx(-one["estimate"])  # type: ignore[operator]
    paired = compare_json(path, "--paired")
    assert (paired["paired"], paired["floor"], paired["n_seeds"]) == (True, 2 / 2**6, [6, 6])
    assert paired["estimate"] == pytest.approx(one["estimate"])
    assert "6 paired seeds, 60 examples" in str(paired["sentence"])


def test_three_arms_are_one_family(tmp_path: Path) -> None:
    path = seeds_file(tmp_path, a=(80, 81, 82, 80.5, 81.5), b=(70, 71, 72, 70.5, 71), c=(70.2, 71, 72.1, 70.5, 71.4))
    answer = compare(path, "--format", "json")
    items = json.loads(answer.stdout)
    assert [(item["a"], item["b"]) for item in items] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [item["verdict"] for item in items] == ["A better", "A better", "inconclusive"]
    assert {item["family_size"] for item in items} == {3}
    assert all(item["p_adjusted"] >= item["p"] for item in items)
    assert "3 pairs, decided as one family at 0.05 under Holm's correction" in compare(path).stdout
    against_b = json.loads(compare(path, "--b", "b", "--format", "json").stdout)
    assert [(item["a"], item["b"]) for item in against_b] == [("a", "b"), ("c", "b")]
    alone = compare(path, "--a", "a", "--b", "b", "--family", 4)
    assert "first step of Holm over a family of 4 claims" in alone.stdout


def test_every_format(tmp_path: Path) -> None:
    path = seeds_file(tmp_path, full_ft=(0.80, 0.81, 0.82, 0.80), lora=(0.70, 0.72, 0.71, 0.73))
    text = compare(path, "--metric", "accuracy").stdout
    assert text.startswith("full_ft against lora: full_ft better\n")
    assert "accuracy of full_ft minus lora is +9.25 points" in text
    assert "| full\\_ft | lora | A better | +9.25 |" in compare(path, "--format", "md").stdout
    latex = compare(path, "--format", "latex").stdout
    assert r"full\_ft & lora & A better & +9.25" in latex
    assert latex.count("rule") == 3
    (row,) = csv.DictReader(io.StringIO(compare(path, "--format", "csv").stdout))
    assert float(row["estimate"]) == pytest.approx(0.0925)
    assert (row["n_seeds_a"], row["verdict"], row["n_examples"]) == ("4", "A better", "")


def test_degenerate_scores_have_a_typed_verdict(tmp_path: Path) -> None:
    item = compare_json(seeds_file(tmp_path, a=(0.8,), b=(0.7, 0.6)))
    assert (item["verdict"], item["question"]) == ("unattainable", "one checkpoint against seeds")
    item = compare_json(seeds_file(tmp_path, a=(0.8,), b=(0.7,)))
    assert (item["verdict"], item["reason"], item["p"]) == ("degenerate", "too few seeds", None)
    item = compare_json(seeds_file(tmp_path, a=(0.8, 0.8), b=(0.7, 0.7)))
    assert (item["verdict"], item["reason"], item["interval"]) == ("degenerate", "zero variance", None)
    assert compare(seeds_file(tmp_path, a=(0.8,), b=(0.7, 0.6)), "--format", "md").exit_code == 0


def test_a_deterministic_arm_has_one_score(tmp_path: Path) -> None:
    path = seeds_file(tmp_path, tuned=(0.80, 0.81, 0.82, 0.80, 0.83, 0.81), tfidf=(0.7,))
    item = compare_json(path, "--deterministic", "tfidf")
    assert (item["verdict"], item["floor"]) == ("A better", 2 / 2**6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--a", "z", "--b", "a"], "no arm 'z'; arms: a, b, c"),
        (["--a", "z"], "no arm 'z'"),
        (["--a", "a", "--b", "a"], "--a and --b are both 'a'"),
        (["--alpha", "0.9"], "--alpha 0.9"),
        (["--margin", "-1"], "--margin -1"),
        (["--claim", "equivalence"], "needs a --margin"),
        (["--family", "2"], "3 pairs are compared here"),
        (["--a", "a", "--b", "b", "--paired"], "do not share the seeds 2"),
        (["--deterministic", "a"], "has 3 seeds"),
        (["--deterministic", "a", "--paired"], "exclude each other"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arguments: list[str], said: str) -> None:
    path = seeds_file(tmp_path, a=(0.8, 0.7, 0.9), b=(0.8, 0.7), c=(0.1, 0.2))
    answer = compare(path, *arguments)
    assert answer.exit_code == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_one_arm_is_no_comparison(tmp_path: Path) -> None:
    answer = compare(seeds_file(tmp_path, a=(0.8, 0.7)))
    assert answer.exit_code == 2
    assert "only one arm was found (a)" in answer.stderr


def test_error_parts_and_basis_are_in_json_and_csv(tmp_path: Path) -> None:
    path = seeds_file(tmp_path, pretrained=PRETRAINED, random=RANDOM)
    item = compare_json(path, "--metric", "accuracy")
    assert item["standard_error"] == pytest.approx(0.749, abs=5e-4)
    assert item["df"] == pytest.approx(3.81, abs=0.005)
    parts = item["parts"]
    assert isinstance(parts, dict)
    assert parts["seeds_a"] + parts["seeds_b"] == pytest.approx(0.749**2, rel=1e-3)
    assert (item["basis"], item["level"]) == ("seeds that scatter near normally", 0.05)
    assert item["collapse_bound"] == pytest.approx([0.632, 0.632], abs=5e-4)
    (row,) = csv.DictReader(io.StringIO(compare(path, "--metric", "accuracy", "--format", "csv").stdout))
    assert float(row["variance_seeds_a"]) == pytest.approx(parts["seeds_a"])
    assert float(row["collapse_bound_b"]) == pytest.approx(0.632, abs=5e-4)
    strict = compare_json(path, "--metric", "accuracy", "--require-exact")
    assert (strict["verdict"], strict["basis"], strict["require_exact"]) == ("unattainable", None, True)
    assert "By a rule of this study (exact: required), not of nature" in str(strict["sentence"])


def test_labels_and_losses_come_in_clusters_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    lines = ["arm,seed,example,prediction,label,loss,tokens,group"]
    for arm in "ab":
        for s in range(4):
            lines += [
                f"{arm},{s},e{i},{int(rng.random() < 0.6)},{i % 2},{20 + 5 * rng.random():.3f},{5 + i % 3},g{i // 5}"
                for i in range(100)
            ]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines))
    for metric in ("accuracy", "macro-f1", "matthews", "perplexity"):
        item = compare_json(path, "--metric", metric)
        assert (item["n_examples"], item["n_clusters"]) == (100, 20)


def test_a_foreign_answer_is_no_class_of_macro_f1(tmp_path: Path) -> None:
    def write(name: str, odd: str) -> Path:
        lines = ["arm,seed,example,prediction,label"]
        for arm, k in (("a", 13), ("b", 5)):
            for s in range(4):
                for e in range(40):
                    gold = ("pos", "neg")[e % 2]
                    said = ("neg", "pos")[e % 2] if (e + s) % k == 0 else gold
                    lines.append(f"{arm},{s},{e},{odd if (arm, s, e) == ('b', 0, 0) and odd else said},{gold}")
        path = tmp_path / name
        path.write_text("\n".join(lines))
        return path

    plain = compare_json(write("plain.csv", ""), "--metric", "macro-f1")
    odd = compare_json(write("odd.csv", "?"), "--metric", "macro-f1")
    assert plain["estimate"] == pytest.approx(0.1187, abs=5e-5)
    assert odd["estimate"] == pytest.approx(0.1162, abs=5e-5)
