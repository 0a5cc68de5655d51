"""The reported split by epoch: every seed in one figure, the summary of each epoch in a table, both for display."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest

from seedwise.report import ReportModel, build, text
from seedwise.report.curve_rows import Curve
from seedwise.report.curves import summaries
from seedwise.report.figures import figures
from seedwise.report.html import render_html
from seedwise.report.markdown import render_markdown

from .outcomes import Lab
from .pages import Page

LABEL = "For display: selection never saw it"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ReportModel:
    lab = Lab(tmp_path_factory.mktemp("lab"), curve=True, diverged=(("random", 4),))
    return build([lab.run()], lab.store)


def test_summaries_by_hand() -> None:
    curves = [
        Curve(arm="b", seed=0, points=((1.0, 0.5), (2.0, 0.8))),
        Curve(arm="a", seed=0, points=((1.0, 0.1),)),
        Curve(arm="b", seed=1, points=((1.0, 0.7),)),
    ]
    rows = [row.model_dump() for row in summaries(curves)]
    first = {"arm": "b", "epoch": 1.0, "n": 2, "mean": 0.6, "minimum": 0.5, "maximum": 0.7}
    assert {key: rows[0][key] for key in first} == pytest.approx(first)
    assert rows[0]["sd"] == pytest.approx(0.2 / 2**0.5), "two values, one degree of freedom"
    assert [(row["arm"], row["epoch"], row["n"], row["sd"]) for row in rows[1:]] == [
        ("b", 2.0, 1, None),
        ("a", 1.0, 1, None),
    ]


def test_curves_of_both_splits_are_kept_apart(model: ReportModel) -> None:
    curves = model.studies[0].curves
    assert [(c.arm, c.seed) for c in curves.reported] == [(a, s) for a in ("pretrained", "random") for s in range(5)]
    for chosen, shown in zip(curves.selection, curves.reported, strict=True):
        assert [y for _, y in shown.points] == pytest.approx([y - 0.02 for _, y in chosen.points][: len(shown.points)])
    assert [row.n for row in curves.by_epoch] == [5, 5, 5, 5, 4, 4], "a diverged run leaves where its curve ends"
    last = [c.points[-1][1] for c in curves.reported if c.arm == "pretrained"]
    assert curves.by_epoch[2].sd == pytest.approx(statistics.stdev(last))
    assert ReportModel.model_validate_json(model.model_dump_json()) == model


def test_the_table_is_the_model(model: ReportModel) -> None:
    rows = [
        [
            row.arm,
            text.epoch(row.epoch),
            str(row.n),
            *(text.score(value, "accuracy") for value in (row.mean, row.sd, row.minimum, row.maximum)),
        ]
        for row in model.studies[0].curves.by_epoch
    ]
    page = Page(render_html(model))
    headers = ["arm", "epoch", "n", "mean", "sd", "min", "max"]
    assert [headers, *rows] in page.tables
    markdown = render_markdown(model)
    for row in rows:
        assert f"| {' | '.join(row)} |" in markdown
    for said in (page.text, markdown):
        assert LABEL in said
        assert "sample standard deviation (ddof 1)" in said
    assert "The test split's scores by epoch are for display" in " ".join(model.studies[0].methods)


def test_one_axes_shows_every_seed_the_means_and_the_baseline(model: ReportModel) -> None:
    (figure,) = [one for one in figures(model.studies[0]) if one.key.endswith("-reported")]
    assert LABEL in figure.caption
    lines = [style for style in re.findall(r'style="([^"]*)"', figure.svg) if "stroke: var(--arm-" in style]
    assert sum("stroke-width: 0.8" in style for style in lines) == 10, "every seed of both arms"
    assert sum("stroke-width: 2.4" in style for style in lines) == 4, "two means, and their keys in the legend"
    assert len(re.findall(r'style="[^"]*stroke-dasharray[^"]*stroke-width: 1.3', figure.svg)) == 2, (
        "the baseline, and its key"
    )
    for name in ("pretrained", "random", "tfidf"):
        assert name in figure.alternative
        assert f">{name}<" in figure.svg
    assert not [one for one in figures(model.studies[0]) if one.key.endswith("-epochs")]


def test_without_a_curve_the_selection_split_is_shown(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    plain = build([lab.run()], lab.store)
    assert plain.studies[0].curves.by_epoch == ()
    assert [one.key.rpartition("-")[2] for one in figures(plain.studies[0])] == [
        "difference",
        "seeds",
        "epochs",
        "loss",
        "price",
    ]
    assert LABEL not in render_html(plain) + render_markdown(plain)


def test_one_point_is_no_course(model: ReportModel) -> None:
    study = model.studies[0]

    def titles(points: int) -> str:
        own = tuple(curve.model_copy(update={"points": curve.points[:points]}) for curve in study.curves.selection)
        curves = study.curves.model_copy(update={"selection": own, "reported": ()})
        return " ".join(figure.title for figure in figures(study.model_copy(update={"curves": curves})))

    assert "selection split" in titles(2)
    assert "selection split" not in titles(1)
