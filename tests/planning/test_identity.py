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
    "fairseq-pretrained-vs-random": (9, "113244041cdbc64a", "83e719449b6bbaaf"),
    "fairseq-vs-hf": (8, "94fd18cc0832eaee", "2140692b80892f4b"),
    "lora-vs-bitfit": (9, "87fe6619d716a650", "03f68dad69973649"),
    "pretrained-vs-random": (9, "1d0533f30d5a9deb", "0823ed5bbc26891f"),
}
DIGESTS = {"hf": "hf", "peft": "peft", "fairseq": "fairseq", "sklearn": "sklearn"}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "quick").glob("*.yaml")), ids=lambda path: path.stem)
def test_runs_and_declarations_of_the_quick_studies_keep_their_names(path: Path) -> None:
    study = load_study(path).study
    ids = [run.run_id or "" for run in plan_of(study, find_project(ROOT), DIGESTS).runs]
    assert (len(ids), sha(" ".join(ids)), sha(study.declaration())) == NAMES[path.stem]
