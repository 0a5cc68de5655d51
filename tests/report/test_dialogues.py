"""Studies of language models: perplexity is shown as it is, a lower one is better, and answers are read beside it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from seedwise.bundle.figures import figures
from seedwise.report import ReportModel, build
from seedwise.report.figures import figures as drawings
from seedwise.report.html import render_html
from seedwise.report.latex import render_latex
from seedwise.report.markdown import render_markdown
from seedwise.report.price import price
from seedwise.report.tables import render_scores
from seedwise.stats import Outcome
from seedwise.tracker.seed_run import seed_content
from seedwise.tracker.summary_run import comparison_content
from seedwise.verdicts.comparison import StudyOutcome
from seedwise_contract import read_token_losses

from .dialogues import Dialogues
from .pages import Page


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Dialogues:
    return Dialogues(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def outcome(lab: Dialogues) -> StudyOutcome:
    return lab.run()


@pytest.fixture(scope="module")
def model(lab: Dialogues, outcome: StudyOutcome) -> ReportModel:
    return build([outcome], lab.store)


@pytest.fixture(scope="module")
def page(model: ReportModel) -> Page:
    return Page(render_html(model))


def test_scores_are_the_perplexities_of_the_predictions(outcome: StudyOutcome) -> None:
    for arm in outcome.arms.values():
        for run, score in zip(arm.runs, arm.scores, strict=True):
            losses = list(read_token_losses(run.folder / "predictions" / "test.jsonl"))
            told = math.exp(sum(one.loss for one in losses) / sum(one.tokens for one in losses))
            assert score == pytest.approx(told) == pytest.approx(run.result.metrics["test"]["perplexity"])


def test_a_lower_perplexity_is_better_and_is_said_so(outcome: StudyOutcome, model: ReportModel) -> None:
    (claim,) = outcome.claims
    (shown,) = model.studies[0].claims
    means = [outcome.arms[name].summary.mean for name in ("full", "lora")]
    assert claim.verdict.outcome is Outcome.A_BETTER
    assert claim.verdict.estimate == pytest.approx(means[1] - means[0])
    assert shown.estimate == pytest.approx(means[0] - means[1])
    assert shown.interval is not None
    assert shown.interval[0] < shown.estimate < shown.interval[1] < 0
    assert (
        f"full has a lower perplexity than lora: perplexity of full minus lora is {shown.estimate:+.2f} ("
        in claim.sentence
    )
    assert "P(full < lora) over the seeds at hand 1.00" in claim.sentence
    assert "equivalence within ±2.5 p" in claim.sentence
    assert "points" not in claim.sentence
    assert any("jackknife pseudovalues" in note for note in claim.notes)


def test_pages_show_perplexity_in_its_own_unit(model: ReportModel, page: Page) -> None:
    arm = model.studies[0].arms[0]
    assert page.table("arm", "seeds", "mean")[arm.name][1] == f"{arm.mean:.2f}"
    assert "%" not in page.table("comparison", "difference")["full \N{MINUS SIGN} lora"][0]
    html, markdown, latex = render_html(model), render_markdown(model), render_latex(model)
    assert "Differences of perplexity, first arm minus second" in html
    assert "P(first &lt; second)" in html
    for text in (html, markdown, latex):
        assert not re.search(r"\bpoints\b", text.split("</style>")[-1])
        assert "in %" not in text
    assert "mean perplexity |" in markdown
    assert "perplexity" in render_scores(model).splitlines()[0]
    told = {figure.title: figure for figure in drawings(model.studies[0])}
    assert "Perplexity by epoch on the reported split" in told
    assert "Training loss" in told
    assert "left of zero the first arm is better" in told["Differences between arms"].caption


def test_cost_against_quality_points_down(model: ReportModel) -> None:
    study = model.studies[0]
    dear = study.arms[0].model_copy(update={"cost": study.arms[0].cost.model_copy(update={"training_seconds": 1000.0})})
    drawn = price(study.model_copy(update={"arms": (dear, *study.arms[1:])}))
    assert drawn is not None
    assert drawn.caption.startswith("Down and to the left is better.")
    assert f"full 16.7 min for {dear.mean:.2f}" in drawn.alternative


def test_the_curve_begins_before_training(model: ReportModel) -> None:
    rows = [row for row in model.studies[0].curves.by_epoch if row.arm == "full"]
    assert [row.epoch for row in rows] == [0, 1, 2, 3]
    assert rows[0].mean == 200.0


def test_the_target_is_a_perplexity_that_every_arm_comes_down_to(model: ReportModel) -> None:
    study = model.studies[0]
    assert study.target is not None
    (lora,) = [arm for arm in study.arms if arm.name == "lora"]
    (full,) = [arm for arm in study.arms if arm.name == "full"]
    assert study.target == pytest.approx(lora.mean + 1, abs=0.11)
    assert lora.cost is not None
    assert full.cost is not None
    assert full.cost.reached_target == 5
    assert full.cost.seconds_to_target < lora.cost.seconds_to_target


def test_answers_of_the_first_seed_stand_in_the_report(model: ReportModel, page: Page) -> None:
    answered = model.studies[0].answers
    assert [one.id for one in answered] == ["e0", "e1", "e2"]
    assert [(said.arm, said.seed, said.sampled) for said in answered[0].said] == [
        ("full", 0, "full draws 0"), ("lora", 0, "lora draws 0"),
    ]  # fmt: skip
    assert "from the 50 most probable tokens at temperature 0.7" in page.text
    assert "What is &lt;0&gt;?" in render_html(model)
    assert r"It is \| 0." in render_markdown(model)


def test_methods_say_what_was_learned(model: ReportModel) -> None:
    design = model.studies[0].methods[0]
    assert "the answers' tokens by full; those of prompts and answers by lora" in design


def test_a_diverged_run_without_predictions_leaves_no_verdict(tmp_path: Path) -> None:
    lab = Dialogues(tmp_path, diverged=(("lora", 2),))
    outcome = lab.run()
    (claim,) = outcome.claims
    assert claim.verdict.outcome is Outcome.DEGENERATE
    assert any("there is no score" in note and "without them: " in note for note in claim.notes)
    assert outcome.arms["lora"].scores[2] is None
    assert json.loads(json.dumps(figures(outcome), allow_nan=False))["arms"]["lora"]["scores"]["2"] is None
    page = render_markdown(build([outcome], lab.store))
    assert "no verdict" in page
    render_html(build([outcome], lab.store))


def test_the_tracker_takes_answers_and_perplexity(lab: Dialogues, outcome: StudyOutcome) -> None:
    content = seed_content(outcome.arms["full"].runs[0], "faq", "full")
    assert content.params["task.loss_on"] == "answer"
    assert any(artifact.path.name == "answers.jsonl" for artifact in content.artifacts)
    assert any(point.key == "perplexity" for point in content.points)
    whole = comparison_content(outcome, outcome.arms["full"].runs, ())
    (estimate,) = [point.value for point in whole.points if point.key == "full-is-better/estimate"]
    assert estimate < 0, "of perplexities, as everything that is recorded"
