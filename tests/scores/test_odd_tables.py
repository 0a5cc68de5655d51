"""Tables as other people, spreadsheets, R, pandas and hand-written scripts leave them: the same scores, the same verdict."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.scores.field import one_run_each, put, refused, run, seeds, verdict

ARMS = {"lora": [81.2, 80.4, 81.9, 80.8], "full": [83.1, 82.7, 83.4, 82.9]}
PLAIN = seeds("accuracy", **ARMS)
ROWS = [(arm, seed, value) for arm, values in ARMS.items() for seed, value in enumerate(values)]


def lines(head: str, form: str) -> str:
    return "\n".join([head, *(form.format(arm=a, seed=s, value=v, n=n) for n, (a, s, v) in enumerate(ROWS))]) + "\n"


TABLES: dict[str, tuple[str, str, list[str]]] = {
    "tabs in a csv": ("s.csv", PLAIN.replace(",", "\t"), []),
    "bars": ("s.csv", PLAIN.replace(",", "|"), []),
    "blanks": ("s.txt", PLAIN.replace(",", "   "), []),
    "spaces after commas": ("s.csv", PLAIN.replace(",", ", "), []),
    "a hint of a spreadsheet": ("s.csv", "sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n"), []),
    "old line ends": ("s.csv", PLAIN.replace("\n", "\r"), []),
    "blank lines": ("s.csv", "\n\n" + PLAIN.replace("\n", "\n\n"), []),
    "comments above": ("s.csv", "# made by hand\n# twice\n" + PLAIN, []),
    "a header behind a mark": ("s.csv", "# " + PLAIN, []),
    "quotes everywhere": ("s.csv", lines('"arm","seed","accuracy"', '"{arm}","{seed}","{value}"'), []),
    "rows with names, as R writes them": (
        "s.txt",
        lines('"arm" "seed" "accuracy"', '"{n}" "{arm}" {seed} {value}'),
        [],
    ),
    "row names and commas": ("s.csv", lines("arm,seed,accuracy", "{n},{arm},{seed},{value}"), []),
    "a name over two lines": ("s.csv", lines('arm,seed,"accuracy\n(dev)"', "{arm},{seed},{value}"), []),
    "capitals and blanks": (
        "s.csv",
        lines("Method Name,Random Seed,Accuracy (%)", "{arm},{seed},{value}"),
        ["--arm", "Method Name"],
    ),
    "seeds as fractions": ("s.csv", lines("arm,seed,accuracy", "{arm},{seed}.0,{value}"), []),
    "seeds in exponents": ("s.csv", lines("arm,seed,accuracy", "{arm},s{seed}e3,{value}"), []),
    "trailing empty columns": ("s.csv", PLAIN.replace("\n", ",,,\n"), []),
    "a percent sign and a blank": ("s.csv", lines("arm,seed,accuracy", "{arm},{seed},{value} %"), []),
    "columns in another order": ("s.csv", lines("accuracy,seed,arm", "{value},{seed},{arm}"), []),
    "other columns of text": ("s.csv", lines("arm,seed,accuracy,host,note", '{arm},{seed},{value},node{n},"a, b"'), []),
    "a huge cell": ("s.csv", lines("arm,seed,accuracy,log", "{arm},{seed},{value}," + "x" * 200_000), []),
    "empty other cells": ("s.csv", lines("arm,seed,accuracy,loss", "{arm},{seed},{value},"), []),
    "a column that is NaN": ("s.csv", lines("arm,seed,accuracy,bleu", "{arm},{seed},{value},NaN"), []),
    "metric before the seed": (
        "s.csv",
        "arm,accuracy_seed0,accuracy_seed1,accuracy_seed2,accuracy_seed3\n"
        + "".join(f"{arm},{','.join(map(str, values))}\n" for arm, values in ARMS.items()),
        [],
    ),
    "seed before the metric": (
        "s.csv",
        "arm,seed1/accuracy,seed2/accuracy,seed3/accuracy,seed4/accuracy\n"
        + "".join(f"{arm},{','.join(map(str, values))}\n" for arm, values in ARMS.items()),
        [],
    ),
    "several metrics a seed": (
        "s.csv",
        "arm,"
        + ",".join(f"seed{s}_{m}" for s in range(4) for m in ("accuracy", "loss"))
        + "\n"
        + "".join(f"{arm},{','.join(f'{v},{v / 9}' for v in values)}\n" for arm, values in ARMS.items()),
        ["--metric", "accuracy"],
    ),
    "an array of objects": (
        "s.json",
        json.dumps([{"arm": a, "seed": s, "accuracy": v} for a, s, v in ROWS]),
        [],
    ),
    "objects in an object": (
        "s.json",
        json.dumps({"made": "today", "runs": [{"arm": a, "seed": s, "accuracy": v} for a, s, v in ROWS]}),
        [],
    ),
    "lists a column": (
        "s.json",
        json.dumps({"arm": [r[0] for r in ROWS], "seed": [r[1] for r in ROWS], "accuracy": [r[2] for r in ROWS]}),
        [],
    ),
    "pandas' columns": (
        "s.json",
        json.dumps({k: {str(n): r[i] for n, r in enumerate(ROWS)} for i, k in enumerate(("arm", "seed", "accuracy"))}),
        [],
    ),
    "pandas' split": (
        "s.json",
        json.dumps({"columns": ["arm", "seed", "accuracy"], "index": list(range(8)), "data": [list(r) for r in ROWS]}),
        [],
    ),
    "rows under a row of names": ("s.json", json.dumps([["arm", "seed", "accuracy"], *map(list, ROWS)]), []),
    "arms with lists": ("s.json", json.dumps(ARMS), ["--metric", "accuracy"]),
    "arms with seeds": (
        "s.json",
        json.dumps({arm: {f"seed{s}": v for s, v in enumerate(values)} for arm, values in ARMS.items()}),
        ["--metric", "accuracy"],
    ),
    "arms with seeds with metrics": (
        "s.json",
        json.dumps({a: {str(s): {"accuracy": v, "loss": 1.0} for s, v in enumerate(vs)} for a, vs in ARMS.items()}),
        ["--metric", "accuracy"],
    ),
    "nested values": (
        "s.json",
        json.dumps([{"config": {"method": a, "seed": s}, "metrics": {"accuracy": v, "loss": 1}} for a, s, v in ROWS]),
        ["--metric", "accuracy"],
    ),
    "one object after another": (
        "s.json",
        "\n".join(json.dumps({"arm": a, "seed": s, "accuracy": v}, indent=1).replace("\n", " ") for a, s, v in ROWS),
        [],
    ),
    "other types in one key": (
        "s.jsonl",
        "\n".join(
            json.dumps({"arm": a, "seed": s if s % 2 else str(s), "accuracy": str(v) if s else v}) for a, s, v in ROWS
        ),
        [],
    ),
    "NaN beside": (
        "s.jsonl",
        "\n".join(json.dumps({"arm": a, "seed": s, "accuracy": v, "grad": float("nan")}) for a, s, v in ROWS),
        [],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_same_scores_give_the_same_verdict(name: str, tmp_path: Path) -> None:
    file, text, options = TABLES[name]
    path = tmp_path / file
    path.write_bytes(text.encode())
    item = verdict(path, *options)
    want = verdict(put(tmp_path, PLAIN, "plain.csv"))
    assert (item["a"], item["b"], item["verdict"], item["n_seeds"]) == ("lora", "full", "B better", [4, 4])
    assert [item["estimate"], item["p"], item["p_exact"]] == pytest.approx(
        [want["estimate"], want["p"], want["p_exact"]]
    )
    assert item["unit"] == "percent"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_marks_of_encodings(encoding: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    (tmp_path / "s.csv").write_bytes((mark + PLAIN).encode(encoding))
    assert verdict(tmp_path / "s.csv")["verdict"] == "B better"


def test_a_file_a_seed_with_all_arms_in_it(tmp_path: Path) -> None:
    for seed in range(4):
        put(tmp_path, "arm,accuracy\n" + "".join(f"{a},{v[seed]}\n" for a, v in ARMS.items()), f"runs/seed{seed}.csv")
    assert verdict(tmp_path / "runs")["n_seeds"] == [4, 4]


def test_a_column_an_example(tmp_path: Path) -> None:
    head = "arm,seed," + ",".join(f"q{i}" for i in range(50))
    rows = [
        f"{a},{s}," + ",".join(str(int((i * 7 + s * 3) % 10 < (8 if a == "a" else 5))) for i in range(50))
        for a in "ab"
        for s in range(3)
    ]
    item = verdict(put(tmp_path, "\n".join([head, *rows])))
    assert (item["n_seeds"], item["n_examples"]) == ([3, 3], 50)


@pytest.mark.parametrize(
    ("right", "wrong"), [("TRUE", "FALSE"), ("yes", "no"), ("1", "0"), ("C", "I"), ("pass", "fail")]
)
def test_right_and_wrong_as_words_in_json_lines(right: str, wrong: str, tmp_path: Path) -> None:
    records = []
    for line in one_run_each().split("\n")[1:]:
        arm, seed, example, score = line.split(",")
        records.append(
            {"arm": arm, "seed": int(seed), "example": f"{example}.0", "score": right if score == "1" else wrong}
        )
    path = put(tmp_path, "\n".join(map(json.dumps, records)), "s.jsonl")
    assert verdict(path, "--a", "tuned", "--b", "base")["estimate"] == pytest.approx(0.10)


def test_many_lines_of_json_by_column_and_one_by_one(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {
            "arm": a,
            "seed": s,
            "example": i,
            "score": float((i * 7 + s * 3) % 10 < (8 if a == "a" else 5)),
            "day": "2024-05-01",
        }
        for a in "ab"
        for s in range(3)
        for i in range(200)
    ]
    plain = put(tmp_path, "\n".join(map(json.dumps, records)), "plain.jsonl")
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    records[1100]["score"] = "1" if records[1100]["score"] else "0"  # one value of another type, far down
    mixed = put(tmp_path, "\n".join(map(json.dumps, records)), "mixed.jsonl")
    want = verdict(plain)
    assert (want["n_examples"], want["n_seeds"]) == (200, [3, 3])
    assert verdict(mixed)["p"] == want["p"]
    assert verdict(tmp_path / "packed.jsonl.gz")["p"] == want["p"]
    records[700]["score"] = None
    assert "row 701: score is empty" in refused(put(tmp_path, "\n".join(map(json.dumps, records)), "hole.jsonl"))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("d.csv", PLAIN + "lora,0,99\n", "row 10: there already; arm lora, seed 0 is also in row 2"),
        ("d.csv", PLAIN.replace("80.4", "eighty"), "row 3: accuracy is no number: eighty"),
        ("d.csv", PLAIN.replace("80.4", "1,234"), "line 3 has 4 cells where the header has 3 (decimal commas?"),
        ("d.csv", PLAIN.replace("80.4", "inf"), "row 3: accuracy is empty or not finite"),
        ("d.csv", PLAIN.replace("seed", "arm", 1), "a column's name is there twice: arm"),
        ("d.csv", "arm,seed,accuracy", "holds no rows"),
        ("d.csv", "\n\n\n", "holds no rows"),
        ("d.csv", "# only\n# comments\n", "holds no rows"),
        ("d.csv", PLAIN.replace("lora,1", 'lora,"1', 1), "line "),
        ("d.json", "[]", "an array of objects is needed"),
        ("d.json", "[1, 2]", "an array of objects is needed"),
        ("d.json", "3", "no kind of JSON that is known"),
        ("d.json", '{"a": {"b": {"c": {"d": 1}}}}', "no kind of JSON that is known"),
        ("d.json", '{"arm": 1, "arm": 2}', "the key 'arm' is given twice"),
        ("d.json", "[" * 100_000, "nested more than 50 deep"),
        ("d.jsonl", '{"arm": "a", "x": ' + "[" * 200 + "]" * 200 + "}", "line 1 is nested more than 50 deep"),
        ("d.jsonl", '{"arm": "a", "seed": 1, "score": 1}\n[1]', "line 2 is no JSON object"),
        ("d.jsonl", '{"arm": "a", "seed": 1, "score": 1' + "0" * 5000 + "}", "digits"),
        ("d.parquet", "PAR1 no", "cannot be read as Parquet"),
        ("d.eval", "PK\x03\x04 no", "cannot be read as a log of inspect_ai"),
        ("d.csv.gz", "\x1f", "holds no rows"),
        ("d.html", "x", "unknown kind of file"),
    ],
)
def test_what_cannot_be_right_is_named(name: str, text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    assert said in refused(path), run(path).stderr


def test_a_folder_a_fifo_and_a_text_of_zeros(tmp_path: Path) -> None:
    (tmp_path / "z.csv").write_bytes(b"\x00" * 100)
    assert "holds zero bytes" in refused(tmp_path / "z.csv")
    (tmp_path / "d.csv").mkdir()
    assert "no file in this folder" in refused(tmp_path / "d.csv")


def test_cells_of_mean_and_deviation(tmp_path: Path) -> None:
    text = "Method,Accuracy,n\nfinetune,86.8 ± 0.5,3\nbitfit,84.5 ± 0.5,3\n"
    want = verdict(put(tmp_path, "arm,mean,sd,n\nfinetune,86.8,.5,3\nbitfit,84.5,.5,3\n"))
    for dress in (text, text.replace("±", "+/-"), text.replace("±", r"$\pm$"), text.replace(" ± ", "±")):
        assert verdict(put(tmp_path, dress, "m.csv"))["p"] == pytest.approx(want["p"])


def test_published_means_of_several_tasks(tmp_path: Path) -> None:
    text = "task,arm,mean,sd,n\n" + "".join(
        f"{t},{a},{m},.5,3\n" for t in ("sst2", "rte") for a, m in (("x", 86.8), ("y", 84.5))
    )
    assert [item["task"] for item in verdict(put(tmp_path, text))] == ["sst2", "rte"]
    assert verdict(put(tmp_path, text), "--where", "task=rte")["task"] == "rte"


def guesses(head: str, form: str) -> str:
    rows = [
        form.format(i=i, y=i % 2, a=i % 2 if i % 10 < 8 else 1 - i % 2, b=i % 2 if i % 10 < 5 else 1 - i % 2)
        for i in range(60)
    ]
    return "\n".join([head, *rows])


@pytest.mark.parametrize(
    "head", ["id,label,pred_lora,pred_full", "id,gold,lora,full", "id,y_true,y_pred_lora,y_pred_full"]
)
def test_a_column_of_answers_an_arm_is_no_column_of_scores(head: str, tmp_path: Path) -> None:
    item = verdict(put(tmp_path, guesses(head, "{i},{y},{a},{b}")))
    assert (item["a"], item["b"], item["metric"]) == ("lora", "full", "accuracy")
    assert item["estimate"] == pytest.approx(0.3)


def test_numbers_beside_labels_that_are_no_labels_are_asked_about(tmp_path: Path) -> None:
    path = put(tmp_path, guesses("id,label,lora,full", "{i},{y},0.{i},0.{i}1"))
    assert "which are the answers?" in refused(path)


@pytest.mark.parametrize(
    "cells",
    [
        '"[81.2, 80.4, 81.9, 80.8]","[83.1, 82.7, 83.4, 82.9]"',
        "81.2 80.4 81.9 80.8,83.1 82.7 83.4 82.9",
        "81.2;80.4;81.9;80.8,83.1;82.7;83.4;82.9",
    ],
)
def test_several_numbers_in_a_cell(cells: str, tmp_path: Path) -> None:
    first, second = cells.split('","') if '"' in cells else cells.split(",")
    mark = '"' if '"' in cells else ""
    text = f"arm,scores\nlora,{first}{mark}\nfull,{mark}{second}\n"
    assert verdict(put(tmp_path, text))["estimate"] == pytest.approx(-1.95)


def test_a_table_of_markdown(tmp_path: Path) -> None:
    text = "# Results\n\nAs we found:\n\n| arm | seed | acc |\n| :-- | --- | --: |\n" + "".join(
        f"| {a} | {s} | {v} |\n" for a, s, v in ROWS
    )
    assert verdict(put(tmp_path, text, "r.md"))["estimate"] == pytest.approx(-1.95)
    assert verdict(put(tmp_path, text.split("found:\n\n")[1], "r.csv"))["estimate"] == pytest.approx(-1.95)
    assert "holds 2 tables" in refused(put(tmp_path, text + "\n" + text, "two.md"))


def test_arms_that_differ_by_case_are_pointed_out(tmp_path: Path) -> None:
    assert "'lora' and 'LoRA' differ by case" in run(put(tmp_path, PLAIN.replace("lora,3", "LoRA,3"))).stdout


def test_a_spreadsheet_is_told_what_to_save(tmp_path: Path) -> None:
    (tmp_path / "s.xlsx").write_bytes(b"PK\x03\x04" + b"x" * 50)
    assert "save the sheet as CSV" in refused(tmp_path / "s.xlsx")


def test_names_under_an_arm_that_are_no_seeds_are_tasks(tmp_path: Path) -> None:
    tasks = {
        arm: {task: [value + place for value in values] for place, task in enumerate(("sst2", "rte", "mrpc"))}
        for arm, values in ARMS.items()
    }
    items = verdict(put(tmp_path, json.dumps(tasks), "t.json"), "--scope", "each")
    assert {item["task"] for item in items} == {"sst2", "rte", "mrpc"}
    assert all(item["n_seeds"] == [4, 4] for item in items)
    seeded = {arm: {f"seed{s}": [int((i + s) % 4 > 0) for i in range(9)] for s in range(3)} for arm in "ab"}
    assert verdict(put(tmp_path, json.dumps(seeded), "s.json"))["n_examples"] == 9
    numbers = {arm: {"sst2": 91.0, "rte": 70.0} for arm in ARMS}
    assert "no column 'seed'" in refused(put(tmp_path, json.dumps(numbers), "n.json"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep.json", json.dumps({"results": {"runs": [{"arm": a, "seed": s, "accuracy": v} for a, s, v in ROWS]}})),
        (
            "two.json",
            json.dumps({"runs": [{"arm": a, "seed": s, "accuracy": v} for a, s, v in ROWS], "hosts": [{"cpus": 2}]}),
        ),
        ("commas.jsonl", ",\n".join(json.dumps({"arm": a, "seed": s, "accuracy": v}) for a, s, v in ROWS)),
        ("named.csv", json.dumps([{"arm": a, "seed": s, "accuracy": v} for a, s, v in ROWS])),
        ("utf16.json", "\ufeff" + json.dumps([{"arm": a, "seed": s, "accuracy": v} for a, s, v in ROWS])),
    ],
)
def test_json_in_other_dresses(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-16-le" if name == "utf16.json" else "utf-8"))
    assert verdict(path)["estimate"] == pytest.approx(-1.95)


def test_thousands_and_decimals_in_either_order(tmp_path: Path) -> None:
    for form in ("1.{s}0{n},5", "1{s}0{n}.5"):
        rows = [f"{a};{s};{form.format(s=s, n=n)}" for n, a in enumerate("ab") for s in range(4)]
        item = verdict(put(tmp_path, "\n".join(["arm;seed;throughput", *rows])))
        assert item["estimate"] == pytest.approx(-1.0)


def test_a_bundle_is_a_file(tmp_path: Path) -> None:
    path = put(tmp_path, PLAIN)
    assert "is a folder; name the file" in refused(path, "--bundle", tmp_path)


def test_more_arms_than_can_be_compared_at_once_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, seeds(**{f"arm{number}": [0.5, 0.6] for number in range(300)}))
    assert "300 arms are 44,850 pairs; at most 20,000 are decided together" in refused(path)
    assert verdict(path, "--a", "arm1", "--b", "arm2")["a"] == "arm1"


def test_thousands_of_labels_take_seconds(tmp_path: Path) -> None:
    rows = "".join(f"{arm},0,{number},l{number},l{number}\n" for arm in "ab" for number in range(20_000))
    path = put(tmp_path, f"arm,seed,example,prediction,label\n{rows}")
    begun = time.process_time()
    assert run(path).exit_code == 0
    assert time.process_time() - begun < 10
