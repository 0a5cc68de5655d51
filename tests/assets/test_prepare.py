from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from seedwise.assets.groups import group_key
from seedwise.assets.manifest import Dialogues, find_manifest
from seedwise.assets.prepare import data_root, prepare_data
from seedwise.assets.texts import dialogue_rows, dialogue_splits
from seedwise.errors import AssetError, InputError
from seedwise.project import Project
from seedwise.study.model import Rows
from tests.conftest import ROOT, Small, toy_manifest, toy_rows

Notify = Callable[[str], None]
SHARED = os.environ.get("SEEDWISE_DATA")
needs_data = pytest.mark.skipif(
    not SHARED, reason="SEEDWISE_DATA is not set: no data root with cls-books-fr, RTE, SST-2"
)


def rows_of(project: Project, split: str, rows: Rows | None, say: Notify) -> list[dict[str, str]]:
    data = prepare_data("toy", rows, project, say)
    text = (data_root(project) / data.splits[split].file).read_text()
    return [json.loads(line) for line in text.splitlines()]


def rewrite(small: Small, text: str, manifest: str | None = None) -> None:
    data_root_of(small).joinpath("toy.jsonl").write_text(text)
    (small.project.root / "benchmarks/assets/toy.yaml").write_text(manifest or toy_manifest(text))


def data_root_of(small: Small) -> Path:
    assert small.project.data_root is not None
    return small.project.data_root


def test_splits_are_disjoint_cover_everything_and_fewer_rows_are_a_subset(small: Small, no_say: Notify) -> None:
    full = {split: rows_of(small.project, split, None, no_say) for split in ("train", "selection", "test")}
    ids = [row["id"] for rows in full.values() for row in rows]
    assert len(ids) == len(set(ids)) == 200
    few = rows_of(small.project, "train", Rows(train=10, selection=5, test=5), no_say)
    assert few == full["train"][:10]
    assert {row["label"] for row in few} == {"good", "bad"}


def test_the_order_of_the_source_does_not_matter(small: Small, no_say: Notify) -> None:
    before = rows_of(small.project, "test", None, no_say)
    rewrite(small, "".join(json.dumps(row) + "\n" for row in reversed(toy_rows(200))))
    assert rows_of(small.project, "test", None, no_say) == before


def test_rows_of_one_group_stay_together(small: Small, no_say: Notify) -> None:
    rows = [{**row, "film": f"film {number % 20}", "n": str(number)} for number, row in enumerate(toy_rows(200))]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    rewrite(small, text, toy_manifest(text).replace("group: null", "group: film"))
    film_of = {row["text"]: row["film"] for row in rows}
    films = [
        {film_of[row["text"]] for row in rows_of(small.project, split, None, no_say)}
        for split in ("train", "selection", "test")
    ]
    assert sum(map(len, films)) == len(set.union(*films)) == 20


def test_groups_are_kept_beside_the_rows_and_change_no_file(small: Small, no_say: Notify) -> None:
    rows = [{**row, "film": f"film {number % 20}"} for number, row in enumerate(toy_rows(200))]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    rewrite(small, text, toy_manifest(text).replace("group: null", "group: film"))
    data = prepare_data("toy", Rows(train=40, selection=10, test=30), small.project, no_say)
    assert data.groups is not None
    reported = rows_of(small.project, "test", Rows(train=40, selection=10, test=30), no_say)
    assert set(reported[0]) == {"id", "text", "label"}
    film_of = {row["text"]: row["film"] for row in rows}
    films = [film_of[row["text"]] for row in reported]
    together = {row["id"]: film for row, film in zip(reported, films, strict=True) if films.count(film) > 1}
    assert data.groups.column == "film"
    assert {key: group_key(film) for key, film in together.items()} == data.group_of
    assert data.cluster_sizes is not None
    assert (len(data.cluster_sizes), sum(data.cluster_sizes)) == (len(set(films)), 30)


