"""Files as people bring them, with the right answers of independent code; figures are A - B in the order of the file."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from tests.scores.field import (
    F1,
    F12,
    F13,
    ROBERTA,
    SETFIT,
    holds,
    labelled,
    one_run_each,
    passages,
    put,
    refused,
    run,
    seeds,
    verdict,
)


@pytest.mark.parametrize("options", [["--cluster", "passage"], []])
def test_f5_questions_of_one_passage_are_a_cluster(tmp_path: Path, options: list[str]) -> None:
    item = verdict(put(tmp_path, passages()), *options)
    holds(item, "inconclusive", 13.33, -6.45, 33.12, 0.166)
    assert (item["n_examples"], item["n_clusters"]) == (120, 12)


def test_f5_and_as_plain_examples_where_that_is_asked_for(tmp_path: Path) -> None:
    item = verdict(put(tmp_path, passages()), "--cluster", "none")
    holds(item, "A better", 13.33, 7.62, 19.04, 9.9e-6)


def test_f8_one_run_of_each(tmp_path: Path) -> None:
    path = put(tmp_path, one_run_each())
    item = verdict(path, "--a", "tuned", "--b", "base")
    holds(item, "A better", 10.00, 2.81, 17.19, 0.00690)
    assert item["question"] == "two checkpoints, on such examples"
    assert (item["mcnemar"]["only_a"], item["mcnemar"]["only_b"]) == (12, 2)
    assert item["mcnemar"]["p"] == pytest.approx(0.0129, abs=5e-5)
    assert "This says nothing about how tuned and base were trained" in item["sentence"]


def test_f9_many_arms_of_one_seed_are_told_so_once(tmp_path: Path) -> None:
    for n in range(63):
        document = {
            "run_info": {"experiment_name": f"lora-rank{n}", "train_config": {"seed": 0}},
            "train_info": {"metrics": [{"step": 250, "test accuracy": 0.4 + n / 1000}]},
        }
        put(tmp_path, json.dumps(document), f"results/e{n}.json")
    said = refused(tmp_path / "results", "--metric", "test_accuracy")
    assert "63 arms have one seed and one score each" in said
    assert len(said) < 600


def test_f10_have_i_reproduced_it(tmp_path: Path) -> None:
    path = put(tmp_path, seeds(rerun=[29.69, 29.62, 30.36]))
    item = verdict(path, "--published", "DoRA=32.9")
    assert item["interval"] == pytest.approx([27.86, 31.92], abs=0.006)
    assert item["inside"] is False
    rte = put(tmp_path, seeds(mine=[0.8849, 0.8812, 0.8669, 0.8849, 0.8777]), "rte.csv")
    one = verdict(rte, "--published", "0.87")
    assert one["mean"] == pytest.approx(0.8791, abs=5e-5)
    assert one["interval"] == pytest.approx([0.8564, 0.9018], abs=6e-5)
    five = verdict(rte, "--published", "0.87", "--published-runs", 5)
    assert five["interval"] == pytest.approx([0.8660, 0.8922], abs=6e-5)
    assert "one more run should lie within" in run(rte, "--published", "0.87").stdout


def test_f10_one_run_against_several_seeds_of_the_same_file(tmp_path: Path) -> None:
    item = verdict(put(tmp_path, seeds(rerun=[29.69, 29.62, 30.36], published=[32.9])))
    assert item["question"] == "one checkpoint against seeds"
    assert item["prediction"]["interval"] == pytest.approx([27.86, 31.92], abs=0.006)
    assert item["prediction"]["inside"] is False


def test_f11_published_means(tmp_path: Path) -> None:
    item = verdict(put(tmp_path, "arm,mean,sd,n\nfinetune,86.8,.5,3\nbitfit,84.5,.5,3\n"))
    holds(item, "A better", 2.30, 1.17, 3.43, 0.00488)
    assert item["df"] == pytest.approx(4.0)
    assert item["floor"] == pytest.approx(0.1)
    assert item["basis"] == "seeds that scatter near normally"
    assert (item["p_exact"], item["p_a_greater_b"]) == (None, None)
    item = verdict(put(tmp_path, "Method,Mean,Std,n\na,85.23,0.32,5\nb,84.81,0.38,5\n"))
    holds(item, "inconclusive", 0.42, -0.09, 0.93, 0.0964)


@pytest.mark.parametrize("options", [[], ["--arm", "Method", "--seed", "Seed", "--where", "Task=SST2"]])
def test_f12_names_of_columns_are_the_users(tmp_path: Path, options: list[str]) -> None:
    path = put(tmp_path, F12)
    item = verdict(path, "--metric", "Best Val Acc (%)", "--b", "full_ft", *options)
    assert item["estimate"] == pytest.approx(3.20, abs=0.005)
    assert (item["verdict"], item["p"]) == ("A better", pytest.approx(9.5e-7, rel=0.02))


def test_f12_choices_are_printed_and_what_is_unclear_is_asked(tmp_path: Path) -> None:
    path = put(tmp_path, F12)
    assert "arm from Method" in run(path, "--metric", "Best Val Acc (%)").stdout
    said = refused(path)
    assert "--metric; found Train Acc (%), Best Val Acc (%), Final Val Acc (%)" in said


@pytest.mark.parametrize("options", [["--metric", "score"], []])
def test_f13_a_column_called_score_beside_others(tmp_path: Path, options: list[str]) -> None:
    holds(verdict(put(tmp_path, F13), *options), "B better", -4.00, -5.41, -2.59, 0.000448)


def test_a_verdict_a_task_in_one_family(tmp_path: Path) -> None:
    items = verdict(put(tmp_path, F13 + F13.split("\n", 1)[1].replace("rte", "mrpc")))
    assert [item["task"] for item in items] == ["rte", "mrpc"]
    assert {item["family_size"] for item in items} == {2}


F14 = ",arm,seed,score\n0,lora,0,.8\n1,lora,1,.81\n2,full,0,.9\n3,full,1,.91\n"


@pytest.mark.parametrize(
    "text",
    [
        F14,
        F14.replace(",arm", "Unnamed: 0,arm"),
        F14.replace(",arm", "index,arm"),
        F14.replace("\n", ",\n"),
        F14.replace("1,.81\n", "1,.81,\n"),
    ],
)
def test_f14_index_columns_and_trailing_commas(tmp_path: Path, text: str) -> None:
    item = verdict(put(tmp_path, text))
    assert (item["verdict"], item["estimate"]) == ("unattainable", pytest.approx(-0.10))


def test_f14_parquet_of_pandas_with_its_index(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(F14), index_col=0).iloc[[3, 2, 1, 0]]
    frame.to_parquet(tmp_path / "x.parquet")
    assert verdict(tmp_path / "x.parquet", "--a", "lora", "--b", "full")["estimate"] == pytest.approx(-0.10)


@pytest.mark.parametrize(
    ("right", "wrong"), [("True", "False"), ("true", "FALSE"), ("C", "I"), ("C", "N"), ("100%", "0 %"), ("1.0", "0")]
)
def test_f15_ways_to_write_right_and_wrong(tmp_path: Path, right: str, wrong: str) -> None:
    text = one_run_each()
    plain = verdict(put(tmp_path, text))
    lines = [
        text.split("\n")[0],
        *(line[:-1] + (right if line.endswith("1") else wrong) for line in text.split("\n")[1:]),
    ]
    item = verdict(put(tmp_path, "\n".join(lines), "b.csv"))
    assert abs(item["p"] - plain["p"]) < 1e-12


def test_f16_a_collapsed_seed_is_said(tmp_path: Path) -> None:
    text = seeds(**{"roberta-large": ROBERTA, "setfit": SETFIT})
    item = verdict(put(tmp_path, text))
    assert (item["estimate"], item["p"]) == (pytest.approx(-11.22, abs=0.006), pytest.approx(0.0831, abs=1e-4))
    assert item["collapsed"] == [1, 0]
    assert "1 of 10 seeds of roberta-large lies far behind the others" in item["sentence"]
    without = verdict(put(tmp_path, text.replace("roberta-large,0,13.75\n", ""), "b.csv"))
    holds(without, "B better", -5.53, -7.70, -3.35, 1.3e-4)


def test_f20_the_advice_on_filters_works(tmp_path: Path) -> None:
    sources = []
    for arm in "ab":
        for seed in range(3):
            rows = [
                {
                    "doc_id": i,
                    "target": str(i),
                    "filter": name,
                    "metrics": ["exact_match"],
                    "exact_match": float((i + seed) % 3 > (arm == "a")),
                }
                for i in range(30)
                for name in ("strict-match", "flexible-extract")
            ]
            sources.append(f"{arm}={put(tmp_path, chr(10).join(map(json.dumps, rows)), f'{arm}{seed}.jsonl')}")
    said = refused(*sources)
    assert "--where filter=flexible-extract" in said
    assert verdict(*sources, "--where", "filter=flexible-extract")["n_examples"] == 30


def test_f25_a_european_spreadsheet(tmp_path: Path) -> None:
    rows = [("lora", ("81,2", "80,4", "81,9", "80,8")), ("full", ("83,1", "82,7", "83,4", "82,9"))]
    text = "arm;seed;score\r\n" + "".join(
        f"{arm};{seed};{value}\r\n" for arm, values in rows for seed, value in enumerate(values)
    )
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "b.csv").write_bytes(text.encode("utf-16"))
    for name in ("a.csv", "b.csv"):
        assert verdict(tmp_path / name)["estimate"] == pytest.approx(-1.95)


WIDE = "arm,seed0,seed1,seed2,seed3\nlora,81.2,80.4,81.9,80.8\nfull,83.1,82.7,83.4,82.9\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("w.csv", WIDE),
        ("w.csv", WIDE.replace("seed", "")),
        ("w.csv", WIDE.replace("seed", "Run ").replace("arm", "Method")),
        ("w.csv", "seed,lora,full\n0,81.2,83.1\n1,80.4,82.7\n2,81.9,83.4\n3,80.8,82.9\n"),
        (
            "w.json",
            '[{"arm":"lora","values_raw":[81.2,80.4,81.9,80.8]},{"arm":"full","values_raw":[83.1,82.7,83.4,82.9]}]',
        ),
    ],
)
def test_f23_wide_tables(tmp_path: Path, name: str, text: str) -> None:
    item = verdict(put(tmp_path, text, name))
    assert (item["estimate"], item["n_seeds"]) == (pytest.approx(-1.95), [4, 4])


F28 = "arm,seed,epoch,accuracy\n" + "".join(
    f"{arm},{seed},{epoch},{base + epoch * (1 if epoch < 4 else -1) + seed / 4}\n"
    for arm, base in (("a", 70), ("b", 60))
    for seed in range(4)
    for epoch in range(1, 6)
)


def test_f28_epochs_are_named_and_the_advice_works(tmp_path: Path) -> None:
    path = put(tmp_path, F28)
    said = refused(path)
    assert "'epoch'" in said
    assert "example" not in said
    assert verdict(path, "--at", "last")["estimate"] == pytest.approx(10.0)
    assert verdict(path, "--at", "best")["n_seeds"] == [4, 4]
    assert verdict(path, "--where", "epoch=3")["estimate"] == pytest.approx(10.0)
    assert "favours runs that vary more" in run(path, "--at", "best").stdout


def test_f29_arms_have_names(tmp_path: Path) -> None:
    said = run(put(tmp_path, seeds(lora=[0.8], full=[0.7, 0.6]))).stdout
    assert "a has" not in said
    assert "lora" in said
    (tmp_path / "none").mkdir()
    assert "no file in this folder" in refused(tmp_path / "none")


def test_f32_answers_that_cannot_be_read(tmp_path: Path) -> None:
    text = labelled()
    lines = text.split("\n")
    lines[5] = "lora,0,4,0,,0.8"
    said = refused(put(tmp_path, "\n".join(lines)), "--metric", "accuracy")
    assert "row 6: prediction is empty" in said
    assert "unreadable" in said
    lines[5] = "lora,0,4,0,unreadable,0.8"
    assert verdict(put(tmp_path, "\n".join(lines)), "--metric", "accuracy")["verdict"] in ("A better", "inconclusive")
    cased = "arm,seed,example,label,prediction\n" + "".join(
        f"{a},{s},{i},{'yes' if i % 2 else 'no'},{'Yes' if i == 1 else 'yes' if (i + s) % 2 else 'no'}\n"
        for a in "ab"
        for s in range(3)
        for i in range(8)
    )
    assert "they differ by case" in run(put(tmp_path, cased, "c.csv")).stdout


def test_f35_gzip_standard_input_globs_and_folders(tmp_path: Path) -> None:
    want = verdict(put(tmp_path, F1), "--metric", "perplexity")
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(F1.encode()))
    assert verdict(tmp_path / "z.csv.gz", "--metric", "perplexity") == want
    assert verdict("-", "--metric", "perplexity", stdin=F1.encode())["p"] == want["p"]
    head, *rows = F1.strip().split("\n")
    for part in range(2):
        put(tmp_path, "\n".join([head, *rows[part * 4 : part * 4 + 4]]), f"runs/{part}.csv")
    assert verdict(tmp_path / "runs" / "*.csv", "--metric", "perplexity") == want
    assert verdict(tmp_path / "runs", "--metric", "perplexity") == want


@pytest.mark.parametrize("name", ["doc_hash", "target", "text"])
def test_two_tasks_are_not_two_seeds(tmp_path: Path, name: str) -> None:
    sources = []
    for arm in "ab":
        for task in range(3):
            rows = [{"doc_id": i, name: f"{i} of {task}", "acc": float(i % 2), "metrics": ["acc"]} for i in range(10)]
            sources.append(f"{arm}={put(tmp_path, chr(10).join(map(json.dumps, rows)), f'{arm}{task}.jsonl')}")
    said = refused(*sources)
    assert f"another {name} than the same example has elsewhere" in said
    assert "different items" in said


def test_common_examples(tmp_path: Path) -> None:
    lines = passages().split("\n")
    path = put(tmp_path, "\n".join(lines[:-1]))
    assert "--on common" in refused(path)
    assert verdict(path, "--on", "common")["n_examples"] == 119
    assert "compared on 119 of 120 examples" in run(path, "--on", "common").stdout


def test_a_file_given_twice_is_one_run(tmp_path: Path) -> None:
    path = put(tmp_path, F1)
    assert "is given twice" in refused(f"a={path}", f"b={path}")
