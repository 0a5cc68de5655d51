"""The variances that a plan reckons with: from runs in the store, or stated, or assumed, and always said which."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import combinations, islice
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seedwise.errors import SeedwiseError
from seedwise.planning.plan import Plan
from seedwise.stats import Clusters, Components, CrossedResult, crossed, crossed_paired, pilot_components
from seedwise.store.history import History, arm_kind, example_scores, latest_of_each_seed
from seedwise.store.store import Store, StoredRun
from seedwise.study.metric import METRICS
from seedwise.study.model import Claim, Variances

# What accuracies of fine-tuned encoders look like in our own simulations: 1 point between seeds; .06 of the arms' difference
# belongs to single examples for good, and .05 of each arm's scores is one seed's whim on one example.
ASSUMED = Components(seed_a=1e-4, seed_b=1e-4, example=0.06, residual_a=0.05, residual_b=0.05)
OTHERS = 12  # arms, at most, whose runs on the same test file stand in for those of a claim
ALIKE = 0.1  # assumed correlation of the arms' difference between examples of one cluster, where none was measured


@dataclass(frozen=True, slots=True)
class Basis:
    """Variances of a claim's arms, where they come from, and a sentence that says so.

    Where examples come in clusters, they are of the clusters' scores. For arms with shared seeds, and against a deterministic
    arm, all that varies stands with A.
    """

    components: Components
    source: Literal["pilot", "same task", "stated", "assumed"]
    words: str


class Pilots:
    """The finished runs on a plan's test file, by arm."""

    def __init__(self, plan: Plan, store: Store, history: History) -> None:
        self._plan = plan
        self._metric = METRICS[plan.study.task.metric]
        self._store = store
        self._runs = history.kinds(plan)
        self._scores: dict[str, NDArray[np.float64] | None] = {}
        self._clusters: Clusters | None = None
        self._sizes = plan.data.cluster_sizes

    def basis(self, claim: Claim, stated: Variances | None = None) -> Basis | None:
        """The best there is for `claim`: `stated` (options of this call), pilots of its arms, the study's own `variances`,
        runs of other arms on the same test file, the default. None for a metric whose variances nobody can guess."""
        fixed = self._fixed(claim)
        found = None if _says(stated) is None else self._stated(claim, _says(stated), "given")
        if found is None and _says(stated) is not None:
            return None  # only a part of what was asked to reckon with is there
        found = found or self._of_arms(claim)
        if found is None and (own := _says(self._plan.study.variances)) is not None:
            found = self._stated(claim, own, "stated in the study")
        found = found or self._of_task(claim, fixed)
        if found is None and self._assumed is not None:
            words = "no run has been measured yet: 1 point between seeds, and the arms differ on examples as our simulations do"
            found = Basis(_arranged(self._of_clusters(self._assumed), claim, fixed), "assumed", f"{words}{self._alike}")
        return found

    def _fixed(self, claim: Claim) -> tuple[bool, bool]:
        arms = self._plan.study.arms
        return arms[claim.a].deterministic, arms[claim.b].deterministic

    @property
    def _assumed(self) -> Components | None:
        """Nobody can guess the variances of a perplexity, which depend on the model, the vocabulary and the text."""
        return ASSUMED if self._metric.name == "accuracy" else None

    def _stated(self, claim: Claim, said: Variances | None, how: str) -> Basis | None:
        """None where only one of the two is stated and nothing stands in for the other."""
        assert said is not None
        assumed = self._assumed
        if assumed is None and None in (said.sd_seeds, said.sd_examples):
            return None
        defaults = (0.0, 0.0) if assumed is None else (assumed.seed_a**0.5, assumed.example**0.5)
        deviations, parts = [], []
        for what, value, default in (
            ("sd between seeds", said.sd_seeds, defaults[0]),
            ("sd of the difference between examples", said.sd_examples, defaults[1]),
        ):
            deviations.append(default if value is None else value)
            size = f"{self._metric.scale * deviations[-1]:g} {self._metric.counted}"
            parts.append(f"{'assumed' if value is None else how} {what} {size}")
        seed, example = (deviation**2 for deviation in deviations)
        components = Components(seed_a=seed, seed_b=seed, example=example, residual_a=0.0, residual_b=0.0)
        components = self._of_clusters(components)
        return Basis(_arranged(components, claim, self._fixed(claim)), "stated", "; ".join(parts) + self._alike)

    def _of_clusters(self, components: Components) -> Components:
        """Variances of examples as those of the scores of clusters: what belongs to examples is alike within one."""
        if self._sizes is None:
            return components
        share = len(self._sizes) / sum(self._sizes)
        mean_size = sum(size**2 for size in self._sizes) / sum(self._sizes)  # of the cluster that an example lies in
        return replace(
            components,
            example=components.example * share * (1.0 + (mean_size - 1.0) * ALIKE),
            residual_a=components.residual_a * share,
            residual_b=components.residual_b * share,
        )

    @property
    def _alike(self) -> str:
        return "" if self._sizes is None else f"; assumed correlation within clusters {ALIKE:g}"

    def _of_arms(self, claim: Claim) -> Basis | None:
        """Runs of both of the claim's arms, whatever their seeds."""
        fixed = self._fixed(claim)
        found = [self._group(name) for name in (claim.a, claim.b)]
        if any(len(runs) < (1 if still else 2) for (_, runs), still in zip(found, fixed, strict=True)):
            return None
        a, b = (self._matrix(kind) for kind, _ in found)
        if a is None or b is None:
            return None
        if claim.design == "paired":
            shared = sorted({r.spec.seeds.seed for r in found[0][1]} & {r.spec.seeds.seed for r in found[1][1]})
            rows = [[[r.spec.seeds.seed for r in runs].index(seed) for seed in shared] for _, runs in found]
            pairs = a[rows[0]], b[rows[1]]
            result = crossed_paired(*pairs, clusters=self._clusters) if len(shared) > 1 else None
        else:
            a, b = (scores[:1] if still else scores for scores, still in zip((a, b), fixed, strict=True))
            result = crossed(a, b, deterministic_a=fixed[0], deterministic_b=fixed[1], clusters=self._clusters)
        if not isinstance(result, CrossedResult):
            return None
        counts = [f"{len(runs)} of {name}" for name, (_, runs) in zip((claim.a, claim.b), found, strict=True)]
        words = (
            f"from {' and '.join(counts)} finished runs in the store (few seeds know the variance between seeds badly)"
        )
        return Basis(_with_seeds_first(pilot_components(result), fixed), "pilot", words)

    def _of_task(self, claim: Claim, fixed: tuple[bool, bool]) -> Basis | None:
        """Runs of other arms on the same test file: their mean variances, and what pairs of them differ by on examples.

        Of the arms that were begun last, as many as tell enough: there may be hundreds, and every two of them are a pair.
        """
        usable = (kind for kind in self._runs if len(self._seeds(kind)) > 1 and self._matrix(kind) is not None)
        groups = {kind: self._seeds(kind) for kind in islice(usable, OTHERS)}
        singles, pairs = [], []
        for kind in groups:
            scores = self._matrix(kind)
            assert scores is not None
            zero = np.zeros((1, scores.shape[1]))
            alone = crossed(scores, zero, deterministic_b=True, clusters=self._clusters)
            if isinstance(alone, CrossedResult):
                singles.append(pilot_components(alone))
        for first, second in combinations(groups, 2):
            one, other = self._matrix(first), self._matrix(second)
            result = None
            if one is not None and other is not None:
                result = crossed(one, other, clusters=self._clusters)
            if isinstance(result, CrossedResult):
                pairs.append(pilot_components(result).example)
        if not singles:
            return None
        if not pairs and self._assumed is None:
            return None
        seed, residual = fmean(c.seed_a for c in singles), fmean(c.residual_a for c in singles)
        example = fmean(pairs) if pairs else self._of_clusters(ASSUMED).example
        names = sorted({f"{run.provenance.study}/{run.provenance.arm}" for runs in groups.values() for run in runs})
        words = f"from {sum(map(len, groups.values()))} earlier runs on this test file ({', '.join(names)})"
        if not pairs:
            words += "; how the arms differ between examples is assumed"
        components = Components(seed, seed, example, residual, residual)
        return Basis(_arranged(components, claim, fixed), "same task", words)

    def _group(self, arm: str) -> tuple[str, list[StoredRun]]:
        planned = self._plan.of_arm(arm)
        kind = arm_kind(planned[0].spec) if planned else ""
        return kind, self._seeds(kind)

    def _seeds(self, kind: str) -> list[StoredRun]:
        return latest_of_each_seed(self._runs.get(kind, ()))

    def _matrix(self, kind: str) -> NDArray[np.float64] | None:
        if kind not in self._scores:
            try:
                found = example_scores(self._seeds(kind), self._store, self._plan.data.group_of)
                self._scores[kind], self._clusters = found
            except (SeedwiseError, OSError, ValueError):
                self._scores[kind] = None
        return self._scores[kind]


def _says(variances: Variances | None) -> Variances | None:
    said = variances is not None and not (variances.sd_seeds is None and variances.sd_examples is None)
    return variances if said else None


def _arranged(components: Components, claim: Claim, fixed: tuple[bool, bool]) -> Components:
    """Independent arms' variances as the claim's design has them: pairs without anything gained by pairing, all with A."""
    parts = asdict(components)
    if claim.design == "paired":
        parts["seed_a"], parts["residual_a"] = (
            parts["seed_a"] + parts["seed_b"],
            parts["residual_a"] + parts["residual_b"],
        )
        parts["seed_b"] = parts["residual_b"] = 0.0
        return Components(**parts)
    for side, still in zip("ab", fixed, strict=True):
        if still:
            parts[f"seed_{side}"] = parts[f"residual_{side}"] = 0.0
    return _with_seeds_first(Components(**parts), fixed)


def _with_seeds_first(components: Components, fixed: tuple[bool, bool]) -> Components:
    """The arm with seeds as A where the other is deterministic; the difference has the same variance either way."""
    if not (fixed[0] and not fixed[1]):
        return components
    return Components(
        components.seed_b, components.seed_a, components.example, components.residual_b, components.residual_a
    )
