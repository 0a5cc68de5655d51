"""The page of a suite, from values made here: matrix, numbers of others, short verdicts, figures."""

from __future__ import annotations

from typing import Any

import pytest

from seedwise.report.comparisons import ReportedRow
from seedwise.report.origins import Source
from seedwise.report.suite import Cell, OnTask, OverTasks, SuiteReport, TaskColumn
from seedwise.report.suite_figures import arms_by_task, differences, not_told_apart, suite_figures
from seedwise.report.suite_page import render_suite
from seedwise.stats import Question

from .pages import Page

QUOTED = ReportedRow(
    source="A <paper>", arm="lora", values=(0.74,), runs=1, mean=0.74, ours=0.7, expected=(0.65, 0.75), within=True,
    statement="By our seeds it lies within.", note="one | run",
)  # fmt: skip


def column(task: str, **other: Any) -> TaskColumn:
    values = {"task": task, "study": f"both.{task}", "metric": "accuracy", "data": task, "examples": 40}
    return TaskColumn.model_validate(values | other)


def cell(mean: float | None, sd: float | None = 0.01) -> Cell:
    interval = None if mean is None or sd is None else (mean - 0.02, mean + 0.02)
    return Cell(mean=mean, sd=sd, n=4 if mean else 1, planned=4, best=False, interval=interval)


def over(**other: Any) -> OverTasks:
    values: dict[str, Any] = {
        "name": "over", "statement": "LoRA is better", "a": "lora", "b": "bitfit", "outcome": "inconclusive", "status": "undecided",
        "label": "inconclusive", "sentence": "The whole sentence of it.", "declared": True, "question": Question.TASKS.value,
        "claim": "superiority", "scope": "suite", "standardised": False, "alpha": 0.05, "family_size": 3, "level": 0.05, "n_tasks": 2,
        "n_seeds": (4, 4), "n_examples": 80, "estimate": 0.0113, "interval": (-0.0162, 0.0388), "standard_error": 0.01, "df": 9.0,
        "p": 0.4, "p_adjusted": 0.8, "p_exact": 0.3, "floor": 0.03, "basis": None, "margin": None, "tost_p": None, "notes": ("a note",),
        "signature": "seedwise:1|a:b",
    }  # fmt: skip
    return OverTasks(**(values | other))


EACH = OnTask(
    task="rte", name="better", a="lora", b="bitfit", label="lora better", status="supported", estimate=0.03, interval=(0.01, 0.05),
    p_adjusted=0.02,
)  # fmt: skip


def suite(**other: Any) -> SuiteReport:
    values: dict[str, Any] = {
        "format": 1, "name": "both", "title": "Both tasks", "description": "", "tasks": (column("rte", reported=(QUOTED,)), column("sst")),
        "missing_tasks": (),
        "matrix": {"lora": (cell(0.7), cell(0.8)), "bitfit": (cell(0.66), cell(0.79)), "tfidf": (cell(0.6, None),) * 2},
        "claims": (over(),), "open_claims": (), "each": (EACH,), "planned": 16, "finished": 16, "declaration": "d" * 64,
        "source": Source(file="both.yaml", text="name: both <1>", command="seedwise bench both.yaml"),
    }  # fmt: skip
    return SuiteReport(**(values | other))


@pytest.fixture(scope="module")
def page() -> str:
    return render_suite(suite(), "html")


def test_numbers_of_others_stand_beside_ours(page: str) -> None:
    rows = Page(page).table("task", "arm", "source", "reported", "ours", "what that means")
    assert rows == {
        "rte": ["lora", "A <paper>", "74.00 % (one run)", "70.00 %", "By our seeds it lies within. One | run."]
    }
    plain = render_suite(suite(), "md")
    assert "| A &lt;paper&gt; | rte | lora | 74.00 | 70.00 | By our seeds it lies within. |" in plain
    bare = suite(tasks=(column("rte"), column("sst")))
    assert "reported elsewhere" not in render_suite(bare, "md")


