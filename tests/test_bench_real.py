"""The main job with the real backends on a little real work: in containers, in environments, and into MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from seedwise.assets.prepare import data_root
from seedwise.images.engine import answers
from seedwise.images.lock import entries, local_path
from seedwise.project import Project, find_project
from seedwise_contract.conformance import breaches
from seedwise_contract.files import sha256_file
from tests.conftest import ROOT, with_our_backends
from tests.runtimes.conftest import usable_base
from tests.runtimes.podman_store import podman_with
from tests.runtimes.user import user_of

pytestmark = pytest.mark.minutes


@dataclass(frozen=True)
class Real:
    project: Project
    environment: dict[str, str]

    def bench(self, runtime: str, *study: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            asked(runtime, *study),
            cwd=self.project.root,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=900,
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


def asked(runtime: str, study: str = "little.yaml", *options: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:benchmark", study, "--runtime", runtime, *options]


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


@pytest.mark.docker
@pytest.mark.slow
def test_the_same_bits_in_all_runtimes(real: Real, tmp_path: Path) -> None:
    """Scores and predictions of sklearn's arms, whose image Docker builds and the others get as an archive."""
    if (problem := answers()) is not None:
        pytest.skip(f"no Docker engine answers: {problem}")
    bare = yaml.safe_load((real.project.root / "little.yaml").read_text())
    tfidf = {**bare["arms"]["tfidf"], "baseline": False}
    wider = {
        **tfidf,
        "method": {**tfidf["method"], "parameters": {**tfidf["method"]["parameters"], "c": 1.0}},
    }
    changed = {
        "name": "bare",
        "arms": {"tfidf": tfidf, "wider": wider},
        "claims": [{"name": "c", "a": "wider", "b": "tfidf"}],
    }
    (real.project.root / "bare.yaml").write_text(yaml.safe_dump({**bare, **changed}))
    baseline = ("bare.yaml", "--no-record")
    for runtime in ("venv", "docker"):
        answer = real.bench(runtime, *baseline)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    folder = real.folders("docker")["wider-0"]
    digest = json.loads((folder / "provenance.json").read_text())["digest"]
    image = next(entry for entry in entries(real.project) if entry.digest == digest)
    with podman_with(tmp_path, image.image_id) as settings:
        other = replace(real.project, home=tmp_path / "home")  # of one image, the runs have the same ids
        other.home.mkdir()
        if local_path(real.project).is_file():
            shutil.copy(local_path(real.project), other.home)
        answer = real.bench("podman", *baseline, SEEDWISE_HOME=str(other.home), **settings)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = {runtime: said_by(real.folders(runtime)) for runtime in ("venv", "docker")}
    found["podman"] = said_by(Real(other, {}).folders("podman"))
    with user_of(real.project, image, "sw-bits", "apptainer") as user:
        for kind in ("assets", "data"):  # what the study needs of the cache, and nothing is fetched
            for place in (real.project.cache / kind).iterdir():
                if place.is_dir() and place.name.startswith("rotten-tomatoes-"):
                    shutil.copytree(place, user.folder / "cache" / kind / place.name)
        subprocess.run(["chown", "-R", f"{user.name}:{user.name}", str(user.folder)], check=True)
        user.environment.update(
            SEEDWISE_HOME=str(user.folder / "home"), SEEDWISE_CACHE=str(user.folder / "cache"), SEEDWISE_DEVICE="cpu"
        )
        told = subprocess.run(
            user.command(*asked("apptainer", *baseline, "-p", "no:cacheprovider")),
            cwd=user.folder / "project",
            env=user.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert told.returncode == 0, told.stdout + told.stderr
        its = Real(replace(real.project, home=user.folder / "home"), {})
        found["apptainer"] = said_by(its.folders("apptainer"))
    assert set(json.loads(found["docker"])) == {"tfidf-0", "wider-0"}
    assert len(set(found.values())) == 1, found


def said_by(folders: Mapping[str, Path]) -> str:
    """The metrics of both arms, and the sha256 of their predictions."""
    said = {}
    for arm in sorted(folders):
        metrics = json.loads((folders[arm] / "result.json").read_text())["metrics"]
        said[arm] = (metrics, sha256_file(folders[arm] / "predictions/test.jsonl"))
    return json.dumps(said, sort_keys=True)
