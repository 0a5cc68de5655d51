"""probing_backend.py NAME FLAW VERB …: the fake backend under another name, with the verb `probe`; FLAW spoils one figure."""

import io
import sys

import numpy as np
from fake_backend import FakeBackend

from seedwise_contract import Description, RunSpec
from seedwise_contract.command import main
from seedwise_contract.context import RunContext
from seedwise_contract.files import write_whole
from seedwise_contract.probe import HIDDEN, LOGITS, DecayGroup, ProbedRow, ProbeRequest, ProbeResult

name, flaw = sys.argv[1:3]


class ProbingBackend(FakeBackend):
    def describe(self) -> Description:
        verbs = ["describe", "check", "run", *([] if flaw == "mute" else ["probe"])]
        return super().describe().model_copy(update={"backend": name, "verbs": verbs})

    def probe(self, spec: RunSpec, request: ProbeRequest, context: RunContext) -> ProbeResult:
        if flaw == "crash":
            raise RuntimeError("a fault in the probe")
        for file, width in ((HIDDEN, 4), (LOGITS, 2)):
            buffer = io.BytesIO()
            np.save(buffer, np.full((request.rows, width), 2e-4 if flaw == file else 0.0, dtype="<f4"))
            write_whole(context.files.folder / file, buffer.getvalue())
        seed = spec.seeds.initialisation
        return ProbeResult(
            contract=1,
            backend=name,
            packages={},
            rows=[ProbedRow(id=str(n), tokens=1) for n in range(request.rows)],
            groups=[DecayGroup(weight_decay=0.01 if flaw == "decay" else 0.0, parameters=3)],
            trainable=3,
            trainable_head=3,
            head_sha256=f"{0 if flaw == 'seedless' else seed:064x}",
            updates=spec.total_updates,
            learning_rates=[1e-3 * (1 + 1e-6 * (flaw == "rate"))] * spec.total_updates,
            clip_norm=1.0 if flaw == "clip" else None,
            epochs=["0" * 64] * (1 + (flaw == "order")),
            losses=[
                0.7 + (flaw == "first" and n == 0) * 1e-4 + (flaw == "losses") * n / 100 for n in range(request.updates)
            ],
            grad_norms=[1.0] * request.updates,
        )


if __name__ == "__main__":
    sys.exit(main(ProbingBackend(), sys.argv[3:]))
