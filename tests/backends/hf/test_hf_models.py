"""The hf backend and the models it is given: what check says of a spec, and the suite's own model, which trains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seedwise_contract import ExitCode
from tests.backends.hf.conftest import Python
from tests.backends.variants import (
    Job,
    many,
)
from tests.backends.workplace import Outcome, Workplace, call

pytestmark = pytest.mark.minutes


def test_check_lists_every_fault_without_torch(place: Workplace, hf_python: str) -> None:
    faulty = place.spec(
        {
            "method": {"name": "full", "parameters": {"rank": 2}},
            "recipe.schedule": {"name": "linear", "warmup_updates": 19, "power": 1.0, "end_lr": 0.5},
            "recipe.max_length": 65,
        }
    )
    path = place.write("faulty", faulty)
    code = (
        "import sys; from seedwise_contract.command import main; from seedwise_hf.backend import HfBackend; "
        f"code = main(HfBackend(), ['check', {str(path)!r}, '--models', {str(place.models)!r}]); "
        "main(HfBackend(), ['describe']); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    told = call([hf_python, "-c", code], "hf")
    assert told.returncode == ExitCode.BAD_SPEC, told.stderr
    for fault in (
        "method.parameters.rank: found 2",
        "recipe.schedule.warmup_updates: found 19; at most the 18 updates",
        "recipe.schedule.end_lr: found 0.5",
        "recipe.max_length: found 65; at most the model's 64 positions",
    ):
        assert fault in told.stderr
    described = json.loads(told.stdout)
    assert described["methods"] == ["full"]
    assert described["deterministic_methods"] == []


def test_the_real_model_trains(place: Workplace, python: Python, tmp_path: Path) -> None:
    """MiniLM, where the suite's cache has it: its pretrained encoder is the one that trains."""
    from seedwise.project import find_project

    found = sorted((find_project(Path(__file__)).cache / "models").glob("minilm-l6-*/config.json"))
    if not found:
        pytest.skip("the asset minilm-l6 is not in the cache; `seedwise plan` fetches it")
    link = place.models / "minilm"
    link.symlink_to(found[0].parent)
    changes = {
        "model": place.model("minilm"),
        "recipe.epochs": 1,
        "recipe.optimizer.lr": 1e-4,
        "recipe.optimizer.decay_on": "matrices",
    }
    kinds = ("pretrained", "random")
    jobs = [Job(f"minilm {kind}", place.spec({**changes, "initialisation": kind})) for kind in kinds]
    assert many(python, place, jobs, "hf") == [0, 0]
    pretrained, drawn = (Outcome(place.out(f"minilm {kind}")) for kind in kinds)
    assert pretrained.initial != drawn.initial
    assert pretrained.parameters["trainable"] == drawn.parameters["trainable"] == 22_713_986
    assert pretrained.parameters["trainable_head"] == 384 * 2 + 2
