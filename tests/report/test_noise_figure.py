"""Where the noise comes from: table, figure, words; and what "cost against quality" draws."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedwise.report import build
from seedwise.report.html import render_html
from seedwise.report.markdown import render_markdown
from seedwise.report.model import ReportModel
from seedwise.report.noise import ways
from seedwise.report.noise_figure import noise_figure
from seedwise.report.price import price
from seedwise.study.load import load_study
from tests.conftest import ROOT

from .outcomes import Lab
from .pages import Page
from .searched import NOISE, lean, told, whole


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ReportModel:
    lab = Lab(tmp_path_factory.mktemp("noise"), seeds=3, examples=60)
    return whole(lean(lab), noise=NOISE)


@pytest.fixture(scope="module")
def page(model: ReportModel) -> str:
    return render_html(model)


def test_the_table_says_what_a_share_of_0_is(model: ReportModel, page: str) -> None:
    rows = Page(page).table("varies", "runs", "sd", "interval", "share of the variance, %")
    assert rows["rows"] == ["5", "1.00", "0.50 to 2.00", "40 (10 to 150)"]
    assert rows["interactions"] == ["–", "–", "–", "0 (0 to 90)"]
    words = page.partition("Where the noise comes from")[2].partition("</p>")[0]
    assert (
        "where the estimate is below 0, as it is by chance or where streams make up for one another, 0 is shown"
        in words
    )
    assert "with this training set" not in words  # rows vary
    plain = render_markdown(model)
    assert "0 where the estimate is below 0" in plain
    assert "| rows | 5 | 1.00 | 0.50 to 2.00 | 40 (10 to 150) |" in plain


def test_the_figure_has_a_row_a_source(model: ReportModel, page: str) -> None:
    figure = noise_figure(model.studies[0])
    assert figure is not None
    assert figure.alternative == "rows: 1.00 (0.50 to 2.00); together: 1.23 (0.60 to 3.00)."
    for words in (">rows<", ">together<", ">standard deviation of accuracy, points<"):
        assert words in figure.svg
    assert "interactions" not in figure.svg
    assert "Standard deviations between runs. rows: 1.00" in page
    assert noise_figure(told(model.studies[0], noise=())) is None


def test_several_arms_are_named(model: ReportModel) -> None:
    others = tuple(row.model_copy(update={"arm": "random"}) for row in NOISE)
    both = whole(model, noise=(*NOISE, *others))
    figure = noise_figure(both.studies[0])
    assert figure is not None
    assert "random, rows: 1.00" in figure.alternative
    rows = Page(render_html(both)).table("arm", "varies", "runs")
    assert rows["random"][0] == "interactions"


def test_cost_against_quality_draws_ways_to_train_alone(tmp_path: Path) -> None:
    lab = Lab(tmp_path, seeds=3, examples=60)
    (study,) = build([lab.run()], lab.store).studies
    assert all(arm.way for arm in study.arms)
    drawn = price(study)
    assert drawn is not None
    assert ">random<" in drawn.svg
    assert "random" in drawn.alternative
    arms = tuple(arm.model_copy(update={"way": arm.name != "random"}) for arm in study.arms)
    fewer = price(told(study, arms=arms))
    assert "random" not in (fewer.alternative if fewer else "")
    assert ">random<" not in (fewer.svg if fewer else "")


def test_arms_that_differ_in_what_varies_are_one_way_to_train() -> None:
    study = load_study(ROOT / "benchmarks" / "peft" / "noise-sources.yaml").study
    assert ways(study) == {"lora", "bitfit"}
