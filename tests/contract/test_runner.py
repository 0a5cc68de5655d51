"""One run by the contract's own runner: what a backend finds around it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from seedwise_contract.context import Roots
from seedwise_contract.exits import BackendError, ExitCode
from seedwise_contract.runner import run
from seedwise_contract.spec import RunSpec
from tests.contract.specs import SPEC


class Looking:
    """A backend that notes the devices it could see, and gives up."""

    seen: str | None = None

    def run(self, spec: RunSpec, context: Any) -> Any:
        self.seen = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise BackendError("seen enough")


@pytest.mark.parametrize(("kind", "seen"), [("cpu", ""), ("cuda", "3")])
def test_a_run_on_the_cpu_sees_no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, seen: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    spec = RunSpec.model_validate_json(json.dumps({**SPEC, "device": {**SPEC["device"], "kind": kind}}))
    looking: Any = Looking()
    assert run(looking, spec, Roots(tmp_path, tmp_path), tmp_path / "out") != ExitCode.COMPLETED
    assert looking.seen == seen
