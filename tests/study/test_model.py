from __future__ import annotations

from pathlib import Path

import pytest

from seedwise.errors import InputError
from seedwise.study.load import load_studies, load_study, study_schema
from tests.conftest import ROOT, STUDY

SHIPPED = sorted((ROOT / "benchmarks").glob("*/*.yaml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies_are_valid(path: Path) -> None:
    file = load_studies(path)[-1]
    assert (file.study.name if file.suite is None else file.suite.name) == path.stem


def test_defaults_merge_key_by_key_but_a_method_is_replaced_whole(tmp_path: Path) -> None:
    text = STUDY.replace(
        "frozen: {method: {name: perceptron, parameters: {rate: 0.0}}}",
        "frozen: {method: {name: majority, parameters: {}}, recipe: {optimizer: {lr: 0.5}}}",
    )
    arms = load_study(write(tmp_path, text)).study.arms
    assert arms["frozen"].recipe is not None
    assert arms["frozen"].recipe.optimizer.lr == 0.5
    assert arms["frozen"].recipe.optimizer.eps == 1e-8
    assert arms["frozen"].method.parameters == {}
    assert arms["quick"].recipe is not None
    assert arms["quick"].recipe.optimizer.lr == 1e-3  # "1e-3" without a dot is a number, as people mean it


def test_every_fault_is_listed_with_its_line(tmp_path: Path) -> None:
    text = STUDY.replace("lr: 1e-3", "lr: -1").replace("epochs: 2", "epoch: 2").replace("seeds: 4", "seed: 4")
    with pytest.raises(InputError) as caught:
        load_study(write(tmp_path, text))
    lines = str(caught.value).splitlines()
    number = 1 + text.splitlines().index(next(line for line in text.splitlines() if "optimizer:" in line))
    assert any(f"study.yaml:{number}: defaults.recipe.optimizer.lr: found -1" in line for line in lines)
    assert any("defaults.recipe.epochs: found nothing; this field is required" in line for line in lines)
    assert any("defaults.recipe.epoch: found 2; no field of this name" in line for line in lines)
    assert any("seed: found 4; no field of this name" in line for line in lines)
    assert len(lines) == len(set(lines)) == 4  # a fault in the defaults is said once, not once an arm


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a: quick", "a: quik", "claims.0.a: found quik; one of the arms: quick, frozen"),
        ("b: frozen", "b: quick", "two different arms"),
        ("a: quick, b: frozen", "a: quick, b: frozen, type: equivalence", "needs a margin"),
        ("warmup_updates: 0", "warmup_updates: 0, warmup_ratio: 0.1", "exactly one of"),
        ("seeds: 4", "seeds: [1, 1]", "distinct seeds"),
        ("seeds: 4", "seeds: []", "distinct seeds"),
        ("split: selection", "split: test", 'selection.split: found "test"'),
        ("name: small", "name: small\nname: other", "duplicate key"),
        ("name: small", "name: [small", "not valid YAML"),
    ],
)
def test_faults_between_fields(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in STUDY
    with pytest.raises(InputError) as caught:
        load_study(write(tmp_path, STUDY.replace(old, new, 1)))
    assert said in str(caught.value)
    assert "study.yaml:" in str(caught.value)


def test_an_empty_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a mapping is needed"):
        load_study(write(tmp_path, ""))
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        load_study(tmp_path / "x.yaml")


def test_seed_zero_is_a_seed_and_a_count_is_a_range(tmp_path: Path) -> None:
    assert load_study(write(tmp_path, STUDY)).study.seeds == [0, 1, 2, 3]
    assert load_study(write(tmp_path, STUDY.replace("seeds: 4", "seeds: [0]"))).study.seeds == [0]


def test_declaration_covers_what_is_claimed_but_not_its_wording(tmp_path: Path) -> None:
    base = load_study(write(tmp_path, STUDY)).study.declaration()
    assert load_study(write(tmp_path, STUDY.replace("A small study", "Other words"))).study.declaration() == base
    for old, new in (
        ("seeds: 4", "seeds: 5"),
        ("b: frozen}", "b: frozen, margin: 0.01}"),
        ("rule: best", "rule: last"),
    ):
        assert load_study(write(tmp_path, STUDY.replace(old, new))).study.declaration() != base


def test_schema_file_for_editors_is_current() -> None:
    import json

    assert json.loads((ROOT / "benchmarks" / "study.schema.json").read_text()) == study_schema(), (
        "run: seedwise schema > benchmarks/study.schema.json"
    )
