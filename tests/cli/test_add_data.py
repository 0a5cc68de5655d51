"""`seedwise add data` on files of one's own."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from seedwise.assets.manifest import load_manifest
from seedwise.assets.prepare import prepare_data
from seedwise.cli import app
from seedwise.project import Project, find_project


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project of one's own."""
    root = tmp_path / "mine"
    root.mkdir()
    (root / "seedwise.toml").write_text("")
    monkeypatch.setenv("SEEDWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEEDWISE_DATA", raising=False)
    monkeypatch.delenv("SEEDWISE_HOME", raising=False)
    return root


def add(home: Path, *words: str) -> Result:
    with contextlib.chdir(home):
        return CliRunner().invoke(app, ["add", "data", *words], catch_exceptions=False)


def reviews(count: int = 60) -> list[dict[str, object]]:
    generator = random.Random(3)
    return [
        {
            "id": number,
            "body": f"a {generator.choice(['fine', 'dull', 'odd'])} book, number {number}, by somebody",
            "stars": generator.choice([1, 5]),
            "user": f"u{number // 3}",
        }
        for number in range(count)
    ]


def write_csv(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def splits(project: Project, name: str) -> dict[str, list[dict[str, str]]]:
    prepared = prepare_data(name, None, project, lambda _: None)
    folder = project.cache / "data"
    return {
        split: [json.loads(line) for line in (folder / found.file).read_text().splitlines()]
        for split, found in prepared.splits.items()
    }


def test_a_csv_with_named_columns(home: Path) -> None:
    path = write_csv(home / "reviews.csv", reviews())
    answer = add(home, "reviews.csv", "--text", "body", "--label", "stars", "--licence", "CC0")
    assert answer.exit_code == 0, answer.output
    assert "labels: 1, 5" in answer.output
    assert "cut by a hash: 20% test, 10% selection, the rest train" in answer.output
    assert "written: assets/reviews.yaml; in a study: `data: reviews`" in answer.output
    manifest = load_manifest(home / "assets" / "reviews.yaml")
    assert manifest.files == {"reviews.csv": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert [source.type for source in manifest.sources] == ["project", "local"]
    assert manifest.licence == "CC0"
    path.unlink()  # its content is in the cache
    found = splits(find_project(home), "reviews")
    assert sum(map(len, found.values())) == 60
    assert min(map(len, found.values())) > 0
    assert not [file for file in home.rglob("*") if file.name not in ("seedwise.toml", "assets", "reviews.yaml")]


def test_labels_that_are_numbers(home: Path) -> None:
    """As in STS-B: too many different ones for classes, which is said with what to do."""
    lines = [f"one text {n},another {n},{n * 7 % 601 / 120}" for n in range(400)]
    (home / "sts.csv").write_text("\n".join(["first,second,score", *lines]) + "\n")
    words = ["sts.csv", "--text", "first", "--text-pair", "second", "--label", "score"]
    refused = add(home, *words)
    assert refused.exit_code == 2
    assert "Then add --numbers" in " ".join(refused.output.split())
    answer = add(home, *words, "--numbers")
    assert answer.exit_code == 0, answer.output
    assert "labels: numbers" in answer.output
    assert "labels from 0" in answer.output
    assert load_manifest(home / "assets" / "sts.yaml").table.labels is None  # type: ignore[union-attr]
    found = splits(find_project(home), "sts")
    assert all(isinstance(row["label"], float) for rows in found.values() for row in rows)
    assert prepare_data("sts", None, find_project(home), lambda _: None).labels == []
    (home / "odd.csv").write_text("first,score\na b,1.5\nc d,high\n")
    odd = add(home, "odd.csv", "--text", "first", "--label", "score", "--numbers")
    assert odd.exit_code in (2, 3)
    assert "odd.csv, row 2: label 'high' is no finite number" in " ".join(odd.output.split())


def test_columns_are_guessed_shown_and_confirmed(home: Path) -> None:
    write_csv(home / "reviews.csv", reviews())
    refused = add(home, "reviews.csv")
    assert refused.exit_code == 2
    assert "text: body (guessed)" in refused.output
    assert "label: stars (guessed)" in refused.output
    assert "group: user (guessed)" in refused.output
    assert (
        "add --yes, or name them: seedwise add data reviews.csv --text body --label stars --group user"
        in refused.output
    )
    assert not (home / "assets").exists()
    assert add(home, "reviews.csv", "--yes").exit_code == 0
    groups = {
        split: {int(row["text"].split("number ")[1].split(",")[0]) // 3 for row in rows}
        for split, rows in splits(find_project(home), "reviews").items()
    }
    assert not groups["train"] & groups["test"]


def test_a_column_of_splits_and_hidden_labels(home: Path) -> None:
    rows = reviews(90)
    for number, row in enumerate(rows):
        row["split"] = ("train", "dev", "test")[number % 3]
    write_csv(home / "a.csv", rows)
    answer = add(home, "a.csv", "--text", "body", "--label", "stars", "--yes")
    assert "selection: the validation split; reported: the test split" in answer.output
    assert {split: len(found) for split, found in splits(find_project(home), "a").items()} == {
        "train": 30,
        "selection": 30,
        "test": 30,
    }
    for row in rows:
        if row["split"] == "test":
            row["stars"] = -1
    write_csv(home / "b.csv", rows)
    hidden = add(home, "b.csv", "--text", "body", "--label", "stars", "--yes")
    assert (
        "labels of its test split are hidden: the validation split is reported, and selection is cut" in hidden.output
    )
    found = splits(find_project(home), "b")
    assert len(found["test"]) == 30
    assert len(found["train"]) + len(found["selection"]) == 30
    assert {row["label"] for row in found["test"]} == {"1", "5"}


def test_a_file_for_each_split_with_duplicates_and_leaks_counted(home: Path) -> None:
    rows = reviews(80)
    train, test = rows[:60], [*rows[60:], rows[0], rows[1]]
    for name, part in (("train.jsonl", [*train, train[5]]), ("test.jsonl", test)):
        (home / name).write_text("".join(json.dumps({**row, "stars": str(row["stars"])}) + "\n" for row in part))
    answer = add(home, "train.jsonl", "test.jsonl", "--text", "body", "--label", "stars", "--name", "books")
    assert answer.exit_code == 0, answer.output
    assert "duplicates in" in answer.output
    leaks = [int(count) for count in re.findall(r"leak: (\d+) of the texts of test", answer.output)]
    assert sum(leaks) == 2
    assert "selection: 10% of the training rows, cut by a hash" in answer.output


def test_parquet_with_names_of_classes(home: Path) -> None:
    rows = reviews()
    table = pa.table({"text": [row["body"] for row in rows], "label": [int(row["stars"] == 5) for row in rows]})
    told = {"info": {"features": {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(told)}), home / "a.parquet")
    answer = add(home, "a.parquet", "--yes")
    assert answer.exit_code == 0, answer.output
    assert "labels: bad, good" in answer.output
    assert {row["label"] for row in splits(find_project(home), "a")["train"]} == {"bad", "good"}


def test_data_of_others_comes_from_the_data_root(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    path = write_csv(outside / "reviews.csv", reviews())
    assert add(home, str(path), "--text", "body", "--label", "stars").exit_code == 0
    manifest = load_manifest(home / "assets" / "reviews.yaml")
    assert [source.type for source in manifest.sources] == ["local"]
    (tmp_path / "root" / "reviews").mkdir(parents=True)
    path.rename(tmp_path / "root" / "reviews" / "reviews.csv")
    monkeypatch.setenv("SEEDWISE_CACHE", str(tmp_path / "another"))
    monkeypatch.setenv("SEEDWISE_DATA", str(tmp_path / "root"))
    assert sum(map(len, splits(find_project(home), "reviews").values())) == 60


@pytest.mark.parametrize("hint", ["", "sep={}\n"])
@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_columns_are_separated_as_spreadsheets_of_other_countries_write_them(home: Path, mark: str, hint: str) -> None:
    rows = [f'"it was {number}, all in all{mark} fine"{mark}{number % 2}' for number in range(60)]
    (home / "r.csv").write_text(hint.format(mark) + "\n".join([f"body{mark}stars", *rows, ""]))
    answer = add(home, "r.csv", "--text", "body", "--label", "stars")
    assert answer.exit_code == 0, answer.output
    assert "such as 'it was 0, all in all" in answer.output


def test_another_file_under_the_same_name_is_refused_unless_meant(home: Path) -> None:
    write_csv(home / "reviews.csv", reviews())
    assert add(home, "reviews.csv", "--text", "body", "--label", "stars").exit_code == 0
    before = (home / "assets" / "reviews.yaml").read_text()
    assert add(home, "reviews.csv", "--text", "body", "--label", "stars").exit_code == 0
    write_csv(home / "reviews.csv", reviews(70))
    refused = add(home, "reviews.csv", "--text", "body", "--label", "stars")
    assert refused.exit_code == 2
    assert "--replace writes it anew" in refused.output
    assert (home / "assets" / "reviews.yaml").read_text() == before
    assert add(home, "reviews.csv", "--text", "body", "--label", "stars", "--replace").exit_code == 0


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("body,stars\na,1\nb,2\n", ["--text", "bodi"], "--text bodi: no such column; there are: body, stars"),
        ("body,stars\na b,1\nc d,1\n", ["--text", "body", "--label", "stars"], "one label only ('1')"),
        ("body,stars\n", ["--text", "body"], "holds no row"),
        ('body;stars\n"a, b";1\n"c"d;2\n', ["--text", "body", "--label", "stars"], "row 1: cannot be read as csv"),
        (f"body,stars\na,{'x' * 200}\nb,1\n", ["--text", "body", "--label", "stars"], "a label of 200 characters"),
        ("body,stars\na b,1\nc d,\n", ["--text", "body", "--label", "stars"], "row 2: no label in column stars"),
        ("body,stars\na,1\n,2\n", ["--text", "body", "--label", "stars"], "row 2: empty text"),
        ("body,stars\na,1\nb,2\n", ["--text", "body", "--label", "stars"], "is empty; give more rows, or other shares"),
        (
            "body,stars,split\na,1,train\nb,2,later\n",
            ["--text", "body", "--label", "stars", "--split", "split"],
            "'later' names no split",
        ),
        (
            "body,stars,split\na,1,train\nb,2,train\n",
            ["--text", "body", "--label", "stars", "--split", "split"],
            "names no test rows",
        ),
        ("a,b\nx,y\nz,w\n", [], "no column looks like the text; name it with --text"),
    ],
)
def test_bad_tables_are_refused_on_one_screen_and_nothing_is_left(
    home: Path, text: str, words: list[str], said: str
) -> None:
    (home / "t.csv").write_text(text)
    answer = add(home, "t.csv", *words)
    assert answer.exit_code in (2, 3), answer.output
    assert said in answer.output
    assert len(answer.output.splitlines()) < 24
    assert not (home / "assets").exists()
    assert not list((home.parent / "cache").glob("assets/*"))


def test_a_label_for_every_row_is_no_label(home: Path) -> None:
    (home / "d.csv").write_text("text,label\n" + "".join(f"word {number},l{number}\n" for number in range(60)))
    answer = add(home, "d.csv", "--yes")
    assert answer.exit_code == 3
    assert "60 labels in 60 rows, too many to learn any" in answer.stderr
    assert not list(home.rglob("*.yaml"))


def test_bytes_that_are_no_table(home: Path) -> None:
    (home / "t.csv").write_bytes(b"body,stars\n\xff\xfe,1\n")
    assert "cannot be read as csv" in add(home, "t.csv").output
    (home / "t.parquet").write_bytes(b"PAR1")
    assert "cannot be read as parquet" in add(home, "t.parquet").output
    assert "no such file" in add(home, "gone.csv").output
    assert "a table is needed" in add(home, "seedwise.toml").output