def test_data_from_before_groups_were_kept_gain_them(small: Small, no_say: Notify) -> None:
    rows = [{**row, "film": f"film {number % 20}"} for number, row in enumerate(toy_rows(200))]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    rewrite(small, text, toy_manifest(text).replace("group: null", "group: film"))
    first = prepare_data("toy", None, small.project, no_say)
    path = data_root(small.project) / first.splits["test"].file
    path.with_name("groups.json").unlink()
    again = prepare_data("toy", None, small.project, no_say)
    assert again == first
    assert again.group_of


def test_equal_texts_are_one_group_where_no_column_is_named(small: Small, no_say: Notify) -> None:
    rows = toy_rows(60)
    text = "".join(json.dumps(row) + "\n" for row in [*rows, *rows[:30]])
    rewrite(small, text)
    data = prepare_data("toy", None, small.project, no_say)
    twice = {row["text"] for row in rows[:30]}
    reported = rows_of(small.project, "test", None, no_say)
    assert data.groups is not None
    assert (data.groups.column, data.groups.alike) == (None, {})
    assert {row["id"] for row in reported if row["text"] in twice} == set(data.group_of)
    assert len(set(data.group_of.values())) == len(data.group_of) / 2


def test_rows_without_anything_in_common_have_no_groups(small: Small, no_say: Notify) -> None:
    data = prepare_data("toy", None, small.project, no_say)
    assert (data.group_of, data.cluster_sizes) == ({}, None)


def test_a_premise_that_repeats_without_a_group_is_told(small: Small, no_say: Notify) -> None:
    rows = [{**row, "premise": f"passage {number // 4}"} for number, row in enumerate(toy_rows(200))]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    manifest = toy_manifest(text).replace("text: text, text_pair: null", "text: premise, text_pair: text")
    rewrite(small, text, manifest)
    data = prepare_data("toy", None, small.project, no_say)
    reported = rows_of(small.project, "test", None, no_say)
    premises = [row["text"] for row in reported]
    assert data.groups is not None
    assert data.groups.alike == {"text": sum(premises.count(premise) > 1 for premise in premises)}
    assert data.cluster_sizes is None


@needs_data
def test_groups_of_the_research_data(no_say: Notify, tmp_path: Path) -> None:
    """RTE's dev set has 274 premises, CLS books 1,965 texts, and no sentence of SST-2's dev set is there twice."""
    assert SHARED is not None
    project = Project(root=ROOT, home=tmp_path / "home", cache=tmp_path / "cache", data_root=Path(SHARED))
    sizes = {name: prepare_data(name, None, project, no_say).cluster_sizes for name in ("rte", "cls-books-fr", "sst2")}
    assert sizes["sst2"] is None
    assert sizes["rte"] is not None
    assert (len(sizes["rte"]), sum(sizes["rte"])) == (274, 277)
    assert sizes["cls-books-fr"] is not None
    assert (len(sizes["cls-books-fr"]), sum(sizes["cls-books-fr"])) == (1965, 2000)


def test_dialogues_may_name_a_group(tmp_path: Path) -> None:
    rows = [{"q": f"question {n}", "a": f"answer {n}", "user": f"user {n % 7}"} for n in range(60)]
    (tmp_path / "faq.json").write_text(json.dumps(rows))
    value = {"file": "faq.json", "columns": {"prompt": "q", "answer": "a"}, "cut": {"test": 0.4, "selection": 0.2}}
    alone = Dialogues.model_validate(value)
    together = Dialogues.model_validate({**value, "columns": {"prompt": "q", "answer": "a", "group": "user"}})
    splits = dialogue_splits("faq", together, tmp_path)
    users = {row["q"]: row["user"] for row in rows}
    found = [{users[row["prompt"]] for row in split} for split in splits.values()]
    assert sum(map(len, found)) == len(set.union(*found)) == 7
    assert {row.id for row in dialogue_rows(alone, tmp_path)} == {row.id for row in dialogue_rows(together, tmp_path)}