def test_an_undecided_verdict_is_short_and_the_whole_stands_behind_it(page: str) -> None:
    short, rest = page[page.index("LoRA is better</h3>") :].split("<summary>The whole verdict</summary>")
    assert (
        "These data do not decide which of lora and bitfit is better: the mean difference in accuracy over these tasks, lora minus bitfit, "
        "is +1.13 points (95 % interval −1.62 to +3.88). That is no evidence that they are equal. More seeds alone, or more examples "
        "alone, would hardly decide it, if the estimate is right."
    ) in short
    behind, after = rest.split("</details>", 1)
    assert "The whole sentence of it." in behind
    assert "A note." in behind
    assert "Cite as" in after


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"seeds_needed": 12, "examples_needed": 900}, "About 12 seeds an arm or 900 examples like these would decide it"),
        (
            {"question": Question.LIKE_TASKS.value, "scope": "tasks-like-these", "examples_needed": 14},
            "over tasks like these, lora minus bitfit, is +1.13 points (95 % interval −1.62 to +3.88). That is no evidence that they are "
            "equal. About 14 tasks like these would decide it",
        ),
        ({"question": Question.LIKE_TASKS.value}, "More tasks alone would hardly decide it"),
        ({"claim": "equivalence", "margin": 0.02}, "whether lora and bitfit are equivalent within ±2 points: the mean difference"),
        (
            {"standardised": True, "claim": "equivalence", "margin": 0.1},
            "within ±0.1 standard deviations: the mean standardised difference over these tasks, lora minus bitfit, is +0.01 standard "
            "deviations (95 % interval −0.02 to +0.04). That is no evidence that they differ",
        ),
    ],
)  # fmt: skip
def test_what_would_decide_it_is_said_in_the_claims_own_things(fields: dict[str, Any], told: str) -> None:
    claim = over(**fields)
    assert told in (suite(claims=(claim,)).brief(claim) or "")


@pytest.mark.parametrize(
    "fields", [{"outcome": "A better"}, {"estimate": None}, {"outcome": "no verdict", "interval": None}]
)
def test_every_other_verdict_stands_in_full(fields: dict[str, Any]) -> None:
    told = suite(claims=(over(**fields),), tasks=(column("rte"),), matrix={"lora": (cell(None),)}, each=())
    assert told.brief(told.claims[0]) is None
    page = render_suite(told, "html")
    assert "The whole verdict" not in page
    assert "The whole sentence of it." in page


def test_the_file_and_the_command_that_repeats_it(page: str) -> None:
    assert 'To repeat it: <code class="whole">seedwise bench both.yaml</code>' in page
    assert "name: both &lt;1&gt;" in page
    assert "To repeat it: `seedwise bench both.yaml`" in render_suite(suite(), "md")
    for kind in ("html", "md"):
        assert "To repeat it" not in render_suite(suite(source=None, tasks=(column("rte"),), matrix={}), kind)  # type: ignore[arg-type]


def test_on_each_task_the_difference_has_its_interval(page: str) -> None:
    rows = Page(page).table("task", "claim", "found", "difference (interval)", "adjusted p")
    assert rows["rte"][2] == "+3.00 points (+1.00 to +5.00)"


def test_figures_say_what_they_draw(page: str) -> None:
    arms, pairs = suite_figures(suite())
    assert (
        "rte (accuracy, %): lora 70.00 ± 1.00, bitfit 66.00 ± 1.00, tfidf 60.00, reported of lora 74.00; sst"
        in arms.alternative
    )
    assert "A cross: a number reported elsewhere." in arms.caption
    assert pairs.alternative == (
        "lora − bitfit, rte: +3.00 points, interval +1.00 to +5.00; lora − bitfit, mean of these tasks: +1.13 points, "
        "interval −1.62 to +3.88."
    )
    for colour in range(3):
        assert f"var(--arm-{colour})" in arms.svg
    assert page.count("<figure>") == 2
    assert page.count('<div class="figures">') == 1  # side by side where there is room
    quiet = arms_by_task(suite(tasks=(column("rte"), column("sst"))))
    assert quiet is not None
    assert "cross" not in quiet.caption


def test_tasks_of_other_metrics_have_a_panel_each_and_no_axis_for_differences() -> None:
    told = suite(tasks=(column("rte"), column("sst", metric="mse")))
    figure = arms_by_task(told)
    assert figure is not None
    assert "accuracy on the test split, %" in figure.svg
    assert ">mse on the test split<" in figure.svg
    assert differences(told) is None
    assert not_told_apart(told) is None
    assert arms_by_task(suite(matrix={"lora": (cell(None), cell(None))})) is None
