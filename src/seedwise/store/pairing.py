"""Whether two arms truly share their seeds: what a claim that is declared `paired` is checked for."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from seedwise.store.store import StoredRun
from seedwise_contract import ParameterTable, RunSpec
from seedwise_contract.files import read_record


def not_shared(a: Mapping[int, StoredRun], b: Mapping[int, StoredRun]) -> str | None:
    """Why seed i of A and seed i of B are no one draw; None where they are.

    They are where each pair has the same backend image, data and seed streams, the same initial weights to train (by digest), and
    takes the data in the same batches for as long, so that the same order is drawn from the same stream.
    """
    if set(a) != set(b):
        return f"the arms do not have the same seeds: {sorted(set(a) ^ set(b))} are in one of them only"
    for seed in sorted(a):
        first, second = a[seed], b[seed]
        if first.provenance.digest != second.provenance.digest:
            return f"seed {seed}: the runs are from two backend images, which draw from a seed in their own ways"
        if first.spec.seeds != second.spec.seeds or first.spec.task != second.spec.task:
            return f"seed {seed}: the runs differ in their data or their seed streams"
        if _batches(first.spec) != _batches(second.spec):
            return f"seed {seed}: the arms take the data in other batches, so their orders differ"
        digests = _initial(first), _initial(second)
        if None in digests:
            return f"seed {seed}: a run does not say with which weights it began"
        if digests[0] != digests[1]:
            return f"seed {seed}: the arms began with other weights to train"
    return None


def _batches(spec: RunSpec) -> tuple[int, int, int, str] | None:
    recipe = spec.recipe
    return None if recipe is None else (recipe.batch_size, recipe.accumulation, recipe.epochs, recipe.batching)


def _initial(run: StoredRun) -> str | None:
    try:
        table = ParameterTable.model_validate_json(read_record(run.files.parameters))
    except (OSError, ValidationError):
        return None
    return table.initial_trainable_sha256