def test_no_reported_text_is_trained_on(small: Small, no_say: Notify) -> None:
    rows = [{**row, "film": f"film {number % 20}"} for number, row in enumerate(toy_rows(200))]
    rows += [
        {**row, "film": f"film {number % 20 + 1}"} for number, row in enumerate(rows)
    ]  # each text in another film too
    text = "".join(json.dumps(row) + "\n" for row in rows)
    rewrite(small, text, toy_manifest(text).replace("group: null", "group: film"))
    splits = {name: {row["text"] for row in rows_of(small.project, name, None, no_say)} for name in ("train", "test")}
    assert splits["train"]
    assert not splits["train"] & splits["test"]
    assert prepare_data("toy", None, small.project, no_say).facts["test_rows_also_in_train"] == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "a b", "label": "meh"}', "row 3: label 'meh' is outside the declared set bad, good"),
        ('{"label": "good"}', "row 3: no column text"),
        ('{"text": " ", "label": "good"}', "row 3: empty text"),
        ("{", "cannot be read as jsonl"),
    ],
)
def test_faulty_rows_are_named(small: Small, no_say: Notify, line: str, said: str) -> None:
    rows = [json.dumps(row) for row in toy_rows(10)]
    rewrite(small, "\n".join([*rows[:2], line, *rows[2:]]) + "\n")
    with pytest.raises(AssetError, match=said):
        prepare_data("toy", None, small.project, no_say)
    assert not [path for path in data_root(small.project).iterdir() if path.is_dir()]


def test_a_changed_file_is_not_used(small: Small, no_say: Notify) -> None:
    data_root_of(small).joinpath("toy.jsonl").write_text("{}\n")
    with pytest.raises(AssetError, match="the manifest declares"):
        prepare_data("toy", None, small.project, no_say)
    assert not list((small.project.cache / "assets").glob("toy-*/"))


def test_missing_files_say_what_to_set(small: Small, no_say: Notify, monkeypatch: pytest.MonkeyPatch) -> None:
    data_root_of(small).joinpath("toy.jsonl").unlink()
    with pytest.raises(AssetError, match=r"toy\.jsonl: no such file; SEEDWISE_DATA is"):
        prepare_data("toy", None, small.project, no_say)
    bare = Project(small.project.root, small.project.home, small.project.cache, None)
    with pytest.raises(AssetError, match="SEEDWISE_DATA is not set"):
        prepare_data("toy", None, bare, no_say)


def test_unknown_assets_and_misnamed_manifests(small: Small, no_say: Notify) -> None:
    with pytest.raises(InputError, match=r"known: .*rotten-tomatoes.*toy"):
        prepare_data("tyo", None, small.project, no_say)
    path = small.project.root / "benchmarks/assets/toy.yaml"
    path.rename(path.with_name("other.yaml"))
    with pytest.raises(InputError, match="it must be other"):
        find_manifest("other", small.project.root)
    with pytest.raises(AssetError, match="not a data set"):
        prepare_data("minilm-l6", None, small.project, no_say)


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "src/seedwise/assets/manifests").glob("*.yaml")))
def test_shipped_manifests_are_valid(name: str) -> None:
    assert find_manifest(name, ROOT).name == name


@needs_data
@pytest.mark.parametrize(
    ("name", "train", "test", "overlap"),
    [("cls-books-fr", 1600, 2000, 43), ("rte", 2490, 277, 0), ("sst2", 67349, 872, 0)],
)
def test_known_facts_of_the_lab_data(
    tmp_path: Path, no_say: Notify, name: str, train: int, test: int, overlap: int
) -> None:
    project = Project(ROOT, tmp_path / "home", tmp_path / "cache", Path(SHARED or ""))
    data = prepare_data(name, None, project, no_say)
    assert data.splits["train"].rows + data.splits["selection"].rows == train
    assert data.splits["test"].rows == test
    texts = {
        split: [
            json.loads(line)["text"].strip()
            for line in (data_root(project) / data.splits[split].file).read_text().splitlines()
        ]
        for split in ("train", "selection", "test")
    }
    known = set(texts["train"]) | set(texts["selection"])
    if name != "rte":
        assert sum(text in known for text in texts["test"]) == overlap
