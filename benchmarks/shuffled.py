"""A spec as the frameworks' own scripts take it."""

from __future__ import annotations

from seedwise_contract import RunSpec


def shuffled(spec: RunSpec) -> RunSpec:
    """`spec` with its rows in shuffled batches, as those scripts have them: what by_length saves is not the backend's merit."""
    assert spec.recipe is not None
    return spec.model_copy(update={"recipe": spec.recipe.model_copy(update={"batching": "shuffled"})})
