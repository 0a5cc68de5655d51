"""What it costs to hold numerical libraries to AVX2: the same training steps with and without, in turn, each in a process of its own.

    python benchmarks/instructions.py --python PYTHON-OF-THE-HF-ENVIRONMENT

Prints the medians of an update's seconds for both, their ratio, torch's own word for the kernels it uses, and a digest of the trained
weights: whoever has two kinds of processor can see whether the digests of `avx2` agree.  Where there is a C compiler, both are also
done where oneMKL takes the processor for another maker's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.backends.other_maker import shim  # noqa: E402

TURNS, UPDATES = 3, 30

STEPS = """
import hashlib, json, sys, time
from seedwise_contract.processor import hold
from seedwise_contract.torch_device import set_determinism, set_environment
set_environment(1)
hold(sys.argv[1] if sys.argv[1] != "native" else None)
import torch
from transformers import BertConfig, BertForSequenceClassification
switches = set_determinism(1)
torch.manual_seed(1)
config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
model = BertForSequenceClassification(config).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
draw, seconds = torch.Generator().manual_seed(2), []
for update in range(int(sys.argv[2])):
    ids = torch.randint(5, 30000, (8, 27), generator=draw)
    begun = time.perf_counter()
    model(ids, labels=ids[:, 0] % 2).loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    seconds.append(time.perf_counter() - begun)
digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
print(json.dumps({"seconds": sorted(seconds)[len(seconds) // 2], "kernels": switches["torch.cpu_capability"], "weights": digest[:16]}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="a Python with the hf backend's packages")
    arguments = parser.parse_args()
    paths = [str(ROOT / "backends" / name / "src") for name in ("contract", "hf")]
    told: dict[str, list[dict[str, object]]] = {"native": [], "avx2": []}

    def steps(kind: str, more: dict[str, str]) -> dict[str, object]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}
        command = [arguments.python, "-c", STEPS, kind, str(UPDATES)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))

    for turn in range(TURNS):
        for kind in told if turn % 2 else reversed(told):
            told[kind].append(steps(kind, {}))
    medians = {kind: statistics.median(float(str(one["seconds"])) for one in found) for kind, found in told.items()}
    for kind, found in told.items():
        weights = {str(one["weights"]) for one in found}
        print(
            f"{kind}: {medians[kind]:.4f} s an update, kernels {found[0]['kernels']}, weights {', '.join(sorted(weights))}"
        )
    print(f"ratio {medians['avx2'] / medians['native']:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        library = shim(Path(folder))
        for kind in told if library else ():
            print(f"{kind}, taken for another maker's: weights {steps(kind, {'LD_PRELOAD': str(library)})['weights']}")


if __name__ == "__main__":
    main()
