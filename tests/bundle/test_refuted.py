"""Bundles that are whole, and whose words do not follow from their predictions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from seedwise.bundle import verify
from seedwise.bundle.faults import DamagedBundle, RefutedBundle
from tests.bundle.archives import edited, files_of, refuted, relisted, run_with


def test_a_verdict_that_does_not_follow_is_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    verdicts = json.loads(files["studies/small/verdicts.json"])
    verdicts["claims"]["pretraining-helps"]["verdict"]["p"] /= 2
    bundle.write_bytes(relisted(files | {"studies/small/verdicts.json": json.dumps(verdicts).encode()}))
    with pytest.raises(
        RefutedBundle, match=r"verdicts\.json: claims\.pretraining-helps\.verdict\.p says .*predictions give"
    ):
        verify(bundle)


def test_other_versions_may_differ_in_words_and_draws_but_in_no_figure(bundle: Path) -> None:
    files = files_of(bundle)
    verdicts = json.loads(files["studies/small/verdicts.json"])
    claim = verdicts["claims"]["pretraining-helps"]
    claim["sensitivity"]["interval"][0] += 1e-3
    claim["sentence"] = "In other words."
    del claim["verdict"]["notes"]
    changed = files | {"studies/small/verdicts.json": json.dumps(verdicts).encode()}
    bundle.write_bytes(relisted(changed))
    with pytest.raises(RefutedBundle, match=r"sensitivity\.interval\.0 says"):
        verify(bundle)
    manifest = json.loads(files["manifest.json"])
    manifest["versions"] |= {"seedwise": "0.0.1", "numpy": "1.0"}
    changed["manifest.json"] = json.dumps(manifest).encode()
    bundle.write_bytes(relisted(changed))
    (note,) = verify(bundle).notes
    assert "3 sentences or resampled figures are those of seedwise 0.0.1, numpy 1.0" in note
    for place, value in (("estimate", 0.5), ("outcome", "B better"), ("interval", [0.0, 1.0])):
        claim["verdict"][place], kept = value, claim["verdict"][place]
        bundle.write_bytes(relisted(changed | {"studies/small/verdicts.json": json.dumps(verdicts).encode()}))
        with pytest.raises(RefutedBundle, match=rf"verdict\.{place}.* says"):
            verify(bundle)
        claim["verdict"][place] = kept


def test_better_predictions_need_more_than_a_new_manifest(bundle: Path) -> None:
    files = files_of(bundle)
    run = run_with(files, "random", 1)
    name = f"runs/{run}/predictions/test.jsonl"
    rows = [json.loads(line) for line in files[name].decode().splitlines()]
    for row in rows:
        row["scores"] = [1.0, 0.0] if row["label"] == 0 else [0.0, 1.0]
    files[name] = "".join(json.dumps(row) + "\n" for row in rows).encode()
    bundle.write_bytes(relisted(files))
    with pytest.raises(RefutedBundle, match="changed since the run ended"):
        verify(bundle)
    result = json.loads(files[f"runs/{run}/result.json"])
    result["files"]["predictions/test.jsonl"] = hashlib.sha256(files[name]).hexdigest()
    bundle.write_bytes(relisted(files | {f"runs/{run}/result.json": json.dumps(result).encode()}))
    with pytest.raises(RefutedBundle) as found:
        verify(bundle)
    assert f"runs/{run}/result.json: accuracy" in str(found.value)
    assert "arms.random.scores.1 says" in str(found.value)
    assert "claims.pretraining-helps.signature says" in str(found.value)


def test_runs_under_another_arms_name_are_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    plan = json.loads(files["studies/small/plan.json"])
    for run in plan["runs"]:
        run["arm"] = {"pretrained": "random", "random": "pretrained"}[run["arm"]]
    bundle.write_bytes(relisted(files | {"studies/small/plan.json": json.dumps(plan).encode()}))
    with pytest.raises(RefutedBundle, match="random, seed 0: its initialisation is not what the study says"):
        verify(bundle)


def test_runs_of_no_study_and_runs_left_out_are_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    run = run_with(files, "pretrained", 3)
    stray = {name.replace(run, "0" * 20): data for name, data in files.items() if run in name}
    bundle.write_bytes(relisted(files | stray))
    with pytest.raises(RefutedBundle, match=r"runs/0{20}/spec\.json: of a run that no study in here has"):
        verify(bundle)
    bundle.write_bytes(relisted({name: data for name, data in files.items() if run not in name}))
    with pytest.raises(RefutedBundle, match="pretrained, seed 3: its run is neither in here nor listed as missing"):
        verify(bundle)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("studies/small/study.yaml", '"alpha": 0.05', '"alpha": 0.1', "study.yaml: does not say what study.json says"),
        ("studies/small/study.json", '"alpha": 0.05', '"alpha": 0.1', "not that of study.json"),
        ("studies/small/study.json", '"name": "small"', '"name": ["small"]', "not what this version of Seedwise reads"),
        ("studies/small/data.json", '"rows": 40', '"rows": 99999999999', "rows are not checked"),
        ("declarations.jsonl", '"number": 0', '"number": 9', "declared says true"),
    ],
)
def test_a_study_that_is_another_is_refuted(bundle: Path, name: str, old: str, new: str, said: str) -> None:
    files = files_of(bundle)
    if name == "declarations.jsonl":  # nor may the runs themselves say that they were started under it
        for file in [file for file in files if file.endswith("/provenance.json")]:
            value = json.loads(files[file])
            files[file] = json.dumps({**value, "declaration": "0" * 64}).encode()
    bundle.write_bytes(relisted(edited(files, name, old, new)))
    with pytest.raises(RefutedBundle, match=said):
        verify(bundle)


@pytest.mark.parametrize("star", ["# an *important* one\n", "# * *\n", ""])
def test_a_study_file_that_says_something_else_is_refuted_whatever_its_comments_say(star: str, bundle: Path) -> None:
    files = files_of(bundle)
    said = json.loads(files["studies/small/study.yaml"])
    said["title"] = "another"
    files["studies/small/study.yaml"] = f"{star}{json.dumps(said)}".encode()
    assert "study.yaml: does not say what study.json says" in refuted(files, bundle)


def test_a_study_file_that_grows_without_end_is_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    lines = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    files["studies/small/study.yaml"] = lines.encode()
    assert "study.yaml: does not say what study.json says" in refuted(files, bundle)


@pytest.mark.parametrize("name", ["environment.json", "parameters.json"])
@pytest.mark.parametrize("data", [b"{}", b"\xff\x00 no JSON", None])
def test_records_are_held_to_the_result_that_names_them(name: str, data: bytes | None, bundle: Path) -> None:
    files = files_of(bundle)
    place = next((place for place in sorted(files) if place.endswith(f"/{name}")), None)
    assert place is not None
    if data is None:
        del files[place]
    else:
        files[place] = data
    assert place in refuted(files, bundle)


@pytest.mark.parametrize("data", [b"{}", b"\xff\x00 no JSON", b"[" * 5000])
def test_records_that_say_nothing_are_refuted_even_where_the_result_agrees(data: bytes, bundle: Path) -> None:
    files = files_of(bundle)
    place = next(place for place in sorted(files) if place.endswith("/environment.json"))
    result = place.replace("environment.json", "result.json")
    said = json.loads(files[result])
    said["files"]["environment.json"] = hashlib.sha256(data).hexdigest()
    files[place], files[result] = data, json.dumps(said).encode()
    assert "not what the contract says" in refuted(files, bundle)


def test_a_study_is_counted_once(bundle: Path) -> None:
    files = files_of(bundle)
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps({**manifest, "studies": ["small", "small"]}).encode()
    bundle.write_bytes(relisted(files))
    with pytest.raises(DamagedBundle, match="names a study twice"):
        verify(bundle)


@pytest.mark.parametrize("run", ["../../../outside", "/etc", "x"])
def test_a_run_outside_the_bundle_is_not_opened(run: str, bundle: Path) -> None:
    files = files_of(bundle)
    plan = json.loads(files["studies/small/plan.json"])
    plan["runs"][0]["run_id"] = run
    files["studies/small/plan.json"] = json.dumps(plan).encode()
    assert "plan.json: not what this version" in refuted(files, bundle)


@pytest.mark.parametrize(
    "data", [b"[]", b"{}", b"\xff", b'{"claims": {"a": {}}, "explored": {}}', b"[" * 5000, b"9" * 5000]
)
def test_verdicts_that_are_none_are_refuted(data: bytes, bundle: Path) -> None:
    files = files_of(bundle)
    files["studies/small/verdicts.json"] = data
    assert "verdicts.json" in refuted(files, bundle)


def test_more_predictions_than_rows_are_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    place = next(place for place in sorted(files) if place.endswith("/test.jsonl"))
    result = place.replace("predictions/test.jsonl", "result.json")
    files[place] = files[place] * 20000
    said = json.loads(files[result])
    said["files"]["predictions/test.jsonl"] = hashlib.sha256(files[place]).hexdigest()
    files[result] = json.dumps(said).encode()
    assert "more lines than" in refuted(files, bundle)
