from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seedwise_contract import DataError
from seedwise_contract.data import model_folder, read_split
from seedwise_contract.files import sha256_file
from seedwise_contract.spec import Model, Task
from tests.contract.specs import SPEC


def task_for(path: Path, lines: list[Any], rows: int | None = None, pair: str | None = None) -> Task:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    split = {"file": path.name, "sha256": sha256_file(path), "rows": rows or len(lines)}
    value = json.loads(json.dumps(SPEC["task"]))
    value["splits"] = dict.fromkeys(("train", "selection", "test"), split)
    value["columns"]["text_pair"] = pair
    return Task.model_validate_json(json.dumps(value))


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "text": "some words", "label": "good", **changes}


def test_rows_come_in_file_order_with_class_indices(tmp_path: Path) -> None:
    task = task_for(tmp_path / "x.jsonl", [row(1), row(2, label="bad")])
    assert [(e.id, e.label) for e in read_split(task, "test", tmp_path)] == [("r1", 1), ("r2", 0)]


def test_all_faults_of_a_file_are_named_by_line(tmp_path: Path) -> None:
    task = task_for(
        tmp_path / "x.jsonl",
        [row(1), row(2, label="so-so"), row(3, text="  "), {"id": "r4", "label": "good"}, row(1), "7"],
    )
    with pytest.raises(DataError) as caught:
        read_split(task, "train", tmp_path)
    text = str(caught.value)
    for part in (
        "x.jsonl:2: label",
        "outside the declared set",
        "x.jsonl:3: text",
        "x.jsonl:4: no column text",
        ":5: id",
        ":6: found 7",
    ):
        assert part in text


def test_a_changed_or_short_file_is_refused(tmp_path: Path) -> None:
    task = task_for(tmp_path / "x.jsonl", [row(1)], rows=2)
    with pytest.raises(DataError, match="1 rows, but"):
        read_split(task, "train", tmp_path)
    (tmp_path / "x.jsonl").write_text("")
    with pytest.raises(DataError, match="has changed since"):
        read_split(task, "train", tmp_path)
    (tmp_path / "x.jsonl").unlink()
    with pytest.raises(DataError, match="no such file"):
        read_split(task, "train", tmp_path)


def test_pairs_need_both_texts(tmp_path: Path) -> None:
    task = task_for(tmp_path / "x.jsonl", [row(1, other="more"), row(2)], pair="other")
    with pytest.raises(DataError, match="no column other"):
        read_split(task, "train", tmp_path)


def test_a_model_folder_is_checked(tmp_path: Path) -> None:
    model = Model(name="m", path="m", sha256="0" * 64)
    with pytest.raises(DataError, match="no such model"):
        model_folder(model, tmp_path)
    (tmp_path / "m").mkdir()
    with pytest.raises(DataError, match="declares 0000"):
        model_folder(model, tmp_path)
