"""A project in whose environment a package with an engine is installed, as somebody else's would be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, Small
from tests.execution.engines.shared_project import unbroken

SEEDS = 6


@pytest.fixture
def added(small: Small, tmp_path: Path) -> Small:
    place = tmp_path / "packages"
    place.mkdir()
    shutil.copy(ROOT / "tests/fakes/process_engine.py", place)
    known = place / "process_engine-1.0.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: process-engine\nVersion: 1.0\n")
    (known / "entry_points.txt").write_text(
        "[seedwise.engines]\nprocesses = process_engine:Processes\nbroken = process_engine_that_is_not_there:Engine\n"
        "unwilling = process_engine:unwilling\n"
    )
    small.environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    return small


@pytest.fixture(scope="session")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of the slow study with `SEEDS` seeds, by a session of this machine that nothing happens to: run → sha256."""
    return unbroken(tmp_path_factory.mktemp("unbroken") / "seed", SEEDS)
