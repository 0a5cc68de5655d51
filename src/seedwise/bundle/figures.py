"""Every figure of a study's outcome as plain JSON, and how two of them differ."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from seedwise.planning.plan import Tuned
from seedwise.stats import BestRatio
from seedwise.verdicts.arms import ArmScores
from seedwise.verdicts.comparison import ClaimOutcome, StudyOutcome
from seedwise.verdicts.over_tasks import SuiteOutcome
from seedwise.verdicts.ratios import RatioOutcome, ratio_outcomes
from seedwise.verdicts.signature import sign, sign_over

# Other processors and other builds of numpy and scipy may differ in a figure's last digits, never in these.
RELATIVE, ABSOLUTE = 1e-7, 1e-10
SAMPLED = 0.02  # a permutation test that draws its arrangements differs by less from one generator to another
_DRAWN = (".sensitivity.", ".multi_bootstrap.", "p_a_greater_b_interval")


def figures(outcome: StudyOutcome) -> dict[str, Any]:
    """Scores, summaries, verdicts and signatures: what a bundle says, and what it is held to."""
    value = {
        "study": outcome.study.name,
        "metric": outcome.study.task.metric,
        "declaration": outcome.study.declaration(),
        "arms": {name: _arm(arm) for name, arm in outcome.arms.items()},
        "claims": {claim.name: _claim(outcome, claim) for claim in outcome.claims},
        "explored": {claim.name: _claim(outcome, claim) for claim in outcome.explored},
        "refused": {refused.claim.name: refused.reason for refused in outcome.refused},
        "look": None if outcome.look is None else dataclasses.asdict(outcome.look),
        "open_claims": [claim.name for claim in outcome.open_claims],
        "missing": [run.label for run in outcome.missing],
    }
    if outcome.plan.tuning:
        value["tuning"] = {each.arm: _tuned(each) for each in outcome.plan.tuning}
        value["ratios"] = {ratio.ratio.name: _ratio(ratio) for ratio in ratio_outcomes(outcome.plan)}
    return _plain(value)


def suite_figures(found: SuiteOutcome) -> dict[str, Any]:
    """The verdicts over the tasks, and those on each with the whole family resolved, which a task alone cannot give."""
    value = {
        "suite": found.suite.name,
        "declaration": found.suite.declaration,
        "claims": {
            claim.name: {**dataclasses.asdict(claim), "signature": str(sign_over(found, claim))}
            for claim in found.claims
        },
        "tasks": {
            task: {claim.name: dataclasses.asdict(claim) for claim in outcome.claims}
            for task, outcome in found.tasks.items()
        },
        "open_claims": [claim.name for claim in found.open_claims],
    }
    return _plain(value)


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """`value` as it is read back from JSON."""
    return dict(json.loads(json.dumps(value, default=str, allow_nan=False)))


def _arm(arm: ArmScores) -> dict[str, Any]:
    summary = dataclasses.asdict(arm.summary)
    scores = dict(zip(map(str, arm.seeds), arm.scores, strict=True))
    diverged = [seed for seed, gone in zip(arm.seeds, arm.diverged, strict=True) if gone]
    return {"scores": scores, "summary": summary, "diverged": diverged, "examples": len(arm.example_ids)}


def _tuned(found: Tuned) -> dict[str, Any]:
    """The point that an arm was taken at, and each point's mean on the selection split, a higher one being better."""
    means = [mean if math.isfinite(mean) else None for mean in found.means]
    return {"chosen": found.point, "means": means}


def _ratio(outcome: RatioOutcome) -> dict[str, Any]:
    value: dict[str, Any] = {"status": outcome.status, "sentence": outcome.sentence}
    found = outcome.found
    if isinstance(found, BestRatio):
        low, high = found.interval
        value |= {
            "estimate": found.estimate,
            "interval": [low, high if math.isfinite(high) else None],
            "df": found.df,
            "best": {arm: list(one.values) for arm, one in ((outcome.ratio.a, found.a), (outcome.ratio.b, found.b))},
        }
    return value


def _claim(outcome: StudyOutcome, claim: ClaimOutcome) -> dict[str, Any]:
    return {**dataclasses.asdict(claim), "signature": str(sign(outcome, claim))}


def differences(said: Any, found: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """(place, what) of every leaf that differs; numbers within rounding are equal."""
    if isinstance(said, dict) and isinstance(found, dict):
        for key in dict.fromkeys([*said, *found]):
            yield from differences(said.get(key), found.get(key), f"{place}.{key}" if place else key)
    elif isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        for index, pair in enumerate(zip(said, found, strict=True)):
            yield from differences(*pair, f"{place}.{index}")
    elif not _equal(said, found):
        yield place, f"says {_shown(said)}, but the predictions give {_shown(found)}"


def count(value: Any) -> int:
    """How many numbers there are in `value`."""
    if isinstance(value, dict):
        return sum(map(count, value.values()))
    if isinstance(value, list):
        return sum(map(count, value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def _equal(said: Any, found: Any) -> bool:
    numbers = (int, float)
    if isinstance(said, numbers) and isinstance(found, numbers) and not isinstance(said, bool):
        return math.isclose(said, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return bool(said == found)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."


def excused(said: Any, found: Any, place: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> bool:
    """Whether other versions may differ at `place`: in words and in fields that one of them does not have, and, with another
    numpy, in what is drawn at random."""
    if theirs == ours:
        return False
    if place.endswith((".verdict.outcome", ".declared", "declaration", ".verdict")):
        return False
    for part in place.split("."):
        if isinstance(said, dict) and isinstance(found, dict) and (part in said) != (part in found):
            return True
        said, found = (_at(side, part) for side in (said, found))
    if theirs.get("numpy") != ours["numpy"] and isinstance(said, float) and isinstance(found, float):
        return any(drawn in place for drawn in _DRAWN) or (place.endswith(".p_exact") and abs(said - found) < SAMPLED)
    return isinstance(said, str) and isinstance(found, str)


def _at(side: Any, part: str) -> Any:
    if isinstance(side, dict):
        return side.get(part)
    return side[int(part)] if isinstance(side, list) and part.isdigit() else None
