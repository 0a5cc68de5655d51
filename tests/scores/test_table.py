"""Reading scores from any system, and what is refused: each fault with its file and its rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seedwise.errors import InputError
from seedwise.scores.sources import read_scores

PER_SEED = "arm,seed,score\na,0,0.80\na,1,0.82\nb,0,0.70\nb,1,0.75\n"
PER_EXAMPLE = "arm,seed,example,prediction,label\n" + "".join(
    f"{arm},{seed},{i},{(i + seed) % 2 if arm == 'a' else 0},{i % 2}\n"
    for arm in "ab"
    for seed in range(2)
    for i in range(4)
)


def write(folder: Path, text: str, name: str = "scores.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_row_a_seed(tmp_path: Path) -> None:
    table = read_scores([write(tmp_path, PER_SEED)])
    assert list(table.arms) == ["a", "b"]
    assert table.arms["b"].scores.tolist() == [0.70, 0.75]
    assert (table.examples, table.unit, table.metric) == (None, "fraction", "score")


def test_a_row_an_example_in_any_order(tmp_path: Path) -> None:
    head, *lines = PER_EXAMPLE.splitlines()
    one = read_scores([write(tmp_path, PER_EXAMPLE)])
    other = read_scores([write(tmp_path, "\n".join([head, *lines[:3], *reversed(lines[3:])]), "other.csv")])
    assert one.metric == "accuracy"
    assert one.arms["a"].scores.tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]
    order = [other.arms["a"].seeds.index(seed) for seed in one.arms["a"].seeds]
    assert one.examples is not None
    assert other.examples is not None
    columns = [other.examples.index(example) for example in one.examples]
    np.testing.assert_array_equal(other.arms["a"].scores[order][:, columns], one.arms["a"].scores)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "tsv"])
def test_every_format_gives_the_same(tmp_path: Path, kind: str) -> None:
    records = [
        {"arm": arm, "seed": seed, "example": i, "score": (i + seed) / 4}
        for arm in "ab"
        for seed in range(2)
        for i in range(3)
    ]
    path = tmp_path / f"scores.{kind}"
    if kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, records)) + "\n\n")
    elif kind == "tsv":
        path.write_text("\n".join(["\t".join(records[0]), *("\t".join(map(str, r.values())) for r in records)]))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(records), path)
    table = read_scores([str(path)])
    assert table.arms["a"].seeds == ("0", "1")
    assert table.examples == ("0", "1", "2")
    assert table.arms["b"].scores.tolist() == [[0, 0.25, 0.5], [0.25, 0.5, 0.75]]


def test_the_metric_names_the_column(tmp_path: Path) -> None:
    path = write(tmp_path, "arm,seed,f1,loss\na,0,70,1\na,1,71,1\nb,0,60,1\nb,1,61,2\n")
    table = read_scores([path], "f1")
    assert (table.metric, table.unit) == ("f1", "percent")
    assert table.arms["a"].scores.tolist() == [70, 71]


def test_only_the_arms_asked_for_must_fit(tmp_path: Path) -> None:
    path = write(
        tmp_path, "arm,seed,example,score\n" + "".join(f"{a},0,{i},1\n" for a in "ab" for i in range(3)) + "c,0,9,1\n"
    )
    assert read_scores([path], arms=["a", "b"]).examples == ("0", "1", "2")
    with pytest.raises(InputError, match=r"arm a, seed 0 .* lacks 1 of the 4 examples that others have: 9"):
        read_scores([path])


def test_sample_logs_of_lm_evaluation_harness(tmp_path: Path) -> None:
    sources = []
    for arm in ("lora", "full"):
        for seed in range(2):
            log = [
                {"doc_id": i, "target": "1", "acc": float(i == seed), "metrics": ["acc"], "filter": "none"}
                for i in range(3)
            ]
            (tmp_path / f"{arm}{seed}").mkdir()
            path = write(tmp_path / f"{arm}{seed}", "\n".join(map(json.dumps, log)), "samples_rte.jsonl")
            sources.append(f"{arm}={path}")
    table = read_scores(sources)
    assert list(table.arms) == ["lora", "full"]
    assert table.arms["full"].scores.tolist() == [[1, 0, 0], [0, 1, 0]]
    with pytest.raises(InputError, match="no key 'acc_norm'; found acc"):
        read_scores(sources, "acc_norm")
    two = [{"doc_id": 0, "acc": 1.0, "metrics": ["acc"], "filter": name} for name in ("strict", "flexible")]
    path = write(tmp_path, "\n".join(map(json.dumps, two)), "two.jsonl")
    with pytest.raises(InputError, match="filters flexible, strict; keep the rows of one"):
        read_scores([f"lora={path}"])


def test_labels_as_whole_numbers_and_as_text(tmp_path: Path) -> None:
    lines = [f"a,{seed},{i},{i % 2}.0,{i % 2}" for seed in range(2) for i in range(4)]
    path = write(tmp_path, "\n".join(["arm,seed,example,prediction,label", *lines]))
    assert read_scores([path]).arms["a"].scores.min() == 1.0


MIXED = "arm,seed,score\na,0,0.79\na,1,0.80\nb,0,79\nb,1,80\na,2,0.78\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no rows"),
        ("arm,seed,score\n", "holds no rows"),
        ("arm,seed,exmaple,score\na,0,1,1\na,0,2,1\n", "row 3: there already; .* name its column with --example"),
        ("arm,score\na,1\n", "no column 'seed'; found 'arm', 'score'"),
        ("arm,seed,example\na,1,1\n", "no score; give a column score, or prediction and label"),
        ("arm,seed,prediction,label\na,1,1,1\n", "need a column example"),
        (
            "arm,seed,score\na,0,1\na,0,1\n",
            r"scores.csv: row 3: there already; arm a, seed 0 is also in row 2; where each row",
        ),
        (
            "arm,seed,example,score\na,0,x,1\na,0,y,0\na,0,x,0\n",
            "row 4: there already; arm a, seed 0, example x is also in row 2",
        ),
        ("arm,seed,score\na,0,NaN\na,1,\na,2,1\na,3,inf\n", "scores.csv: rows 2, 3, 5: score is empty or not finite"),
        ("arm,seed,score\na,0,high\n", "row 2: score is no number"),
        ("arm,seed,score\na,,1\n", "row 2: seed is empty"),
        ("arm,seed,score\na,0\n", "line 2 has 2 cells where the header has 3"),
        ("arm,seed,seed\na,0,1\n", "name is there twice"),
        (MIXED, r"rows 4, 5: in another unit than the others\? Scores of seeds lie around 0.79 and around 79.5"),
        (
            "arm,seed,example,prediction,label\na,0,x,1,1\na,1,x,1,0\n",
            "row 3: another label .* example x is 0 here and 1 in row 2",
        ),
        (
            "arm,seed,example,score\na,0,x,1\na,0,y,1\na,1,x,1\n",
            r"seed 1 \(from row 4\) lacks 1 of the 2 examples .*: y",
        ),
    ],
)
def test_faults_name_the_file_and_the_rows(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_scores([write(tmp_path, text)])
    assert "scores.csv" in str(caught.value)


def test_other_faults_of_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; give scores as"):
        read_scores([str(tmp_path / "none.csv")])
    with pytest.raises(InputError, match="unknown kind of file"):
        read_scores([write(tmp_path, "x", "scores.html")])
    with pytest.raises(InputError, match="line 2 is not JSON"):
        read_scores([write(tmp_path, '{"arm": 1}\n{', "scores.jsonl")])
    with pytest.raises(InputError, match="line 1 is no JSON object"):
        read_scores([write(tmp_path, "[1]", "scores.jsonl")])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_scores([write(tmp_path, "x", "scores.parquet")])
    with pytest.raises(InputError, match="sample log of lm-evaluation-harness; give it as ARM="):
        read_scores([write(tmp_path, '{"doc_id": 1, "acc": 1}', "scores.jsonl")], "acc")
    with pytest.raises(InputError, match="are made; for bleu"):
        read_scores([write(tmp_path, PER_EXAMPLE)], "bleu")
    (tmp_path / "latin.csv").write_bytes(b"arm,seed,score\n\xe9,0,1\n")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_scores([str(tmp_path / "latin.csv")])


def test_a_row_a_seed_and_a_row_an_example_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give one kind"):
        read_scores([write(tmp_path, PER_SEED), write(tmp_path, PER_EXAMPLE, "more.csv")])


def test_a_stated_unit_is_taken_at_its_word(tmp_path: Path) -> None:
    assert read_scores([write(tmp_path, MIXED)], unit="own").unit == "own"


@pytest.mark.parametrize("scores", [(0.0, 0.8, 0.81), (55.0, 12.0, 80.0), (0.2, 1.4, 2.9), (31.0, 240.0, 0.9)])
def test_a_collapsed_run_is_no_other_unit(tmp_path: Path, scores: tuple[float, ...]) -> None:
    lines = [f"{arm},{seed},{score}" for arm in "ab" for seed, score in enumerate(scores)]
    read_scores([write(tmp_path, "\n".join(["arm,seed,score", *lines]))])


def test_seed_3_is_seed_3_in_every_format(tmp_path: Path) -> None:
    path = write(tmp_path, '{"arm": "a", "seed": 3, "score": 1}\n{"arm": "a", "seed": 3.0, "score": 1}', "scores.jsonl")
    with pytest.raises(InputError, match="there already"):
        read_scores([path])
