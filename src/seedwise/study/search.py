"""Equal tuning, declared: the points that a search tries for each arm, the study that tries them, and the arm at its best point."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from pydantic import JsonValue, ValidationError

from seedwise.study.model import Arm, Search, Study
from seedwise_contract import Fault, canonical_json, faults_of
from seedwise_contract.faults import shown

Point = Mapping[str, JsonValue]  # field of the arm → value
SEARCH = "search"
FEWEST_SEEDS, FEWEST_VALUES = 3, 3  # for a ratio of best values; `stats.best_value`, which brings scipy


def points_of(search: Search, arm: str) -> tuple[Point, ...]:
    """What is tried for `arm`: every combination of the values of its space, or the declared number of them, drawn.

    The draw is without repetition and the same for every arm and machine (`numpy.random.Generator` from seed 0).
    """
    space = search.arms[arm]
    grid = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
    if search.draw is None or search.draw >= len(grid):
        return tuple(grid)
    chosen = np.random.default_rng(0).choice(len(grid), search.draw, replace=False)
    return tuple(grid[index] for index in sorted(chosen))


def at_point(arm: Arm, point: Point) -> Arm:
    """The arm with the point's values; ValidationError (pydantic) where one is none of its field's, KeyError without such a field."""
    value: dict[str, Any] = copy.deepcopy(arm.model_dump(mode="json"))
    for field, said in point.items():
        *parents, last = field.split(".")
        place = value
        for part in parents:
            place = place[part]
        if last not in place and parents != ["method", "parameters"]:
            raise KeyError(field)
        place[last] = said
    return Arm.model_validate_json(canonical_json(value))


def search_study(study: Study) -> Study:
    """The study that tries every point, on seeds that are none of the report's; it claims nothing."""
    assert study.search is not None
    arms = {
        point_name(name, number): at_point(study.arms[name], point)
        for name in study.search.arms
        for number, point in enumerate(points_of(study.search, name))
    }
    return study.model_copy(
        update={
            "name": search_name(study.name),
            "title": f"{study.title}: the search",
            "seeds": study.search.seeds,
            "arms": arms,
            "claims": [],
            "looks": None,
            "reported": [],
            "search": None,
        }
    )


def search_name(study: str) -> str:
    return f"{study}.{SEARCH}"


def is_search(study: Study) -> bool:
    """Whether the study is what `search_study` makes of another; no file can name one so."""
    return study.name.endswith(f".{SEARCH}") and not study.claims


def tuned_study(study: Study, chosen: Mapping[str, Point]) -> Study:
    """The study with each searched arm at its chosen point."""
    arms = {name: at_point(arm, chosen[name]) if name in chosen else arm for name, arm in study.arms.items()}
    return study.model_copy(update={"arms": arms})


def point_name(arm: str, number: int) -> str:
    return f"{arm}.{number}"


def search_faults(study: Study) -> list[Fault]:
    """What is wrong with the study's search: fields, sizes, seeds that are used twice, budgets that are not equal."""
    search = study.search
    if search is None:
        return []
    faults = []
    common = sorted(set(search.seeds) & set(study.seeds))
    if common or len(set(search.seeds)) < len(search.seeds):
        allowed = "distinct seeds, none of which is one of the report's"
        faults.append(Fault(field="search.seeds", found=str(common or search.seeds), allowed=allowed))
    for name, space in search.arms.items():
        field = f"search.arms.{name}"
        if name not in study.arms or study.arms[name].recipe is None or study.arms[name].deterministic:
            allowed = "an arm of the study that is trained by gradient"
            faults.append(Fault(field=field, found=name, allowed=allowed))
            continue
        own = _space_faults(field, study.arms[name], space)
        if not own and len(points_of(search, name)) < 2:
            own = [Fault(field=field, found="one point", allowed="two or more: a search of one point is none")]
        faults += own
    return faults or [*_budget_faults(study, search), *_ratio_faults(search)]


def _space_faults(field: str, arm: Arm, space: Mapping[str, Sequence[JsonValue]]) -> list[Fault]:
    faults = []
    for path, values in space.items():
        if not path.startswith(("recipe.", "method.parameters.")):
            allowed = "a field of the recipe, or of method.parameters: recipe.optimizer.lr"
            faults.append(Fault(field=field, found=path, allowed=allowed))
            continue
        if len({canonical_json(value) for value in values}) < len(values):
            faults.append(Fault(field=f"{field}.{path}", found=shown(list(values)), allowed="each value once"))
        for value in values:
            try:
                at_point(arm, {path: value})
            except (KeyError, TypeError):
                faults.append(Fault(field=field, found=path, allowed="a field that the arm has"))
                break
            except ValidationError as error:
                told = faults_of(error)[0]
                faults.append(Fault(field=f"{field}.{path}", found=told.found, allowed=told.allowed))
    return faults


def _ratio_faults(search: Search) -> list[Fault]:
    """What a ratio cannot be told of: other arms, one arm, values that are no three positive numbers, one name twice, two seeds."""
    faults = []
    names = [ratio.name for ratio in search.ratios]
    for number, ratio in enumerate(search.ratios):
        place = f"search.ratios.{number}"
        if names.index(ratio.name) != number:
            faults.append(Fault(field=f"{place}.name", found=ratio.name, allowed="each ratio has its own name"))
        if ratio.a == ratio.b:
            faults.append(Fault(field=place, found=f"{ratio.a} against itself", allowed="two different arms"))
        for side, arm in (("a", ratio.a), ("b", ratio.b)):
            if arm not in search.arms:
                allowed = f"one of the arms that are searched: {', '.join(search.arms)}"
                faults.append(Fault(field=f"{place}.{side}", found=arm, allowed=allowed))
            elif (found := _values_fault(search.arms[arm].get(ratio.field))) is not None:
                allowed = f"a field that {arm} is searched over, with three positive numbers or more"
                faults.append(Fault(field=f"{place}.field", found=f"{ratio.field}: {found}", allowed=allowed))
    if search.ratios and len(search.seeds) < FEWEST_SEEDS:
        allowed = f"{FEWEST_SEEDS} or more where a ratio is asked for"
        faults.append(Fault(field="search.seeds", found=str(search.seeds), allowed=allowed))
    return faults


def _values_fault(values: Sequence[JsonValue] | None) -> str | None:
    if values is None:
        return "nothing"
    numbers = [
        value for value in values if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    ]
    return shown(list(values)) if len(numbers) < len(values) or len(numbers) < FEWEST_VALUES else None


def _budget_faults(study: Study, search: Search) -> list[Fault]:
    budgets = {name: len(points_of(search, name)) if name in search.arms else 0 for name in study.arms}
    return [
        Fault(
            field="search.arms",
            found=f"{claim.a} {budgets[claim.a] or 'no'} points, {claim.b} {budgets[claim.b] or 'none'}",
            allowed=f"equal budgets for the arms of claim {claim.name}",
        )
        for claim in study.claims
        if claim.a in budgets and claim.b in budgets and budgets[claim.a] != budgets[claim.b]
    ]
