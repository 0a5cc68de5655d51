"""Writing: whole files, equal bytes, and no work where nothing changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seedwise.report import ReportModel, append_summary, write_reports
from seedwise.report.render import FILES as KINDS
from seedwise.verdicts.comparison import StudyOutcome

from .outcomes import Lab

FILES = tuple(KINDS.values())
AGAIN = """
import sys
from pathlib import Path
from report.outcomes import Lab
from seedwise.verdicts.comparison import compare
from seedwise.report import write_reports
lab = Lab(Path(sys.argv[1]))
said = []
write_reports([compare(lab.plan(), lab.store)], lab.project, lab.store, said.append)
print(said, sorted({"matplotlib", "jinja2"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def outcome(lab: Lab) -> StudyOutcome:
    return lab.run()


def folder(lab: Lab) -> Path:
    return lab.project.reports / "pretrained-vs-random"


def contents(lab: Lab) -> dict[str, bytes]:
    return {name: (folder(lab) / name).read_bytes() for name in FILES}


def test_writes_every_format_and_again_the_same_bytes(lab: Lab, outcome: StudyOutcome) -> None:
    (page,) = write_reports([outcome], lab.project, lab.store, print).values()
    first = contents(lab)
    assert page == folder(lab) / "report.html"
    ReportModel.model_validate_json(first["report.json"])
    shutil.rmtree(lab.project.reports)
    write_reports([outcome], lab.project, lab.store, print)
    assert contents(lab) == first


def test_second_call_draws_nothing(lab: Lab, outcome: StudyOutcome) -> None:
    write_reports([outcome], lab.project, lab.store, print)
    before = {name: (folder(lab) / name).stat().st_mtime_ns for name in FILES}
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    answer = subprocess.run(
        [sys.executable, "-c", AGAIN, str(lab.root)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert answer.stdout.strip() == "[] []"
    assert {name: (folder(lab) / name).stat().st_mtime_ns for name in FILES} == before


@pytest.mark.parametrize("name", FILES)
def test_a_touched_file_is_written_again(lab: Lab, outcome: StudyOutcome, name: str) -> None:
    write_reports([outcome], lab.project, lab.store, print)
    first = contents(lab)
    (folder(lab) / name).write_text("edited")
    write_reports([outcome], lab.project, lab.store, print)
    assert contents(lab) == first


def test_a_damaged_stamp_is_no_reason_to_fail(lab: Lab, outcome: StudyOutcome) -> None:
    write_reports([outcome], lab.project, lab.store, print)
    (folder(lab) / "report.stamp.json").write_text("[")
    said: list[str] = []
    write_reports([outcome], lab.project, lab.store, said.append)
    assert said


def test_a_run_more_changes_the_report(tmp_path: Path) -> None:
    part = Lab(tmp_path, missing=(("random", 4),))
    write_reports([part.run()], part.project, part.store, print)
    before = json.loads(contents(part)["report.json"])["inputs"]
    whole = Lab(tmp_path)
    write_reports([whole.run()], whole.project, whole.store, print)
    after = json.loads(contents(whole)["report.json"])
    assert after["inputs"] != before
    assert after["studies"][0]["open_claims"] == []


def test_the_index_keeps_every_study(tmp_path: Path) -> None:
    first, second = Lab(tmp_path, seeds=3), Lab(tmp_path, seeds=3, name="lora-vs-full", title="Is LoRA enough?")
    for lab in (first, second):
        write_reports([lab.run()], lab.project, lab.store, print)
    index = (first.project.reports / "index.html").read_text()
    assert 'href="pretrained-vs-random/report.html"' in index
    assert 'href="lora-vs-full/report.html">Is LoRA enough?' in index
    assert "2 studies" in index
    assert "http" not in index.replace("http-equiv", "")
    written = (first.project.reports / "index.html").stat().st_mtime_ns
    write_reports([second.run()], second.project, second.store, print)
    assert (first.project.reports / "index.html").stat().st_mtime_ns == written
    assert "Is LoRA enough?" in (first.project.reports / "summary.md").read_text()
    assert "Does pretraining help?" not in (first.project.reports / "summary.md").read_text()


def test_files_of_the_former_layout_go(lab: Lab, outcome: StudyOutcome) -> None:
    lab.project.reports.mkdir(parents=True, exist_ok=True)
    (lab.project.reports / "report.html").write_text("old")
    write_reports([outcome], lab.project, lab.store, print)
    assert not (lab.project.reports / "report.html").exists()


def test_a_ci_job_is_given_the_summary(
    lab: Lab, outcome: StudyOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reports([outcome], lab.project, lab.store, print)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    append_summary(lab.project.reports)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    (tmp_path / "job.md").write_text("before\n")
    append_summary(lab.project.reports)
    assert (tmp_path / "job.md").read_text() == "before\n" + (folder(lab) / "report.md").read_text()
    assert len((tmp_path / "job.md").read_text()) < 65_536  # of a pull request's comment
