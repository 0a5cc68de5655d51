"""The names of runs that were made before: a change here would run every one of them again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from seedwise.project import find_project
from seedwise.study.load import load_study
from tests.conftest import ROOT
from tests.tracker.stores import plan_of

# By study: how many runs, sha256 of their ids in order, sha256 of the declaration; with a data set and images of made-up digests.
NAMES = {
    "fairseq-pretrained-vs-random": (9, "40bac5fd59489f63", "f175d6a8fb9d77ca"),
    "fairseq-vs-hf": (8, "fad9a037cac228fd", "d5d04360ae84dcb0"),
    "lora-vs-bitfit": (9, "ce7591ef4f18f535", "16bf1f71b70c8303"),
    "pretrained-vs-random": (9, "24ac78bc9a3f673d", "fe54105c8f8c1de0"),
}
DIGESTS = {"hf": "hf", "peft": "peft", "fairseq": "fairseq", "sklearn": "sklearn"}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "quick").glob("*.yaml")), ids=lambda path: path.stem)
def test_runs_and_declarations_of_the_quick_studies_keep_their_names(path: Path) -> None:
    study = load_study(path).study
    ids = [run.run_id or "" for run in plan_of(study, find_project(ROOT), DIGESTS).runs]
    assert (len(ids), sha(" ".join(ids)), sha(study.declaration())) == NAMES[path.stem]
