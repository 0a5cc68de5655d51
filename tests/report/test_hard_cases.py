"""Studies that are unfinished, went wrong in part, cannot decide, or carry hostile words."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from seedwise.report import ReportModel, build
from seedwise.report.html import render_html
from seedwise.report.latex import render_latex
from seedwise.report.markdown import render_markdown
from seedwise.report.tables import render_verdicts
from seedwise.report.write import write_reports
from seedwise.store import attempts
from seedwise_contract import FailureReason

from .outcomes import Lab
from .pages import Page


def model_of(lab: Lab) -> ReportModel:
    return build([lab.run()], lab.store)


def test_words_are_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> | **bold** `x` [a](http://b)"
    claims = ({"name": "c", "a": "pretrained", "b": "random", "statement": f"</p>{hostile}"},)
    model = model_of(Lab(tmp_path, title=hostile, claims=claims))
    source = render_html(model)
    assert "<script>alert" not in source
    assert hostile in Page(source).text
    markdown = render_markdown(model)
    assert "<script" not in markdown
    assert r"\| \*\*bold\*\* \`x\` \[a\](http://b)" in markdown


def test_missing_runs_leave_the_claim_open(tmp_path: Path) -> None:
    lab = Lab(tmp_path, missing=(("random", 3), ("random", 4)))
    outcome = lab.run()
    missing = next(run for run in outcome.missing if run.seed == 3)
    assert missing.run_id is not None
    attempt = attempts.begin(lab.store.root, missing.run_id)
    lab.store.record_failure(attempt, FailureReason.OUT_OF_MEMORY, "4 GiB were not enough", 4)
    study = build([outcome], lab.store).studies[0]
    assert study.claims == ()
    assert study.open_claims[0].waiting_for == ("random[seed=3]", "random[seed=4]")
    assert (study.planned, study.finished) == (11, 9)
    random = study.arms[1]
    assert (random.complete, random.mean, random.finished) == (False, None, 3)
    assert random.scores[3].reason == "out_of_memory: 4 GiB were not enough"
    model = build([outcome], lab.store)
    page = Page(render_html(model))
    assert page.table("arm", "seeds", "mean")["random"] == ["3 of 5", "–", "–", "–", "–", "–"]
    assert page.table("arm", "seed 0")["random"][3:] == ["missing", "missing"]
    assert "waiting for random[seed=3] and random[seed=4]" in page.text
    assert "4 GiB were not enough" in page.text
    assert "**open**: Pretraining helps" in render_markdown(model)


def test_no_run_done(tmp_path: Path) -> None:
    arms = ("pretrained", "random", "tfidf")
    model = model_of(Lab(tmp_path, missing=tuple((arm, seed) for arm in arms for seed in range(5))))
    study = model.studies[0]
    assert (study.finished, study.claims, study.explored) == (0, (), ())
    page = Page(render_html(model))
    assert "svg" not in page.elements
    assert "0 of 11 runs finished" in page.text
    assert "0 of 11 runs" in render_markdown(model)


def test_diverged_run_is_flagged_and_kept(tmp_path: Path) -> None:
    model = model_of(Lab(tmp_path, diverged=(("random", 1),)))
    study = model.studies[0]
    assert study.arms[1].diverged == (1,)
    assert study.arms[1].n == 5
    page = Page(render_html(model))
    assert "1 diverged" in " ".join(page.table("arm", "seeds", "mean"))
    assert "diverged" in page.table("arm", "seed 0")["random"][1]
    assert "without them:" in page.text
    assert "loss was not finite at update 60" in page.text
    assert "random: 1 run diverged (seed 1)" in render_markdown(model)


def test_three_seeds_say_on_what_they_rest(tmp_path: Path) -> None:
    (claim,) = model_of(Lab(tmp_path, seeds=3)).studies[0].claims
    assert (claim.outcome, claim.basis) == ("A better", "seeds that scatter near normally")
    assert "no exact test over so few seeds could confirm it (floor .100)" in claim.sentence


@pytest.mark.parametrize(("seeds", "rules", "needed", "label"), [
    (2, {}, 3, "too few seeds"),
    (3, {"exact": "required"}, 4, "unattainable by the study's rule"),
])  # fmt: skip
def test_what_decides_nothing_claims_nothing(
    tmp_path: Path, seeds: int, rules: dict[str, str], needed: int, label: str
) -> None:
    model = model_of(Lab(tmp_path, seeds=seeds, rules=rules))
    (claim,) = model.studies[0].claims
    assert claim.outcome == "unattainable"
    assert claim.seeds_needed == needed
    text = Page(render_html(model)).text
    assert label in text
    assert "pretrained better" not in text
    assert "pretrained scores higher" not in text


def test_clusters_are_counted_in_every_format(tmp_path: Path) -> None:
    """Films of five sentences each: the interval is wider, and every format says how many there are."""
    alone, films = (model_of(Lab(tmp_path / name, examples=200, films=size)) for name, size in (("a", 1), ("b", 5)))
    (plain,), (claim,) = alone.studies[0].claims, films.studies[0].claims
    assert (plain.n_clusters, claim.n_clusters, claim.n_examples) == (None, 40, 200)
    assert claim.estimate == pytest.approx(plain.estimate)
    assert claim.df is not None
    assert plain.df is not None
    assert claim.df < plain.df
    assert "200 examples in 40 clusters" in claim.sentence
    assert "|clusters:40@" in claim.signature
    assert any("examples of one film count as one cluster" in note for note in claim.notes)
    said = " ".join(films.studies[0].methods)
    assert "Examples of one film are not independent: the 200 examples form 40 clusters" in said
    assert "examples in 40 clusters" in Page(render_html(films)).text
    assert "examples in 40 clusters" in render_latex(films)
    (row, *_) = csv.DictReader(io.StringIO(render_verdicts(films)))
    assert (row["n_clusters"], float(row["df"])) == ("40", pytest.approx(claim.df))
    assert claim.parts is not None
    assert float(row["variance_examples"]) == pytest.approx(claim.parts.examples)


def test_another_declaration_is_exploratory(tmp_path: Path) -> None:
    model = model_of(Lab(tmp_path, other_declaration=(("random", 0),)))
    study = model.studies[0]
    assert not study.claims[0].declared
    assert "Not every run behind pretraining-helps" in " ".join(study.methods)
    assert "exploratory" in render_markdown(model).split("Pretraining helps")[0]


def test_family_and_margin(tmp_path: Path) -> None:
    claims = (
        {"name": "c1", "a": "full", "b": "random"},
        {"name": "c2", "a": "lora", "b": "full", "type": "equivalence", "margin": 0.05},
    )
    lab = Lab(tmp_path, accuracy={"full": 0.79, "random": 0.66, "lora": 0.79}, claims=claims, baseline=False)
    model = model_of(lab)
    study = model.studies[0]
    assert [claim.outcome for claim in study.claims] == ["A better", "equivalent"]
    assert study.claims[1].label == "equivalent within ±5 points"
    page = Page(render_html(model))
    head = ("comparison", "difference", "95 % interval", "SE", "df", "p", "Holm p", "margin", "equivalence p")
    row = page.table(*head)
    assert row["lora \N{MINUS SIGN} full"][6] == "±5"
    assert "Holm over the 2 declared claims" in page.text


def test_a_contradicted_claim_says_so_in_every_format(tmp_path: Path) -> None:
    claims = (
        {"name": "pretraining-hurts", "a": "random", "b": "pretrained", "statement": "random weights are better"},
        {"name": "pretraining-helps", "a": "pretrained", "b": "random"},
        {"name": "lora-helps", "a": "lora", "b": "pretrained"},
    )
    lab = Lab(tmp_path, accuracy={"pretrained": 0.79, "random": 0.66, "lora": 0.79}, claims=claims)
    model = model_of(lab)
    study = model.studies[0]
    said = ["contradicted", "supported", "undecided"]
    assert [claim.status for claim in study.claims] == said
    assert [claim.status for claim in study.explored] == [None] * 3
    source = render_html(model)
    heads = re.findall(r'<h3 class="claim">(.*?)</h3>\s*<p class="head"><span class="badge (\w+)">(.*?)</span>', source)
    assert heads == [
        ("Random weights are better", "contradicted", "✗ contradicted"),
        ("Pretrained is better than random", "supported", "✓ supported"),
        ("Lora is better than pretrained", "undecided", "? undecided"),
    ]
    assert "**✗ contradicted**: random weights are better (found: pretrained better)" in render_markdown(model)
    latex = render_latex(model)
    assert r"\paragraph{random weights are better} (\emph{contradicted: pretrained better})" in latex
    assert "B better (contradicted)" in latex
    rows = list(csv.DictReader(io.StringIO(render_verdicts(model))))
    assert [row["status"] for row in rows] == [*said, "", "", ""]
    pages = write_reports([lab.run()], lab.project, lab.store, lambda _: None)
    index = (next(iter(pages.values())).parents[1] / "index.html").read_text()
    assert re.search(r'Random weights are better<br><span class="badge contradicted">✗ contradicted</span>', index)
