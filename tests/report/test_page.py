"""What only the page has: an undecided verdict in short, what it hangs on, the study's file, tables that sort."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from benchmarks.pictures import chromium
from seedwise.report import build
from seedwise.report.brief import brief, hinge_head, hinge_words
from seedwise.report.html import render_html
from seedwise.report.model import ReportModel
from seedwise.report.render import render
from tests.conftest import Small

from .outcomes import Lab


def model_of(lab: Lab) -> ReportModel:
    return build([lab.run()], lab.store)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> ReportModel:
    return model_of(Lab(tmp_path_factory.mktemp("decided")))


@pytest.fixture(scope="module")
def open_question(tmp_path_factory: pytest.TempPathFactory) -> ReportModel:
    equal = {"pretrained": 0.70, "random": 0.70}
    claims = (
        {"name": "better", "a": "pretrained", "b": "random"},
        {"name": "same", "a": "pretrained", "b": "random", "type": "equivalence", "margin": 0.001},
    )
    return model_of(Lab(tmp_path_factory.mktemp("open"), accuracy=equal, claims=claims, baseline=False))


def test_an_undecided_verdict_is_short_and_the_whole_stands_behind_it(open_question: ReportModel) -> None:
    page = render_html(open_question)
    better, same = open_question.studies[0].claims
    for claim, what in ((better, "is better"), (same, "are equivalent within ±0.1 points")):
        told = brief(claim, "accuracy")
        assert told is not None
        assert what in told
        assert len(told) < 0.6 * len(claim.sentence)
        assert told in page.replace("&gt;", ">")
    assert "no evidence that they are equal" in (brief(better, "accuracy") or "")
    assert "no evidence that they differ" in (brief(same, "accuracy") or "")
    assert page.count("<summary>The whole verdict</summary>") == 2
    for form in ("md", "latex"):
        assert "no evidence that they" not in render(open_question, form).replace("not evidence", "")  # type: ignore[arg-type]


def test_a_decided_verdict_is_whole_and_says_what_would_overturn_it(decided: ReportModel) -> None:
    (claim,) = decided.studies[0].claims
    assert brief(claim, "accuracy") is None
    assert claim.hinge is not None
    assert re.fullmatch(r"Overturned by \d+ changed answers of 2,000 \([\d.]+ %\), to \d+ examples", hinge_head(claim))
    words = " ".join(hinge_words(claim))
    assert f"More runs of pretrained than of random are right on {claim.hinge.ahead[0]:,} examples" in words
    assert claim.hinge.named[0][0] in words
    assert hinge_head(claim) in render_html(decided)
    nowhere = claim.model_copy(update={"hinge": claim.hinge.model_copy(update={"ahead": (0, 0)})})
    study = decided.studies[0].model_copy(update={"claims": (nowhere,), "explored": ()})
    assert "examples for pretrained" not in render_html(decided.model_copy(update={"studies": (study,)}))


def test_the_page_has_the_studys_file_and_the_command(small: Small) -> None:
    assert small.pytest("benchmarks/small.yaml", "--no-record").returncode == 0
    assert small.here("report", "benchmarks/small.yaml").exit_code == 0
    page = (small.project.reports / "small" / "report.html").read_text(encoding="utf-8")
    assert "# a comment of the author" not in page
    assert "nox -s bench -- benchmarks/small.yaml --runtime venv" in page
    assert "a: quick, b: frozen}" in page
    small.study.write_text(small.study.read_text() + "# a comment of the author\n")
    assert small.here("report", "benchmarks/small.yaml").exit_code == 0
    assert "# a comment of the author" in (small.project.reports / "small" / "report.html").read_text(encoding="utf-8")


def test_a_link_to_the_page_shows_its_verdict(decided: ReportModel) -> None:
    page = render_html(decided)
    found = re.search(r'<meta property="og:description" content="([^"]*)">', page)
    assert found is not None
    assert found[1].startswith("Pretraining helps: ✓ supported, pretrained better, +")
    assert '<meta property="og:title" content="Does pretraining help?">' in page
    assert "og:url" not in page


@pytest.mark.skipif(chromium() is None, reason="no Chromium here")
def test_tables_sort_by_their_numbers_and_filter(tmp_path: Path) -> None:
    """In a browser: the heads are buttons, a click orders by value (1,024 above 30, − below +), dashes and dates stay below."""
    script = Path(__file__).parents[2] / "src" / "seedwise" / "report" / "templates" / "tables.js"
    rows = "".join(
        f"<tr><th>r{n}</th><td>{v}</td></tr>"
        for n, v in enumerate(["30", "1,024", "−5", "–", "+7", "8 (1 to 9)", "2026-11-02", "< .0001", "2026-01-09"])
    )
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><meta charset=utf-8><body><div class=scroll><table class=sort>"
        f"<thead><tr><th>name<th>value</tr></thead><tbody>{rows}"
        f"</tbody></table></div><script>{script.read_text()}</script><script>"
        "document.querySelectorAll('th button')[1].click();"
        "const shown = () => [...document.querySelectorAll('td')].filter(cell => !cell.parentElement.hidden);"
        "const order = () => shown().map(cell => cell.innerText).join(' ');"
        "const said = [order()]; document.querySelectorAll('th button')[1].click(); said.push(order());"
        "const field = document.querySelector('input'); field.value = 'R1'; field.dispatchEvent(new Event('input')); said.push(order());"
        "document.body.dataset.said = said.join('|');</script>",
        encoding="utf-8",
    )
    program = chromium()
    assert program is not None
    ended = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
    found = re.search(r'data-said="([^"]*)"', ended.stdout)
    assert found is not None, ended.stderr[-500:]
    up, down, filtered = unescape(found[1]).split("|")
    assert up == "−5 < .0001 +7 8 (1 to 9) 30 1,024 – 2026-01-09 2026-11-02"
    assert down == "1,024 30 8 (1 to 9) +7 < .0001 −5 2026-11-02 2026-01-09 –"
    assert filtered == "1,024"
