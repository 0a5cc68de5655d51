"""The runs of a bundle as a store: what a bundle leaves out is not asked for."""

from __future__ import annotations

from seedwise.bundle.layout import RUN_FILES
from seedwise.store.store import Store
from seedwise_contract import RunResult


class Evidence(Store):
    """Runs that were unpacked from a bundle.  A result names the files that the bundle holds, and no others: logs, events,
    answers and checkpoints stay where the runs were made, so that a report made of it has no curves.
    """

    def result(self, identity: str) -> RunResult | None:
        result = super().result(identity)
        if result is None:
            return None
        held = {name: digest for name, digest in result.files.items() if name in RUN_FILES}
        return result.model_copy(update={"files": held})
