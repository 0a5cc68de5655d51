"""The pages say what the model says, and the model what the runs and the verdicts say."""

from __future__ import annotations

import pytest

from seedwise.escaping import markdown
from seedwise.report import ReportModel, build, text
from seedwise.report.html import render_html
from seedwise.report.markdown import render_markdown
from seedwise.stats import Outcome
from seedwise.study.metric import MetricName
from seedwise.verdicts.comparison import StudyOutcome

from .outcomes import IMAGE, Lab
from .pages import Page

METRIC: MetricName = "accuracy"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def outcome(lab: Lab) -> StudyOutcome:
    return lab.run()


@pytest.fixture(scope="module")
def model(lab: Lab, outcome: StudyOutcome) -> ReportModel:
    return build([outcome], lab.store)


@pytest.fixture(scope="module")
def page(model: ReportModel) -> Page:
    return Page(render_html(model))


def test_model_holds_the_verdict(model: ReportModel, outcome: StudyOutcome) -> None:
    (claim,) = model.studies[0].claims
    verdict = outcome.claims[0].verdict
    assert verdict.outcome is Outcome.A_BETTER
    assert claim.label == "pretrained better"
    assert claim.sentence == outcome.claims[0].sentence
    assert (claim.estimate, claim.interval, claim.p, claim.p_exact, claim.floor) == (
        verdict.estimate, verdict.interval, verdict.p, verdict.p_exact, verdict.floor,
    )  # fmt: skip


def test_model_holds_the_arms(model: ReportModel, outcome: StudyOutcome) -> None:
    for arm in model.studies[0].arms:
        scores = outcome.arms[arm.name]
        assert tuple(score.score for score in arm.scores) == scores.scores
        assert (arm.n, arm.mean, arm.sd, arm.interval) == (
            scores.summary.n, scores.summary.mean, scores.summary.sd, scores.summary.interval,
        )  # fmt: skip
        assert (arm.minimum, arm.maximum) == (min(scores.scores), max(scores.scores))
    pretrained = model.studies[0].arms[0]
    assert pretrained.cost is not None
    assert pretrained.cost.seconds_per_run == 38.5
    assert pretrained.cost.trainable_parameters == 147458


def test_json_round_trip(model: ReportModel) -> None:
    assert ReportModel.model_validate_json(model.model_dump_json(indent=1)) == model


def test_verdicts_come_first(model: ReportModel, page: Page) -> None:
    sentence = model.studies[0].claims[0].sentence
    assert sentence in page.text
    assert page.text.index(sentence) < page.text.index("Figures") < page.text.index("Methods")
    lines = render_markdown(model).splitlines()
    shown = next(number for number, line in enumerate(lines) if markdown(sentence) in line)
    assert shown < next(number for number, line in enumerate(lines) if line.startswith("|"))


def test_arms_table_is_the_model(model: ReportModel, page: Page) -> None:
    table = page.table("arm", "seeds", "mean")
    for arm in model.studies[0].arms:
        name = f"{arm.name} baseline" if arm.baseline else arm.name
        assert table[name] == [
            str(arm.n), text.score(arm.mean, METRIC), text.score(arm.sd, METRIC), text.score_interval(arm.interval, METRIC),
            text.score(arm.minimum, METRIC), text.score(arm.maximum, METRIC),
        ]  # fmt: skip


def test_seeds_table_is_the_model(model: ReportModel, page: Page) -> None:
    table = page.table("arm", "seed 0")
    for arm in model.studies[0].arms:
        shown = [text.score(score.score, METRIC) for score in arm.scores]
        assert table[arm.name] == shown + ["·"] * (5 - len(shown))


