"""How long runs will take, from the runs of the store: those that are alike, or else those of the same backend and model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from seedwise.store.store import StoredRun
from seedwise_contract import RunSpec


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of one run; `basis` says whether runs of the same kind were measured, or only the throughput of the backend."""

    seconds: float
    basis: Literal["same runs", "same backend and model"]
    measured: int


class CostModel:
    def __init__(self, runs: Iterable[StoredRun]) -> None:
        alike: dict[str, list[float]] = {}
        rates: dict[str, list[float]] = {}
        for run in runs:
            seconds = run.result.timings.total
            alike.setdefault(kind_of(run.spec), []).append(seconds)
            work = work_of(run.spec)
            if work:
                rates.setdefault(family_of(run.spec), []).append(seconds / work)
        # Mean and number, once: thousands of runs may be asked for, and have thousands like them.
        self._alike = {kind: (fmean(found), len(found)) for kind, found in alike.items()}
        self._rates = {family: (fmean(found), len(found)) for family, found in rates.items()}

    def estimate(self, spec: RunSpec) -> Estimate | None:
        """What a run of `spec` takes; None where nothing like it has been measured."""
        if (alike := self._alike.get(kind_of(spec))) is not None:
            return Estimate(alike[0], "same runs", alike[1])
        work = work_of(spec)
        if work and (rates := self._rates.get(family_of(spec))) is not None:
            return Estimate(rates[0] * work, "same backend and model", rates[1])
        return None


def kind_of(spec: RunSpec) -> str:
    """What decides a run's duration: everything in the spec but its seeds and the way it is initialised."""
    return _key(spec.model_dump(mode="json", exclude={"seeds", "initialisation"}))


def family_of(spec: RunSpec) -> str:
    """What decides a run's time for a training example, to begin with."""
    model = spec.model.name if spec.model else None
    return _key({"backend": spec.backend, "model": model, "device": spec.device.model_dump(mode="json")})


def work_of(spec: RunSpec) -> int:
    """Training examples seen; a run without a recipe has none to scale by."""
    return spec.total_updates * spec.recipe.batch_size * spec.recipe.accumulation if spec.recipe else 0


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
