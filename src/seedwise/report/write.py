"""Writing the report: whole files, and nothing at all where they are already what the inputs give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seedwise.comparison import StudyOutcome
from seedwise.project import Project
from seedwise.report.build import build
from seedwise.report.inputs import report_inputs
from seedwise.say import Say
from seedwise.store import Store
from seedwise_contract.files import sha256_file, write_json, write_whole

STAMP = "report.stamp.json"
FILES = ("report.html", "report.md", "report.json")


def write_report(outcomes: Sequence[StudyOutcome], project: Project, store: Store, say: Say) -> Path:
    """Write `report.html`, `report.md` and `report.json` into the project's reports; the page's path.

    Nothing is drawn where the inputs are those of the files that are there, unchanged.
    """
    folder = project.reports
    page = folder / FILES[0]
    inputs = report_inputs(outcomes, store)
    if _is_current(folder, inputs):
        return page
    from seedwise.report.html import render_html  # these import jinja2 and matplotlib
    from seedwise.report.markdown import render_markdown

    say("report: drawing")
    model = build(outcomes, store)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STAMP).unlink(missing_ok=True)
    write_whole(folder / "report.json", model.model_dump_json(indent=1) + "\n")
    write_whole(folder / "report.md", render_markdown(model))
    write_whole(page, render_html(model))
    write_json(folder / STAMP, {"inputs": inputs, "files": {name: sha256_file(folder / name) for name in FILES}})
    return page


def _is_current(folder: Path, inputs: str) -> bool:
    try:
        stamp = json.loads((folder / STAMP).read_bytes())
        return bool(
            stamp["inputs"] == inputs and all(sha256_file(folder / name) == stamp["files"][name] for name in FILES)
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # no stamp, or one that says nothing: the report is written again
        return False
