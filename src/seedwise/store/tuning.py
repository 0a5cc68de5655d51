"""What a search found: each point's scores on the selection split, and the point that an arm is taken at."""

from __future__ import annotations

from seedwise.errors import Unavailable
from seedwise.planning.plan import Plan, Tuned
from seedwise.store.store import Store
from seedwise.study.model import Study
from seedwise.study.search import point_name, points_of
from seedwise_contract.spec import LOWER_IS_BETTER


class Untuned(Unavailable):
    """The runs of a study's search are not all there; the report's runs wait for them."""

    exit_code = 5


def tuning_of(study: Study, search: Plan, store: Store) -> tuple[Tuned, ...]:
    """Every arm's points with their scores on the selection split, a higher one being better; `Untuned` while runs are missing.

    A run that diverged without a checkpoint counts as the worst of all. The best mean over the search's seeds is chosen, the
    first of equal ones; the reported split has no part in it.
    """
    assert study.search is not None
    missing = [run for run in search.runs if not store.is_done(run.run_id)]
    if missing:
        raise Untuned(
            f"{study.name}: {len(missing)} of the {len(search.runs)} runs of its search are missing; run {search.study.name} (they are "
            "in the same file)"
        )
    sign = -1.0 if study.selection.metric in LOWER_IS_BETTER else 1.0
    found = []
    for arm in study.search.arms:
        points = points_of(study.search, arm)
        scores = []
        for number in range(len(points)):
            line = []
            for run in search.of_arm(point_name(arm, number)):
                selected = store.read(run.run_id or "").result.selected
                line.append(-float("inf") if selected is None else sign * selected.value)
            scores.append(tuple(line))
        means = [sum(line) / len(line) for line in scores]
        found.append(Tuned(arm, points, tuple(scores), means.index(max(means)), sign))
    return tuple(found)
