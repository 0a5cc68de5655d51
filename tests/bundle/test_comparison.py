"""Bundles of comparisons: every kind of scores packed by the command, checked without the files, and changed on purpose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seedwise.bundle.archive import archive_bytes
from seedwise.cli import app
from tests.bundle.archives import Files, files_of, relisted
from tests.scores.field import F1, F12, F13, labelled, one_run_each, passages, put, seeds, words

PLACE = "comparisons/scores"


def seedwise(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def packed(scores: Path, *options: object) -> Path:
    """The bundle of a comparison; the scores are gone afterwards."""
    bundle = scores.parent / "bundle.zip"
    answer = seedwise("compare", scores, *options, "--bundle", bundle)
    assert answer.exit_code == 0, answer.output
    scores.unlink()
    return bundle


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (F1, ["--metric", "perplexity"]),
        (F12, ["--metric", "Best Val Acc (%)", "--b", "full_ft"]),
        (F13 + F13.split("\n", 1)[1].replace("rte", "mrpc"), []),
        (labelled(), ["--metric", "matthews"]),
        (labelled(), ["--metric", "accuracy", "--margin", "0.05"]),
        (passages(), []),
        (passages(), ["--cluster", "none"]),
        (words(), []),
        (one_run_each(), []),
        (
            seeds(a=[81, 82, 83, 84], b=[80, 79, 78, 81], c=[60, 61, 62, 66]),
            ["--claim", "equivalence", "--margin", "1"],
        ),
        (seeds(a=[81, 82, 83, 84], b=[80, 79, 78, 81]), ["--paired", "--require-exact"]),
        (seeds(a=[81, 82, 83, 84], zero=[80]), ["--deterministic", "zero"]),
        (seeds(a=[52.6], b=[51.3], c=[40.0]), ["--test-size", "1319"]),
        (seeds(rerun=[29.69, 29.62, 30.36]), ["--published", "DoRA=32.9"]),
        ("arm,mean,sd,n\nfinetune,86.8,.5,3\nbitfit,84.5,.5,3\n", []),
        ("task,arm,mean,sd,n\nx,a,86.8,.5,3\nx,b,84.5,.5,3\ny,a,6.8,.5,3\ny,b,4.5,.5,3\n", ["--metric", "wer"]),
    ],
)
def test_every_kind_of_comparison_is_recomputed_without_its_files(
    text: str, options: list[str], tmp_path: Path
) -> None:
    scores = put(tmp_path, text)
    said = seedwise("compare", scores, *options)
    bundle = packed(scores, *options)
    answer = seedwise("verify", bundle)
    assert answer.exit_code == 0, answer.output
    assert said.stdout.strip() in answer.stdout
    assert "verified: " in answer.stdout
    assert "1 comparison recomputed" in answer.stdout


def test_the_same_scores_give_the_same_bytes_and_texts_stay_out(tmp_path: Path) -> None:
    lines = [f"{line},{'text' if n else 'a secret question'}" for n, line in enumerate(one_run_each().split("\n"))]
    text = "\n".join(["arm,seed,example,score,question", *(line.replace("text", "secret?") for line in lines[1:])])
    found = []
    for name in ("one", "two"):
        bundle = packed(put(tmp_path, text, f"{name}/scores.csv"))
        found.append(bundle.read_bytes())
    assert found[0] == found[1]
    assert not any(b"secret" in data for data in files_of(tmp_path / "one" / "bundle.zip").values())
    record = json.loads(files_of(tmp_path / "one" / "bundle.zip")[f"{PLACE}/comparison.json"])
    assert record["sources"] == [{"name": "scores.csv", "sha256": hashlib.sha256(text.encode()).hexdigest()}]


def _better(files: Files) -> Files:
    return {**files, f"{PLACE}/scores.csv": files[f"{PLACE}/scores.csv"].replace(b"lora,0,11.2", b"lora,0,19.2")}


def _worded(old: bytes, new: bytes, name: str) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        place = f"{PLACE}/{name}"
        assert old in files[place], files[place]
        return {**files, place: files[place].replace(old, new)}

    return change


def _without(name: str) -> Callable[[Files], Files]:
    return lambda files: {key: data for key, data in files.items() if key != f"{PLACE}/{name}"}


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (_better, 8, "verdicts.json: pairs.0."),
        (_worded(b'"B better"', b'"A better"', "verdicts.json"), 8, 'says "A better", but'),
        (_worded(b'"alpha": 0.05', b'"alpha": 0.01', "comparison.json"), 8, "verdicts.json: pairs.0.alpha"),
        (_worded(b'"lower"', b'"higher"', "comparison.json"), 8, "pairs.0.direction"),
        (_worded(b"base,0", b"base,1", "scores.csv"), 8, "there already"),
        (_worded(b"12.1", b"nan", "scores.csv"), 8, "holds what is no number"),
        (_worded(b'"alpha": 0.05', b'"alpha": 7', "comparison.json"), 8, "alpha"),
        (_worded(b'"metric"', b'"metrik"', "comparison.json"), 8, "gives no verdict"),
        (lambda files: {**files, f"{PLACE}/verdicts.json": b"[]"}, 8, "not a comparison's verdicts"),
        (lambda files: {**files, f"{PLACE}/scores.csv": b""}, 8, "gives no verdict"),
        (_without("scores.csv"), 6, "missing"),
        (_without("verdicts.json"), 6, "missing"),
        (lambda files: {**files, f"{PLACE}/notes.txt": b"x"}, 6, "not one of the bundle's own files"),
    ],
)
def test_what_is_changed_on_purpose_is_found(
    change: Callable[[Files], Files], code: int, said: str, tmp_path: Path
) -> None:
    bundle = packed(put(tmp_path, F1), "--metric", "perplexity")
    bundle.write_bytes(relisted(change(files_of(bundle))))
    answer = seedwise("verify", bundle)
    assert answer.exit_code == code, answer.output
    assert said in answer.stderr
    assert "Traceback" not in answer.output


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    bundle = packed(put(tmp_path, F1), "--metric", "perplexity")
    files = files_of(bundle)
    bundle.write_bytes(archive_bytes(_better(files)))
    answer = seedwise("verify", bundle)
    assert answer.exit_code == 6
    assert "scores.csv: changed: its sha256 is" in answer.stderr


def test_scores_given_to_the_bundle_of_studies_are_told_the_command_that_works(tmp_path: Path) -> None:
    path = put(tmp_path, F1)
    answer = seedwise("bundle", path, "--out", tmp_path / "b.zip")
    assert answer.exit_code == 2
    assert f"seedwise compare {path} --bundle {tmp_path / 'b.zip'}" in answer.stderr
    assert seedwise("compare", path, "--bundle", tmp_path / "b.zip").exit_code == 0
    assert seedwise("verify", tmp_path / "b.zip").exit_code == 0


def test_a_site_of_studies_says_what_it_does_not_show(tmp_path: Path) -> None:
    bundle = packed(put(tmp_path, F1), "--metric", "perplexity")
    answer = seedwise("publish", bundle, "--out", tmp_path / "site")
    assert answer.exit_code == 2, answer.output
    assert "holds no study but a comparison of scores" in answer.stderr
    assert not (tmp_path / "site").exists()
