"""Before anything runs: what each claim of a study can decide, and what it would take."""

from __future__ import annotations

from dataclasses import dataclass

from seedwise.forecast.attainable import Reach, reach_of
from seedwise.forecast.cost import CostModel
from seedwise.forecast.pilot import Basis, Pilots
from seedwise.planning.plan import Plan
from seedwise.stats import (
    Components,
    attainable_margin,
    detectable_crossed,
    examples_for_crossed,
    examples_for_tost,
    power_crossed,
    power_tost,
    seeds_for_crossed,
    seeds_for_tost,
)
from seedwise.store.history import REPORTED_SPLIT, History
from seedwise.store.store import Store
from seedwise.study.metric import METRICS, Metric
from seedwise.study.model import Claim, Variances

POWER = 0.8


@dataclass(frozen=True, slots=True)
class PowerAt:
    """The chance to decide, and the seeds an arm or the examples that would make it `POWER` (None: no number does).

    For superiority `size` is the true difference; for equivalence it is the margin, the arms being equal.
    """

    size: float
    power: float
    seeds: int | None
    examples: int | None


@dataclass(frozen=True, slots=True)
class ClaimForecast:
    """What one claim can decide with the declared design.

    `smallest` is the difference found, or for equivalence the margin shown, with `POWER`; it and `power` are empty where
    nothing is known of the variances, or the study has a single seed. `seconds_per_seed` is what one more seed of both arms takes.
    """

    claim: Claim
    metric: Metric
    family: int
    n_seeds: int
    n_examples: int
    n_clusters: int | None
    reach: Reach
    basis: Basis | None
    smallest: float | None
    power: tuple[PowerAt, ...]
    seconds_per_seed: float | None


def forecast(
    plan: Plan,
    store: Store,
    history: History,
    costs: CostModel,
    stated: Variances | None = None,
    *,
    require_exact: bool = False,
) -> tuple[ClaimForecast, ...]:
    """A forecast of every claim of `plan`, from the finished runs of the store; `stated` variances go before those.

    `require_exact`: as `exact: required` in the study.
    """
    pilots = Pilots(plan, store, history)
    return tuple(
        _forecast(
            claim, plan, pilots.basis(claim, stated), costs, reach_of(plan.study, claim, require_exact=require_exact)
        )
        for claim in plan.study.claims
    )


def _forecast(claim: Claim, plan: Plan, basis: Basis | None, costs: CostModel, reach: Reach) -> ClaimForecast:
    study = plan.study
    examples, sizes_of_clusters = plan.data.splits[REPORTED_SPLIT].rows, plan.data.cluster_sizes
    fixed = [study.arms[name].deterministic for name in (claim.a, claim.b)]
    design = _Design(
        # All that varies stands with A (see `Basis`), so what is paired or deterministic is so on B's side.
        (all(fixed), claim.design == "paired" or any(fixed)),
        2 if all(fixed) else len(study.seeds),
        examples,
        examples if sizes_of_clusters is None else len(sizes_of_clusters),
        reach,
    )
    smallest: float | None = None
    power: tuple[PowerAt, ...] = ()
    if basis is not None and design.seeds >= 2 and _varies(basis.components):
        sizes = (claim.margin,) if claim.margin is not None else METRICS[study.task.metric].differences
        if claim.type == "equivalence":
            smallest = design.margin(basis.components)
            power = tuple(design.equivalence(basis.components, size) for size in sizes)
        else:
            smallest = design.difference(basis.components)
            power = tuple(design.superiority(basis.components, size) for size in sizes)
    return ClaimForecast(
        claim=claim,
        metric=METRICS[study.task.metric],
        family=max(1, study.family),
        n_seeds=len(study.seeds),
        n_examples=examples,
        n_clusters=None if sizes_of_clusters is None else len(sizes_of_clusters),
        reach=reach,
        basis=basis,
        smallest=smallest,
        power=power,
        seconds_per_seed=_seconds_per_seed(claim, plan, costs),
    )


@dataclass(frozen=True, slots=True)
class _Design:
    fixed: tuple[bool, bool]
    seeds: int
    examples: int
    draws: int
    reach: Reach

    @property
    def level(self) -> float:
        return self.reach.level

    def _examples(self, draws: int | None) -> int | None:
        """Draws of examples (clusters, where there are any) counted in examples."""
        return None if draws is None else -(-draws * self.examples // self.draws)

    def difference(self, parts: Components) -> float:
        return detectable_crossed(parts, self.seeds, self.draws, POWER, self.level, deterministic=self.fixed)

    def margin(self, parts: Components) -> float:
        return attainable_margin(parts, self.seeds, self.draws, POWER, self.level, deterministic=self.fixed)

    def superiority(self, parts: Components, size: float) -> PowerAt:
        return PowerAt(
            size,
            power_crossed(size, parts, self.seeds, self.draws, self.level, deterministic=self.fixed),
            None
            if all(self.fixed)
            else seeds_for_crossed(
                size, parts, self.draws, POWER, self.level, deterministic=self.fixed, require_exact=self.reach.required
            ),
            self._examples(examples_for_crossed(size, parts, self.seeds, POWER, self.level, deterministic=self.fixed)),
        )

    def equivalence(self, parts: Components, size: float) -> PowerAt:
        return PowerAt(
            size,
            power_tost(size, parts, self.seeds, self.draws, self.level, deterministic=self.fixed),
            None
            if all(self.fixed)
            else seeds_for_tost(size, parts, self.draws, POWER, self.level, deterministic=self.fixed),
            self._examples(examples_for_tost(size, parts, self.seeds, POWER, self.level, deterministic=self.fixed)),
        )


def _varies(parts: Components) -> bool:
    return (parts.seed_a, parts.seed_b, parts.example, parts.residual_a, parts.residual_b) != (0.0, 0.0, 0.0, 0.0, 0.0)


def _seconds_per_seed(claim: Claim, plan: Plan, costs: CostModel) -> float | None:
    total = 0.0
    for name in (claim.a, claim.b):
        if plan.study.arms[name].deterministic:
            continue
        planned = plan.of_arm(name)
        estimate = costs.estimate(planned[0].spec) if planned else None
        if estimate is None:
            return None
        total += estimate.seconds
    return total
