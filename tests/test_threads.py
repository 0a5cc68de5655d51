"""The harness's own linear algebra keeps off the cores that runs train on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import Small

COUNT = "import numpy, os; numpy.ones((512, 512)) @ numpy.ones((512, 512)); print(len(os.listdir('/proc/self/task')))"


@pytest.mark.skipif(not os.path.isdir("/proc/self/task") or (os.cpu_count() or 1) < 2, reason="nothing to count")  # noqa: PTH112
@pytest.mark.parametrize("given", [None, "2"])
def test_the_command_computes_on_one_core_unless_told_otherwise(given: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if given is not None:
        environment["OPENBLAS_NUM_THREADS"] = given
    told = subprocess.run(
        [sys.executable, "-c", f"import seedwise.cli; {COUNT}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (told.stdout.strip() == "1") == (given is None)


def test_so_does_a_session_over_studies(small: Small) -> None:
    small.environment.pop("OPENBLAS_NUM_THREADS", None)
    (small.project.root / "conftest.py").write_text(
        "import os\n\ndef pytest_sessionfinish(session):\n    print('threads', os.environ['OPENBLAS_NUM_THREADS'])\n"
    )
    assert "threads 1" in small.pytest("benchmarks/small.yaml", "--no-record", "-s", "-k", "seed0").stdout
