"""A folder of studies of which one needs data that are not here."""

from __future__ import annotations

from tests.conftest import Small


def absent(small: Small) -> None:
    assets = small.study.parent / "assets"
    toy = (assets / "toy.yaml").read_text()
    (assets / "absent.yaml").write_text(
        toy.replace("name: toy", "name: absent").replace("toy.jsonl: toy.jsonl", "toy.jsonl: no.jsonl")
    )
    study = small.study.read_text().replace("name: small", "name: other").replace("data: toy", "data: absent")
    (small.study.parent / "a-other.yaml").write_text(study)


def test_the_others_are_planned(small: Small) -> None:
    absent(small)
    answer = small.here("plan", "benchmarks")
    assert answer.exit_code == 0, answer.output
    assert "small: A small study" in answer.stdout
    assert "other: not planned: " in answer.stderr
    assert "learning-helps" in answer.stdout


def test_and_where_none_is_left_the_fault_is_the_answer(small: Small) -> None:
    absent(small)
    answer = small.here("plan", "benchmarks/a-other.yaml")
    assert answer.exit_code == 3, answer.output
    assert "Traceback" not in answer.output
