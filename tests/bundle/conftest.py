"""A bundle of the fake backend's runs: made once, a copy for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedwise.bundle import pack
from tests.conftest import Small
from tests.report.outcomes import Lab


@pytest.fixture
def finished(small: Small) -> Path:
    """The bundle of a study that is finished in `small`."""
    out = small.project.root / "evidence.zip"
    assert small.pytest("benchmarks/small.yaml", "--no-record").returncode == 0
    answer = small.here("bundle", "benchmarks/small.yaml", "--out", str(out))
    assert answer.exit_code == 0, answer.stderr
    return out


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A bundle made of run folders that obey the contract, without running anything."""
    lab = Lab(tmp_path_factory.mktemp("lab"), name="small", seeds=4, examples=40, baseline=False)
    lab.run()
    source = lab.root / "small.yaml"
    source.write_text(lab.study().model_dump_json(indent=1))
    lab.store.declare(lab.study().declaration())
    return pack([(lab.plan(), source)], lab.store)


@pytest.fixture
def bundle(made: bytes, tmp_path: Path) -> Path:
    copy = tmp_path / "evidence.zip"
    copy.write_bytes(made)
    return copy