def test_comparisons_table_is_the_model(model: ReportModel, page: Page) -> None:
    study = model.studies[0]
    table = page.table("comparison", "difference")
    for claim in (*study.claims, *study.explored):
        name = f"{claim.a} \N{MINUS SIGN} {claim.b}{'' if claim.declared else ' exploratory'}"
        assert table[name] == [
            text.difference(claim.estimate, METRIC), text.difference_interval(claim.interval, METRIC),
            text.error(claim.standard_error, METRIC), text.degrees(claim.df), text.p_value(claim.p),
            text.difference_interval(claim.welch_interval, METRIC), text.p_value(claim.welch_p), text.p_value(claim.p_exact),
            text.floor(claim.floor), _with_interval(claim.p_a_greater_b, claim.p_a_greater_b_interval),
        ]  # fmt: skip


def _with_interval(share: float | None, interval: tuple[float, float] | None) -> str:
    within = "" if interval is None else f" ({' to '.join(text.probability(bound) for bound in interval)})"
    return text.probability(share) + within


def test_markdown_table_is_the_model(model: ReportModel) -> None:
    words = render_markdown(model).split("<summary>Cost")[0]
    rows = [line.strip("| ").split(" | ") for line in words.splitlines() if line.startswith("| ")]
    for arm, row in zip(model.studies[0].arms, rows[2:], strict=True):
        assert row[2:7] == [
            text.score(arm.mean, METRIC), text.score(arm.sd, METRIC), text.score_interval(arm.interval, METRIC),
            text.score(arm.minimum, METRIC), text.score(arm.maximum, METRIC),
        ]  # fmt: skip


def test_baselines_are_exploratory(model: ReportModel) -> None:
    study = model.studies[0]
    assert [claim.declared for claim in study.claims] == [True]
    assert study.explored
    assert not any(claim.declared for claim in study.explored)


def test_curves_of_every_seed(model: ReportModel) -> None:
    curves = model.studies[0].curves
    assert [(curve.arm, curve.seed) for curve in curves.selection] == [
        (arm, seed) for arm in ("pretrained", "random") for seed in range(5)
    ]
    assert [x for x, _ in curves.selection[0].points] == [1.0, 2.0, 3.0]
    assert curves.updates_per_point == {"pretrained": 3, "random": 3}
    assert len(curves.loss[0].points) == 50


def test_methods_name_the_design(model: ReportModel) -> None:
    said = " ".join(model.studies[0].methods)
    for part in (
        "5 seeds each (0 to 4)",
        "800 examples to train on",
        "highest accuracy",
        "Satterthwaite degrees of freedom",
        "scatter near normally",
        "the training set stays the same",
        "alpha = 0.05",
    ):
        assert part in said
    assert "present declaration" in said
    assert dict(model.studies[0].recipes[0].settings)["optimizer"] == "adamw, betas 0.9 and 0.999, eps 1e-8"


def test_provenance(model: ReportModel, outcome: StudyOutcome, page: Page) -> None:
    provenance = model.studies[0].provenance
    assert provenance.declaration == outcome.study.declaration()
    assert provenance.backends[0].digests == (IMAGE,)
    assert provenance.backends[0].packages == {"torch": ("2.9.0",), "transformers": ("4.57.1",)}
    assert {run.run_id for run in provenance.runs} == {run.run_id for run in outcome.plan.runs}
    assert len(page.table("run", "arm")) == len(provenance.runs)
    assert "with uncommitted changes" in (provenance.runs[0].git or "")


def test_page_is_self_contained(page: Page, model: ReportModel) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert all(reference.startswith("#") for reference in page.references)
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert not {"link", "img", "iframe"} & set(page.elements)
    assert page.elements.count("script") == 1  # inside the page: references would show another's
    source = render_html(model)
    assert "@import" not in source
    assert "url(http" not in source
    assert "#0300" not in source, "a colour that no variable stands for"


def test_equal_models_give_equal_bytes(lab: Lab, outcome: StudyOutcome, model: ReportModel) -> None:
    again = build([outcome], lab.store)
    assert again == model
    assert render_html(again) == render_html(model)
    assert render_markdown(again) == render_markdown(model)


def test_nothing_to_report(lab: Lab) -> None:
    empty = build([], lab.store)
    assert "No study has been reported" in render_html(empty)
    assert "No study has been reported" in render_markdown(empty)
