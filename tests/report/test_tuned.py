"""A search and its ratios in the page, in Markdown and in LaTeX."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seedwise.report.html import render_html
from seedwise.report.latex import render_latex
from seedwise.report.markdown import render_markdown
from seedwise.report.model import ReportModel
from seedwise.report.tuned import _names

from .outcomes import Lab
from .pages import Page
from .searched import RATIO, lean, tuned, whole


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ReportModel:
    lab = Lab(tmp_path_factory.mktemp("tuned"), seeds=3, examples=60)
    return whole(lean(lab), tuned=(tuned("pretrained"), tuned("random", chosen=0)), ratios=(RATIO,))


@pytest.fixture(scope="module")
def page(model: ReportModel) -> str:
    return render_html(model)


def test_every_point_is_a_row_in_the_shown_units(page: str) -> None:
    (table,) = (one for one in Page(page).tables if one[0] == ["arm", "lr", "mean", "seed 10", "seed 11"])
    assert table[1:4] == [
        ["pretrained", "0.001", "50.00", "48.00", "52.00"],
        ["pretrained chosen", "0.003", "70.00", "69.00", "71.00"],
        ["pretrained", "0.01", "diverged", "diverged", "90.00"],
    ]
    assert table[4][0] == "random chosen"
    (curve,) = (one for one in Page(page).tables if one[0] == ["arm", "points tried", "expected best", "interval"])
    assert curve[1] == ["pretrained", "1", "60.00", "50.00 to 70.00"]
    assert "0.5733" not in page
    behind = page[page.index("Every point in numbers") : page.index('Expected best by budget"')]
    assert '<table class="sort">' in behind
    assert "3 points an arm, each tried on 2 seeds of the search" in page


def test_points_of_several_settings_have_a_column_each(model: ReportModel) -> None:
    both = tuned("random", settings=({"lr": 1e-3}, {"epochs": 3, "lr": 1e-3}, {"epochs": 4, "lr": 0.01}))
    page = Page(render_html(whole(model, tuned=(tuned("pretrained"), both))))
    (table,) = (one for one in page.tables if one[0][:3] == ["arm", "lr", "epochs"])
    assert [row[2] for row in table[1:]] == ["–", "–", "–", "–", "3", "4"]


def test_a_loss_is_shown_as_it_is(model: ReportModel) -> None:
    page = render_html(whole(model, tuned=(tuned("pretrained", metric="loss", points=(("lr 1", 0.51234),) * 3),)))
    assert ">0.5123<" in page
    assert ">51.23<" not in page


def test_a_ratio_stands_in_a_box_before_the_claims(model: ReportModel, page: str) -> None:
    verdicts = page[page.index(">Verdicts</h") : page.index(">Figures</h")]
    box, claim = verdicts.split("<article")[1:3]
    assert "Ten | times" in box
    assert '<span class="badge undecided">? undecided</span> <span class="found">9 times</span>' in box
    short, long = box.split("<summary>The whole verdict</summary>")
    assert "<p>It is 9.</p>" in short
    assert "Best lr by seed of the search: pretrained 0.001, 2e-5; random 0.1, 0.2." in short
    assert "Over 3 seeds it is 9." in long
    assert "Pretraining helps" in claim
    assert page.index("Tuning, by equal budgets") < page.index(">Figures</h")  # it is what the ratio is of
    assert re.search(r'name="description" content="[^"]*Ten \| times: \? undecided, 9 times\.', page)
    plain = render_markdown(model)
    assert plain.index("**? undecided**: ten \\| times (found: 9 times)") < plain.index("Pretraining helps")
    assert "> Over 3 seeds it is 9." in plain
    assert "9 times" in render_latex(model)


def test_a_study_of_a_ratio_alone_claims_something(model: ReportModel) -> None:
    only = whole(model, claims=())
    bare = whole(only, ratios=(), tuned=())
    assert "declares no claim" not in render_html(only)
    assert "declares no claim" not in render_markdown(only)
    assert "declares no claim" in render_markdown(bare)


def test_a_ratio_without_a_verdict_says_why(model: ReportModel) -> None:
    none = RATIO.model_copy(update={"short": "", "label": "no verdict", "best": (), "estimate": None})
    page = render_html(whole(model, ratios=(none,)))
    box = page[page.index("Ten | times</h") :].split("</article>")[0]
    assert "no verdict" in box
    assert "<p>Over 3 seeds it is 9.</p>" in box
    assert "<details>" not in box


def test_the_short_table_of_markdown_and_latex(model: ReportModel) -> None:
    plain = render_markdown(model)
    assert "| pretrained | 3 | lr 3e-3 | 70.00 | 60.00 (50.00 to 70.00) | 65.00 (50.00 to 70.00) |" in plain
    assert "| random | 3 | lr 1e-3 | 50.00 |" in plain
    assert r"pretrained & 3 & lr 3e{-}3 & 70.00 & 65.00 (50.00 to 70.00) \\" in render_latex(model)
    empty = render_latex(whole(model, tuned=(tuned("pretrained", curve=()),)))
    assert "lr 3e{-}3 & 70.00 & " in empty


def test_settings_are_called_by_their_last_word_where_that_tells() -> None:
    fields = ["recipe.optimizer.lr", "method.parameters.dropout", "recipe.dropout", "recipe.optimizer.lr"]
    assert _names(fields) == {
        "recipe.optimizer.lr": "lr",
        "method.parameters.dropout": "method.parameters.dropout",
        "recipe.dropout": "recipe.dropout",
    }


def test_the_index_has_the_ratio_among_the_verdicts(model: ReportModel, tmp_path: Path) -> None:
    from seedwise.report.write import _write, _write_index

    _write(tmp_path / model.studies[0].name, model)
    _write_index(tmp_path)
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Ten | times" in index
    assert "9 times" in index
