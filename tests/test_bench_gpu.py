"""The main job on a CUDA device: environments in their cage, runs that share a device, the verdict that a device gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedwise.execution.engines.leases import usable_gpus
from tests.conftest import ROOT, with_our_backends

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.minutes,
    pytest.mark.skipif(not usable_gpus(), reason="no CUDA device is usable here"),
]
LITTLE = (
    ("{train: 800, selection: 150, test: 1000}", "{train: 96, selection: 16, test: 40}"),
    ("seeds: 4", "seeds: 2"),
    ("epochs: 3", "epochs: 1"),
)


def bench(root: Path, home: str, *words: str) -> tuple[str, dict[str, Path]]:
    """What the session prints, and arm and seed → run folder."""
    environment = {**os.environ, "SEEDWISE_HOME": str(root / home), "NO_COLOR": "1"}
    for name in ("MLFLOW_TRACKING_URI", "PYTEST_ADDOPTS", "SEEDWISE_DEVICE"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "little.yaml", "--runtime", "venv", *words]
    answer = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=900)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = {}
    for path in (root / home / "runs").glob("*/provenance.json"):
        arm, spec = json.loads(path.read_text())["arm"], json.loads((path.parent / "spec.json").read_text())
        found[f"{arm}-{spec['seeds']['seed']}"] = path.parent
    return answer.stdout, found


@pytest.mark.parametrize("study", ["pretrained-vs-random", "fairseq-pretrained-vs-random", "lora-vs-bitfit"])
def test_runs_that_share_a_device_are_as_alone(tmp_path: Path, study: str) -> None:
    with_our_backends(tmp_path)
    text = (ROOT / f"benchmarks/quick/{study}.yaml").read_text()
    for old, new in LITTLE:
        text = text.replace(old, new)
    (tmp_path / "little.yaml").write_text(text)
    said, alone = bench(tmp_path, "alone")
    assert "device: cuda" in said or "cuda" in said.splitlines()[4], said[:2000]
    _, shared = bench(tmp_path, "shared", "--runs-per-gpu", "3")
    assert alone.keys() == shared.keys()
    assert len(alone) >= 4
    for name, folder in alone.items():
        one, other = ((place / "predictions/test.jsonl").read_bytes() for place in (folder, shared[name]))
        assert one == other, name
        device = json.loads((folder / "environment.json").read_text())["device"]
        assert (device == "cpu") == name.startswith("tfidf"), name
