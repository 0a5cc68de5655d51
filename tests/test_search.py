"""Equal tuning: a search declared in the study, run on its own seeds, decided on the selection split."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedwise.bundle import verify
from seedwise.bundle.faults import RefutedBundle
from seedwise.errors import InputError
from seedwise.planning.plan import Tuned, make_plan
from seedwise.report.tuned import ratio_lines, ratio_rows, tuned_arms
from seedwise.stats import budget_curve, expected_best
from seedwise.study.load import load_studies, load_study
from seedwise.study.search import points_of
from tests.bundle.archives import files_of, relisted
from tests.conftest import Small

SEARCH = """search:
  seeds: [10, 11]
  arms:
    quick: {method.parameters.rate: [0.0, 1.0], recipe.epochs: [1, 2]}
    frozen: {method.parameters.rate: [0.0], recipe.epochs: [1, 2, 3, 4]}
claims:"""


def with_search(small: Small, text: str = SEARCH) -> Path:
    small.edit("claims:", text)
    return small.study


def test_a_file_with_a_search_holds_two_studies(small: Small) -> None:
    tried, study = (file.study for file in load_studies(with_search(small)))
    assert (tried.name, study.name) == ("small.search", "small")
    assert tried.seeds == [10, 11]
    assert list(tried.arms) == [f"{arm}.{n}" for arm in ("quick", "frozen") for n in range(4)]
    assert tried.arms["quick.3"].method.parameters["rate"] == 1.0
    assert tried.arms["quick.3"].recipe is not None
    assert tried.arms["quick.3"].recipe.epochs == 2
    assert not tried.claims
    assert load_study(small.study).study == study


def test_a_draw_takes_so_many_points_the_same_each_time(small: Small) -> None:
    study = load_study(with_search(small, SEARCH.replace("  seeds:", "  draw: 3\n  seeds:"))).study
    assert study.search is not None
    first = points_of(study.search, "quick")
    assert len(first) == 3
    assert first == points_of(study.search, "quick")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seeds: [10, 11]", "seeds: [3, 11]", "search.seeds: found [3]"),
        ("seeds: [10, 11]", "seeds: [10, 10]", "search.seeds: found [10, 10]"),
        ("[1, 2, 3, 4]", "[1, 2, 3]", "search.arms: found quick 4 points, frozen 3; equal budgets"),
        (
            "    frozen: {method.parameters.rate: [0.0], recipe.epochs: [1, 2, 3, 4]}\n",
            "",
            "quick 4 points, frozen none",
        ),
        ("rate: [0.0, 1.0], recipe.epochs: [1, 2]}", "rate: [1.0]}", "search.arms.quick: found one point"),
        ("recipe.epochs: [1, 2]}", "recipe.epochs: [1, 0]}", "search.arms.quick.recipe.epochs"),
        ("recipe.epochs: [1, 2]}", "recipe.epochs: [2, 2]}", "each value once"),
        ("recipe.epochs: [1, 2]}", "recipe.beauty: [1, 2]}", "search.arms.quick: found recipe.beauty"),
        ("recipe.epochs: [1, 2]}", "backend: [fake, hf]}", "a field of the recipe, or of method.parameters"),
        ("    quick:", "    ghost:", "search.arms.ghost: found ghost"),
        ("[0.0, 1.0], recipe", "[], recipe", "search.arms.quick"),
    ],
)
def test_what_is_no_equal_tuning_is_told(small: Small, old: str, new: str, said: str) -> None:
    with_search(small)
    small.edit(old, new)
    with pytest.raises(InputError) as error:
        load_studies(small.study)
    assert said in str(error.value)


RATED = """search:
  seeds: [10, 11, 12]
  arms:
    quick: {recipe.optimizer.lr: [0.1, 0.2, 0.4]}
    frozen: {recipe.optimizer.lr: [0.1, 0.2, 0.4]}
  ratios:
    - {name: twice, a: quick, b: frozen, field: recipe.optimizer.lr, ratio: 2, within: 1.5}
claims:"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("b: frozen, field", "b: ghost, field", "search.ratios.0.b: found ghost; one of the arms that are searched"),
        ("b: frozen, field", "b: quick, field", "search.ratios.0: found quick against itself"),
        ("field: recipe.optimizer.lr", "field: recipe.epochs", "search.ratios.0.field: found recipe.epochs: nothing"),
        ("ratio: 2,", "ratio: 0,", "search.ratios.0.ratio"),
        ("within: 1.5", "within: 1", "search.ratios.0.within"),
        ("[10, 11, 12]", "[10, 11]", "search.seeds: found [10, 11]; 3 or more where a ratio is asked for"),
        ("[0.1, 0.2, 0.4]", "[0.1, 0.2]", "with three positive numbers or more"),
        (
            "  ratios:\n",
            "  ratios:\n    - {name: twice, a: frozen, b: quick, field: recipe.optimizer.lr, ratio: 3}\n",
            "own name",
        ),
    ],
)
def test_what_is_no_ratio_is_told(small: Small, old: str, new: str, said: str) -> None:
    with_search(small, RATED)
    small.edit(old, new)
    with pytest.raises(InputError) as error:
        load_studies(small.study)
    assert said in str(error.value)


