"""The main job with the real backends on a little real work: in containers, in environments, and into MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from seedwise.assets.prepare import data_root
from seedwise.images.engine import answers
from seedwise.project import Project, find_project
from seedwise_contract.conformance import breaches
from tests.conftest import ROOT, with_our_backends
from tests.runtimes.conftest import usable_base

pytestmark = pytest.mark.minutes


@dataclass(frozen=True)
class Real:
    project: Project
    environment: dict[str, str]

    def bench(self, runtime: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "little.yaml", "--runtime", runtime]
        return subprocess.run(
            command, cwd=self.project.root, env=self.environment, capture_output=True, text=True, timeout=900
        )

    def folders(self, runtime: str) -> dict[str, Path]:
        """Arm and seed → run folder, of what a runtime has finished."""
        found = {}
        for path in self.project.runs.glob("*/provenance.json"):
            said = json.loads(path.read_text())
            if said["runtime"] == runtime and (path.parent / "result.json").exists():
                spec = json.loads((path.parent / "spec.json").read_text())
                found[f"{said['arm']}-{spec['seeds']['seed']}"] = path.parent
        return found


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    """This checkout's backends in a project of its own, with the quick study made little; caches are the user's own."""
    root = tmp_path_factory.mktemp("real")
    with_our_backends(root)
    text = (ROOT / "benchmarks/quick/pretrained-vs-random.yaml").read_text()
    for old, new in (
        ("{train: 800, selection: 150, test: 1000}", "{train: 48, selection: 16, test: 40}"),
        ("seeds: 4", "seeds: 2"),
        ("epochs: 3", "epochs: 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    (root / "little.yaml").write_text(text)
    environment = {**os.environ, "SEEDWISE_HOME": str(root / "home"), "SEEDWISE_DEVICE": "cpu", "NO_COLOR": "1"}
    for name in ("MLFLOW_TRACKING_URI", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    found = find_project(root)
    return Real(Project(found.root, root / "home", found.cache, None), environment)


def conforms(real: Real, runtime: str) -> None:
    answer = real.bench(runtime)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"runtime: {runtime}" in answer.stdout
    assert (
        "pretraining-helps: undecided (unattainable)" in answer.stdout
    )  # two seeds an arm: said, rather than called insignificant
    assert "MLflow: 9 added" in answer.stdout  # comparison, three arms, five runs
    folders = real.folders(runtime)
    assert sorted(folders) == ["pretrained-0", "pretrained-1", "random-0", "random-1", "tfidf-0"]
    for folder in folders.values():
        assert breaches(folder, data_root(real.project)) == []
    again = real.bench(runtime)
    assert again.stdout.count("(done before)") == 5
    assert "MLflow: 0 added, 9 unchanged" in again.stdout


def test_in_environments(real: Real) -> None:
    conforms(real, "venv")
    page = next(real.project.reports.glob("*/report.html")).read_text()
    assert "Does pretraining help" in page


@pytest.mark.docker
def test_in_containers_with_the_same_bits(real: Real) -> None:
    if (problem := answers()) is not None:
        pytest.skip(f"no Docker engine answers: {problem}")
    if usable_base() is None:
        pytest.skip("no base image here: 'sudo sh docker/debian-base.sh' makes one")
    conforms(real, "docker")
    contained, bare = real.folders("docker"), real.folders("venv")
    for name in contained.keys() & bare.keys():
        one, other = ((folder / "predictions/test.jsonl").read_bytes() for folder in (contained[name], bare[name]))
        assert one == other, f"{name}: a container and an environment of one lock give different scores"
