"""Figures of a search: what is drawn, and the words that say it."""

from __future__ import annotations

import pytest

from seedwise.report.html import render_html
from seedwise.report.model import ReportModel, StudyReport
from seedwise.report.search_figures import best_by_budget, scores_by_value, search_figures, searched_number

from .outcomes import Lab
from .searched import lean, told, tuned, whole


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ReportModel:
    lab = Lab(tmp_path_factory.mktemp("figures"), seeds=3, examples=60)
    return whole(lean(lab), tuned=(tuned("pretrained"), tuned("random", chosen=0)))


@pytest.fixture(scope="module")
def study(model: ReportModel) -> StudyReport:
    return model.studies[0]


def test_scores_by_value_say_and_draw_every_point(study: StudyReport) -> None:
    figure = scores_by_value(study)
    assert figure is not None
    assert figure.alternative == (
        "pretrained, lr: 0.001 50.00, 0.003 70.00, 0.01 diverged; chosen 0.003; random, lr: 0.001 50.00, 0.003 70.00, 0.01 diverged; "
        "chosen 0.001."
    )
    assert "diverged are left out" in figure.caption
    for words in ("lr, logarithmic", "accuracy on the selection split, %", ">0.003<", ">pretrained<", ">random<"):
        assert words in figure.svg
    assert "var(--arm-0)" in figure.svg
    assert "var(--arm-1)" in figure.svg
    one = scores_by_value(told(study, tuned=(tuned("pretrained"),)))
    assert one is not None
    assert "var(--arm-1)" not in one.svg


def test_an_arm_keeps_its_colour(study: StudyReport) -> None:
    figure = scores_by_value(told(study, tuned=(tuned("random"),)))
    assert figure is not None
    assert "var(--arm-0)" not in figure.svg


def test_settings_that_differ_have_a_panel_each(study: StudyReport) -> None:
    other = tuned("random", settings=({"epochs": 1}, {"epochs": 2}, {"epochs": 4}))
    figure = scores_by_value(told(study, tuned=(tuned("pretrained"), other)))
    assert figure is not None
    assert figure.title == "Every point of the search, by lr and epochs"
    assert "epochs, logarithmic" in figure.svg


def test_labels_have_room(study: StudyReport) -> None:
    values = [1e-5 * 2.0**k for k in range(12)]
    many = tuned(
        "pretrained", settings=tuple({"lr": value} for value in values), points=tuple((f"{value}", 0.5) for value in values),
        scores=((0.5, 0.5),) * 12,
    )  # fmt: skip
    figure = scores_by_value(told(study, tuned=(many,)))
    assert figure is not None
    assert ">1e-5<" in figure.svg
    assert ">2e-5<" not in figure.svg
    assert ">4e-5<" in figure.svg


@pytest.mark.parametrize(
    "settings",
    [
        ({"lr": 1.0, "epochs": 1}, {"lr": 2.0, "epochs": 2}, {"lr": 3.0, "epochs": 1}),
        ({"lr": 0.0}, {"lr": 1.0}, {"lr": 2.0}),
        ({"lr": True}, {"lr": False}, {"lr": 3}),
        ({"layers": "all"}, {"layers": "some"}, {"layers": "none"}),
        (),
    ],
)
def test_what_is_no_positive_number_has_no_axis(study: StudyReport, settings: tuple[dict[str, object], ...]) -> None:
    arm = tuned("random", settings=settings)
    assert searched_number(arm) is None
    assert scores_by_value(told(study, tuned=(arm,))) is None
    beside = scores_by_value(told(study, tuned=(tuned("pretrained"), arm)))
    assert beside is not None
    assert "random: over more than one number, in the table alone." in beside.caption


def test_a_setting_that_stays_is_none_of_the_search() -> None:
    arm = tuned("random", settings=({"lr": 1e-3, "r": 8}, {"lr": 2e-3, "r": 8}, {"lr": 3e-3, "r": 8}))
    assert searched_number(arm) == ("lr", [1e-3, 2e-3, 3e-3])


def test_the_best_by_budget_says_its_intervals(study: StudyReport) -> None:
    figure = best_by_budget(study)
    assert figure is not None
    assert figure.alternative.startswith("pretrained: 1 60.00 (50.00 to 70.00), 2 65.00 (50.00 to 70.00); random: ")
    assert ">points tried<" in figure.svg
    assert best_by_budget(told(study, tuned=(tuned("random", curve=((1, 0.6, None),)),))) is None
    assert search_figures(told(study, tuned=())) == ()


def test_the_page_has_both_with_words(model: ReportModel) -> None:
    page = render_html(model)
    part = page[page.index("Tuning, by equal budgets") : page.index("Every point in numbers")]
    assert part.count("<figure>") == 2
    assert part.count('role="img" aria-label="') == 2


def test_a_search_that_found_nothing_is_still_told(study: StudyReport) -> None:
    """Every point of one arm diverged; the other has one that did not."""
    gone = tuned("random", points=(("a", None),) * 3, scores=((None, None),) * 3, curve=(), chosen=0)
    one = tuned("pretrained", points=(("a", None), ("b", 0.7), ("c", None)), curve=((1, 0.7, None),))
    found = scores_by_value(told(study, tuned=(one, gone)))
    assert found is not None
    assert "random, lr: 0.001 diverged, 0.003 diverged, 0.01 diverged" in found.alternative
    assert best_by_budget(told(study, tuned=(one, gone))) is None
    page = render_html(ReportModel(format=1, inputs="0" * 64, versions={}, studies=(told(study, tuned=(gone, one)),)))
    assert "Expected best by budget" in page
