"""Writing: whole files, equal bytes, and no work where nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedwise.comparison import StudyOutcome
from seedwise.report import ReportModel, write_report
from seedwise.report.write import FILES

from .outcomes import Lab

AGAIN = """
import sys
from pathlib import Path
from report.outcomes import Lab
from seedwise.comparison import compare
from seedwise.report import write_report
lab = Lab(Path(sys.argv[1]))
said = []
write_report([compare(lab.plan(), lab.store)], lab.project, lab.store, said.append)
print(said, sorted({"matplotlib", "jinja2"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def outcome(lab: Lab) -> StudyOutcome:
    return lab.run()


def contents(lab: Lab) -> dict[str, bytes]:
    return {name: (lab.project.reports / name).read_bytes() for name in FILES}


def test_writes_three_files_and_again_the_same_bytes(lab: Lab, outcome: StudyOutcome) -> None:
    page = write_report([outcome], lab.project, lab.store, print)
    first = contents(lab)
    assert page == lab.project.reports / "report.html"
    ReportModel.model_validate_json(first["report.json"])
    for path in lab.project.reports.iterdir():
        path.unlink()
    write_report([outcome], lab.project, lab.store, print)
    assert contents(lab) == first


def test_second_call_draws_nothing(lab: Lab, outcome: StudyOutcome) -> None:
    write_report([outcome], lab.project, lab.store, print)
    before = {name: (lab.project.reports / name).stat().st_mtime_ns for name in FILES}
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    answer = subprocess.run(
        [sys.executable, "-c", AGAIN, str(lab.root)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert answer.stdout.strip() == "[] []"
    assert {name: (lab.project.reports / name).stat().st_mtime_ns for name in FILES} == before


@pytest.mark.parametrize("name", FILES)
def test_a_touched_file_is_written_again(lab: Lab, outcome: StudyOutcome, name: str) -> None:
    write_report([outcome], lab.project, lab.store, print)
    first = contents(lab)
    (lab.project.reports / name).write_text("edited")
    write_report([outcome], lab.project, lab.store, print)
    assert contents(lab) == first


def test_a_damaged_stamp_is_no_reason_to_fail(lab: Lab, outcome: StudyOutcome) -> None:
    write_report([outcome], lab.project, lab.store, print)
    (lab.project.reports / "report.stamp.json").write_text("[")
    said: list[str] = []
    write_report([outcome], lab.project, lab.store, said.append)
    assert said


def test_a_run_more_changes_the_report(tmp_path: Path) -> None:
    part = Lab(tmp_path, missing=(("random", 4),))
    write_report([part.run()], part.project, part.store, print)
    before = json.loads(contents(part)["report.json"])["inputs"]
    whole = Lab(tmp_path)
    write_report([whole.run()], whole.project, whole.store, print)
    after = json.loads(contents(whole)["report.json"])
    assert after["inputs"] != before
    assert after["studies"][0]["open_claims"] == []