def test_ratios_of_what_a_search_scored(small: Small, no_say: Callable[[str], None]) -> None:
    """From the points' scores by seed to the sentence; in the page, its Markdown and the terminal's line."""
    study = load_study(with_search(small, RATED)).study
    assert study.search is not None
    points = points_of(study.search, "quick")
    hill = {"quick": (0.70, 0.80, 0.79), "frozen": (0.81, 0.80, 0.70)}
    rng = np.random.default_rng(0)
    tuning = tuple(
        Tuned(arm, points, tuple(tuple(value + rng.normal(0.0, 0.003) for _ in range(3)) for value in line), 1, 1.0)
        for arm, line in hill.items()
    )
    plan = replace(make_plan(study, small.project, {"fake": "d"}, "cpu", no_say), tuning=tuning)
    (row,) = ratio_rows(plan)
    assert row.status == "undecided"  # frozen is best at the lowest value that was tried
    assert row.high is None
    assert "of 3 seeds of frozen score best at the lowest value tried" in row.sentence
    assert dict(row.best)["quick"] == pytest.approx([0.28] * 3, rel=0.15)
    assert row.label == f"{row.estimate:.3g} times ({row.low:.3g} to no end)"
    assert row.short.startswith(f"The best lr of quick is {row.estimate:.3g} times that of frozen (95 % interval ")
    assert "score best at the lowest value tried" in row.short
    assert len(row.short) < 0.9 * len(row.sentence)
    quick, frozen = tuned_arms(plan)
    assert quick.settings == tuple({"lr": value} for value in (0.1, 0.2, 0.4))
    assert (quick.scores, quick.tried_on) == (tuning[0].scores, (10, 11, 12))
    assert [mean for _, mean in frozen.points] == pytest.approx(tuning[1].means)
    (line,) = ratio_lines(plan)
    assert line.startswith(
        "twice undecided: the best lr of quick is 2 times that of frozen. Over 3 seeds of the search"
    )
    flat = replace(tuning[0], scores=tuple((0.5, *line[1:]) for line in tuning[0].scores))
    (untold,) = ratio_rows(replace(plan, tuning=(flat, tuning[1])))
    assert "1 of 3 seeds of quick score the same at every value tried, and do not tell which is best" in untold.sentence
    assert (untold.low, untold.high) == (0.0, None)
    before = study.declaration()
    small.edit("within: 1.5", "within: 1.6")
    assert load_study(small.study).study.declaration() != before


def test_without_a_search_nothing_is_declared_of_it(small: Small) -> None:
    before = load_study(small.study).study.declaration()
    with_search(small)
    assert load_study(small.study).study.declaration() != before


def test_the_search_and_then_the_report_in_one_call(small: Small) -> None:
    path = with_search(small)
    found = small.pytest(str(path), "--gate", timeout=400)
    assert found.returncode == 0, found.stdout
    assert "claim[learning-helps] supported" in found.stdout
    assert "skipped" not in found.stdout
    assert "verdicts of small.search" not in found.stdout  # it claims nothing, and its points are no choices
    again = small.pytest(str(path), "--no-record")
    assert "25 passed" in again.stdout, again.stdout
    assert again.stdout.count("(done before)") == 24
    (values,) = json.loads((small.project.reports / "small" / "report.json").read_text())["studies"]
    quick = values["tuned"][0]
    assert (quick["arm"], quick["seeds"], len(quick["points"]), len(quick["curve"])) == ("quick", 2, 4, 4)
    assert "rate 1" in quick["points"][quick["chosen"]][0]  # what learns is better on the selection split
    assert quick["curve"][0][1] == pytest.approx(np.mean([value for _, value in quick["points"]]))
    assert "Tuning, by equal budgets" in (small.project.reports / "small" / "report.html").read_text()
    for folder in small.runs():
        seeds = json.loads((folder / "spec.json").read_text())["seeds"]["seed"]
        assert seeds in (0, 1, 2, 3, 10, 11)


def test_the_expected_best_is_that_of_all_draws() -> None:
    scores = [0.3, 0.9, 0.5]
    pairs = [max(a, b) for a in scores for b in scores]
    triples = [max(a, b, c) for a in scores for b in scores for c in scores]
    assert expected_best(scores) == pytest.approx([np.mean(scores), np.mean(pairs), np.mean(triples)])
    curve = budget_curve(scores, np.random.default_rng(1))
    assert [each.budget for each in curve] == [1, 2, 3]
    for each in curve:
        assert each.interval is not None
        assert each.interval[0] <= each.expected <= each.interval[1]
    assert budget_curve([0.5], np.random.default_rng(1))[0].interval is None
    with pytest.raises(ValueError, match="needs scores"):
        expected_best([])


def test_a_bundle_holds_what_a_search_found_to_its_runs(small: Small) -> None:
    """Beside the search's runs what it chose, and the ratios, are checked; without them the study stands alone."""
    path = with_search(small, RATED)
    small.edit("seeds: 4", "seeds: 3")
    assert small.pytest(str(path), "--no-record", timeout=400).returncode == 0
    packed = small.project.root / "small.zip"
    assert small.here("bundle", str(path), "--out", str(packed)).exit_code == 0
    told = small.here("verify", str(packed))
    assert told.exit_code == 0, told.output
    assert "twice: undecided: the best lr of quick is 2 times that of frozen" in told.output
    site = small.project.root / "site"
    assert small.here("publish", str(packed), "--out", str(site)).exit_code == 0
    assert "Tuning, by equal budgets" in (site / "small" / "index.html").read_text()

    files = files_of(packed)
    place = "studies/small/verdicts.json"
    said = json.loads(files[place])
    said["tuning"]["quick"]["means"][0] = 0.99
    packed.write_bytes(relisted(files | {place: json.dumps(said).encode()}))
    with pytest.raises(RefutedBundle, match=r"verdicts\.json: tuning\.quick\.means\.0 says 0\.99"):
        verify(packed)


def test_a_report_without_its_search_waits_for_it(small: Small) -> None:
    path = with_search(small)
    found = small.pytest(str(path), "--no-record", "-k", "not (quick and seed10)", timeout=400)
    assert found.returncode == 0, found.stdout
    assert "of the 16 runs of its search are missing" in found.stdout
    assert "9 skipped" in found.stdout
