"""Which point of a search an arm is taken at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seedwise.store.tuning import Untuned, tuning_of
from seedwise.study.model import Search
from tests.report.outcomes import Lab


@pytest.mark.parametrize(("metric", "chosen"), [("accuracy", 1), ("loss", 0), ("mse", 0)])
def test_the_best_mean_is_chosen_by_the_metrics_own_direction(tmp_path: Path, metric: str, chosen: int) -> None:
    tried = Lab(
        tmp_path,
        seeds=2,
        examples=20,
        accuracy={"full.0": 0.6, "other": 0.6, "full.1": 0.8},  # the first two are one spec, and one run
        baseline=False,
        claims=({"name": "none", "a": "full.0", "b": "full.1"},),
    )
    tried.run()
    plan = tried.plan()
    study = plan.study.model_copy(
        update={
            "search": Search(seeds=[0, 1], arms={"full": {"recipe.optimizer.lr": [1e-4, 1e-3]}}),
            "selection": plan.study.selection.model_copy(update={"metric": metric}),
        }
    )
    (found,) = tuning_of(study, plan, tried.store)
    assert found.chosen == chosen
    low, high = (found.sign * mean for mean in found.means)
    assert (low, high) == (pytest.approx(0.6, abs=0.03), pytest.approx(0.8, abs=0.03))
    less = replace(plan, runs=(*plan.runs[:-1], replace(plan.runs[-1], run_id="0" * 16)))
    with pytest.raises(Untuned, match="1 of the 6 runs of its search are missing"):
        tuning_of(study, less, tried.store)
