"""LaTeX and CSV, the numbers of others, the cost table."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest

from seedwise.report import ReportModel, build
from seedwise.report.html import render_html
from seedwise.report.latex import render_latex, tex
from seedwise.report.markdown import render_markdown
from seedwise.report.tables import render_scores, render_verdicts
from seedwise.scores.sources import read_scores
from seedwise.verdicts.signature import parse_signature

from .outcomes import Lab
from .pages import Page

REPORTED = (
    {"source": "report 1, table 2", "arm": "pretrained", "values": [79.5, 78.5, 80.1], "note": "best of 5 epochs"},
    {"source": "report 3", "arm": "random", "values": [71.39], "runs": 3},
    {"source": "a leaderboard", "arm": "tfidf", "values": [80.0]},
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"), reported=REPORTED)


@pytest.fixture(scope="module")
def model(lab: Lab) -> ReportModel:
    return build([lab.run()], lab.store)


@pytest.mark.parametrize(
    ("words", "latex"),
    [
        ("50 % of $x_1 & #2", r"50 \% of \$x\_1 \& \#2"),
        (r"a\b {c} ~d ^e", r"a\textbackslash{}b \{c\} \textasciitilde{}d \textasciicircum{}e"),
        ("<x> | y", r"\textless{}x\textgreater{} \textbar{} y"),
        ("[a] *b", "{[}a] {*}b"),
        ("-- ``x''", "{-}{-} {`}{`}x{'}{'}"),
        ("−1.5 ± 2 × 3 – 4", r"$-$1.5 $\pm$ 2 $\times$ 3 -- 4"),
        ("two\n\nparagraphs\x00", "two paragraphs"),
        ("héros", "héros"),
    ],
)
def test_words_are_escaped_for_latex(words: str, latex: str) -> None:
    assert tex(words) == latex


def test_latex_is_well_formed_whatever_the_words(tmp_path: Path) -> None:
    hostile = "\\input{/etc/passwd} } \\end{table} % & $ # _ ~ ^ \n\n [x]"
    claims = ({"name": "c", "a": "pretrained", "b": "random", "statement": hostile},)
    reported = ({"source": hostile, "arm": "random", "values": [70.0]},)
    lab = Lab(tmp_path, title=hostile, claims=claims, reported=reported, seeds=3)
    source = render_latex(build([lab.run()], lab.store))
    plain = re.sub(r"(?<!\\)%.*", "", re.sub(r"\\[\\{}%&$#_]", "", source))
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0
    assert sorted(re.findall(r"\\begin\{(\w+)\}", plain)) == sorted(re.findall(r"\\end\{(\w+)\}", plain))
    assert r"\input" not in plain.replace(r"\textbackslash{}input", "")
    columns = {"lrrrrrr": 6, "lrrrrrl": 6, "llrrrr": 5}
    for kind, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", source, flags=re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) >= 2
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {columns[kind]}


def test_latex_says_what_a_verdict_is_noted_with(tmp_path: Path) -> None:
    lab = Lab(tmp_path, diverged=(("random", 3),), seeds=4)
    model = build([lab.run()], lab.store)
    assert "1 of 4 of random diverged" in render_latex(model)
    for source in (render_latex(model), render_markdown(model), Page(render_html(model)).text):
        assert ".." not in source.replace("...", "")


def test_latex_says_what_the_model_says(model: ReportModel) -> None:
    source = render_latex(model)
    claim = model.studies[0].claims[0]
    assert tex(claim.sentence) in source
    assert r"\toprule" in source
    unbroken = source.replace(r"\allowbreak{}", "").replace(r"\textbar{}", "|").replace("{-}", "-")
    assert claim.signature.replace("_", r"\_") in unbroken


def test_verdicts_as_rows(model: ReportModel) -> None:
    rows = list(csv.DictReader(io.StringIO(render_verdicts(model))))
    study = model.studies[0]
    assert [row["name"] for row in rows] == [claim.name for claim in (*study.claims, *study.explored)]
    claim = study.claims[0]
    assert claim.interval is not None
    assert (float(rows[0]["interval_low"]), float(rows[0]["interval_high"])) == claim.interval
    assert rows[0]["n_seeds_a"] == "5"
    assert rows[0]["margin"] == ""
    assert str(parse_signature(rows[0]["signature"])) == claim.signature


def test_scores_as_rows_can_be_compared_again(model: ReportModel, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(render_scores(model))
    table = read_scores([str(path)], "accuracy", None, None)
    arm = model.studies[0].arms[0]
    assert list(table.arms[arm.name].scores) == pytest.approx([score.score for score in arm.scores])


def test_numbers_of_others_stand_beside_ours(model: ReportModel) -> None:
    first, second, third = model.studies[0].reported
    pretrained = model.studies[0].arms[0]
    assert pretrained.mean is not None
    assert pretrained.sd is not None
    reach = 2.7764451 * pretrained.sd * (1 / 5 + 1 / 3) ** 0.5  # t of .975 with 4 degrees of freedom
    assert first.expected == pytest.approx((pretrained.mean - reach, pretrained.mean + reach))
    assert first.mean == pytest.approx(0.79366667)
    assert (first.within, second.within, third.within) == (True, False, None)
    assert "3 such runs have their mean at" in first.statement
    assert "the reported number lies within" in first.statement
    assert re.search(r"the reported number lies [0-9.]+ points above", second.statement)
    assert "with one run there is nothing to say of chance" in third.statement
    table = Page(render_html(model)).table("source", "arm", "reported")
    assert table["report 1, table 2"][1] == "79.37 (79.50, 78.50, 80.10)"
    assert table["report 3"][1] == "71.39 (mean of 3)"
    assert "| report 3 | random | 71.39 |" in render_markdown(model)


def test_the_interval_of_what_we_expect_covers_as_it_says() -> None:
    from seedwise.report.reported import prediction_interval
    from seedwise.stats import describe
    from seedwise.study.metric import METRICS
    from seedwise.verdicts.arms import ArmScores

    random = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        scores = random.normal(0.7, 0.02, size=5)
        arm = ArmScores("a", (), (), scores[:, None], METRICS["accuracy"], False, False, describe(scores))
        interval = prediction_interval(arm, 3, 0.05)
        assert interval is not None
        inside += interval[0] <= random.normal(0.7, 0.02, size=3).mean() <= interval[1]
    assert 0.935 <= inside / 2000 <= 0.965
    same = ArmScores("a", (), (), np.full((5, 1), 0.5), METRICS["accuracy"], False, False, describe(np.full(5, 0.5)))
    assert prediction_interval(same, 3, 0.05) is None


def test_cost_to_a_target(model: ReportModel) -> None:
    study = model.studies[0]
    assert study.target is not None
    pretrained, random = (arm.cost for arm in study.arms[:2])
    assert pretrained is not None
    assert random is not None
    assert 0.6 < study.target < 0.7
    curves = [curve.points for curve in study.curves.selection if curve.arm == "pretrained"]
    first = [next(epoch for epoch, score in points if score >= study.target) for points in curves]
    assert pretrained.reached_target == 5
    assert pretrained.seconds_to_target == pytest.approx(10.0 * np.mean(first))  # epochs of 50 updates of .2 s
    assert random.seconds_to_target is None or random.seconds_to_target > pretrained.seconds_to_target
    table = Page(render_html(model)).table("arm", "a run", "of it training")
    assert table["pretrained"][4:7] == ["147,458", "147,456", "147,458"]


def test_a_study_without_runs_has_every_format(tmp_path: Path) -> None:
    arms = ("pretrained", "random", "tfidf")
    lab = Lab(tmp_path, missing=tuple((arm, seed) for arm in arms for seed in range(5)), reported=REPORTED)
    model = build([lab.run()], lab.store)
    assert "waiting for" in render_latex(model)
    assert render_verdicts(model).count("\n") == 1
    assert render_scores(model).count("missing") == 11
    assert model.studies[0].reported[0].statement == "Ours is not complete yet."
    assert "Ours is not complete yet." in render_html(model)


def test_markdown_says_what_each_arm_costs(model: ReportModel) -> None:
    study = model.studies[0]
    text = render_markdown(model)
    for arm in study.arms:
        if arm.cost is not None and arm.cost.trainable_parameters is not None:
            body = arm.cost.trainable_parameters - (arm.cost.trainable_head or 0)
            assert f"| {arm.cost.trainable_parameters:,} | {body:,} |" in text
