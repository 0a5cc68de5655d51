"""Writing the reports: a folder a study, an index over all of them; whole files, and nothing at all where nothing changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.report.build import build
from seedwise.report.inputs import HERE, code_digests, finished_runs, report_inputs
from seedwise.report.model import Entry, ReportModel
from seedwise.report.origins import Source
from seedwise.report.render import FILES, render
from seedwise.report.source import read_source
from seedwise.report.suite import SuiteReport, suite_report
from seedwise.report.suite_page import SUITE_FILES, render_suite
from seedwise.store.store import Store
from seedwise.verdicts.comparison import StudyOutcome
from seedwise.verdicts.over_tasks import SuiteOutcome
from seedwise.version import __version__
from seedwise_contract import canonical_json
from seedwise_contract.base import ContractModel
from seedwise_contract.files import read_record, sha256_file, write_json, write_whole

STAMP = "report.stamp.json"
SUITE_STAMP = "suite.stamp"
INDEX = "index.html"
SUMMARY = "summary.md"
# What earlier versions left beside the studies' folders; theirs would be taken for the present one's.
TEMPLATES = HERE / "templates"
_FORMER = ("report.html", "report.md", "report.json", STAMP)


class Stamp(ContractModel):
    """What the files of a study's folder were made from, and what the index says of it."""

    inputs: str
    files: dict[str, str]
    entry: Entry


def write_reports(
    outcomes: Sequence[StudyOutcome],
    project: Project,
    store: Store,
    say: Notify,
    suites: Sequence[SuiteOutcome] = (),
) -> dict[str, Path]:
    """Write each study's report into its folder below the project's reports, a suite's beside them, then the index; study → its page.

    A study whose files are those of its inputs already is left alone; pages of other studies stay, and stay in the index.
    `summary.md` is the Markdown of these studies together.
    """
    folder = project.reports
    pages = {}
    drawn = False
    for outcome in outcomes:
        own = folder / outcome.study.name
        pages[outcome.study.name] = own / FILES["html"]
        inputs = report_inputs([outcome], store)
        if _is_current(own, inputs):
            continue
        if not drawn:
            say("report: drawing")
        drawn = True
        _write(own, build([outcome], store))
    own_pages = [_write_suite(folder, suite_report(found, _source(found, store))) for found in suites]
    for name in _FORMER:
        (folder / name).unlink(missing_ok=True)
    _write_index(folder)
    texts = [(page.parent / FILES["md"]).read_text(encoding="utf-8") for page in (*own_pages, *pages.values())]
    _write_changed(folder / SUMMARY, "\n".join(texts))
    return pages


def append_summary(folder: Path) -> None:
    """Give the summary to the CI job, where there is one that shows it (`GITHUB_STEP_SUMMARY` names its file)."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if name:
        with suppress(OSError, ValueError), open(name, "a", encoding="utf-8", opener=_without_waiting) as handle:
            handle.write((folder / SUMMARY).read_text(encoding="utf-8"))


def _without_waiting(name: str, flags: int) -> int:
    """For a reader of a FIFO that may never come."""
    return os.open(name, flags | os.O_NONBLOCK, 0o666)


def _write(folder: Path, model: ReportModel) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STAMP).unlink(missing_ok=True)
    for kind, name in FILES.items():
        write_whole(folder / name, render(model, kind))
    study = model.studies[0]
    entry = Entry(
        name=study.name,
        title=study.title,
        finished=study.finished,
        planned=study.planned,
        verdicts=(
            *((ratio.statement, ratio.label, ratio.status, True) for ratio in study.ratios),
            *((claim.statement, claim.label, claim.status or "undecided", claim.declared) for claim in study.claims),
        ),
        open_claims=tuple(claim.statement for claim in study.open_claims),
        refused_claims=tuple(claim.statement for claim in study.refused_claims),
    )
    files = {name: sha256_file(folder / name) for name in FILES.values()}
    write_json(folder / STAMP, Stamp(inputs=model.inputs, files=files, entry=entry))


def _source(found: SuiteOutcome, store: Store) -> Source | None:
    """The suite's file, and the command for all its tasks."""
    runs = [run for outcome in found.outcomes for run in finished_runs(outcome, store).values()]
    return read_source(found.outcomes[0].plan, runs)


def _write_suite(folder: Path, report: SuiteReport) -> Path:
    """The suite's page, Markdown and values, where they are not there already."""
    own = folder / report.name
    own.mkdir(parents=True, exist_ok=True)
    values = render_suite(report, "json")
    stamp = hashlib.sha256(f"{__version__}\0{code_digests()}\0{values}".encode()).hexdigest()
    known = own / SUITE_STAMP
    page = own / dict(SUITE_FILES)["html"]
    if not (known.is_file() and known.read_text(encoding="utf-8") == stamp and page.is_file()):
        for kind, name in SUITE_FILES:
            write_whole(own / name, render_suite(report, kind))
        write_whole(known, stamp)
    return page


def _suites(folder: Path) -> list[SuiteReport]:
    """Of every suite that has a page here."""
    found = []
    for path in sorted(folder.glob(f"*/{SUITE_STAMP}")):
        with suppress(OSError, ValidationError):
            found.append(SuiteReport.model_validate_json((path.parent / dict(SUITE_FILES)["json"]).read_bytes()))
    return found


def _write_index(folder: Path) -> None:
    """Over every study that has a report here, whenever it was written."""
    entries = [stamp.entry for path in sorted(folder.glob(f"*/{STAMP}")) if (stamp := _stamp(path.parent)) is not None]
    suites = _suites(folder)
    listed = [each.model_dump(mode="json") for each in (*entries, *suites)]
    digest = hashlib.sha256(canonical_json(listed).encode())
    for name in ("index.html.j2", "suite-matrix.html.j2", "report.css"):
        digest.update((TEMPLATES / name).read_bytes())
    page, key = folder / INDEX, digest.hexdigest()
    if key in (_text(page) or ""):
        return
    from seedwise.report.index import render_index  # brings jinja2

    write_whole(page, render_index(entries, suites, key))


def _write_changed(path: Path, content: str) -> None:
    if _text(path) != content:
        write_whole(path, content)


def _text(path: Path) -> str | None:
    """What an earlier report says; None where it cannot be read, so that it is written anew."""
    try:
        return read_record(path).decode()
    except (OSError, UnicodeDecodeError):
        return None


def _stamp(folder: Path) -> Stamp | None:
    """None where there is none, or one that says nothing: the report is written again."""
    try:
        return Stamp.model_validate_json(read_record(folder / STAMP))
    except (OSError, ValidationError):
        return None


def _is_current(folder: Path, inputs: str) -> bool:
    stamp = _stamp(folder)
    try:
        return (
            stamp is not None
            and stamp.inputs == inputs
            and stamp.files == {name: sha256_file(folder / name) for name in FILES.values()}
        )
    except OSError:
        return False
