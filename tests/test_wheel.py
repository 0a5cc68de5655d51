"""The wheel, installed into a fresh environment outside the checkout: what a user gets from `pip install seedwise`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from seedwise.images.definition import PackageBackend, load_definition
from seedwise.images.sources import sources_of
from seedwise.project import find_project
from tests.conftest import ROOT, small_project
from tests.plugin.test_guest import own_project

pytestmark = pytest.mark.minutes

DIGESTS = """
import json, sys
from pathlib import Path
from seedwise.images.definition import PackageBackend, load_definition
from seedwise.images.sources import sources_of
from seedwise.project import find_project
project = find_project(Path.cwd())
definition = load_definition(project)
print(json.dumps({
    f"{name}-{flavour}": [s.digest, s.image_digest]
    for name, backend in definition.backends.items() if isinstance(backend, PackageBackend)
    for flavour in backend.flavours
    for s in [sources_of(project, definition, name, flavour)]
}))
"""


@dataclass(frozen=True)
class Installed:
    python: Path
    folder: Path

    def call(self, *words: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEEDWISE_", "PYTHON"))}
        environment = {**kept, "SEEDWISE_CACHE": str(self.folder / "cache"), "COLUMNS": "160", "NO_COLOR": "1", **more}
        return subprocess.run(
            [str(self.python), *words],
            cwd=cwd or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
        )


def pip(python: Path, *words: str) -> None:
    answer = subprocess.run([str(python), "-m", "pip", *words], capture_output=True, text=True)
    if answer.returncode and "No matching distribution" in answer.stderr:
        pytest.skip(f"the package index is out of reach: {answer.stderr[-200:]}")
    assert answer.returncode == 0, answer.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip(Path(sys.executable), "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    return next(folder.glob("seedwise-*.whl"))


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel alone, with what it depends on; versions are those of the lock."""
    return installed(wheel, tmp_path_factory.mktemp("core"), "")


def installed(wheel: Path, folder: Path, extras: str) -> Installed:
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    pinned = [line.rstrip("\\ ") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{line}\n" for line in pinned))
    pip(python, "install", "-q", "--disable-pip-version-check", "-c", str(constraints), f"{wheel}{extras}")
    return Installed(python, folder)


def test_the_core_is_small_and_says_what_is_missing(core: Installed) -> None:
    listed = json.loads(core.call("-m", "pip", "list", "--format=json").stdout)
    names = {package["name"] for package in listed}
    assert not names & {"docker", "mlflow", "matplotlib", "pytest", "pandas", "huggingface-hub", "huggingface_hub"}
    assert len(names) < 30
    rows = [f"{arm},{seed},{0.8 + 0.01 * seed + (0.05 if arm == 'a' else 0)}" for arm in "ab" for seed in range(5)]
    (core.folder / "scores.csv").write_text("\n".join(["arm,seed,score", *rows]) + "\n")
    compared = core.call("-m", "seedwise", "compare", "scores.csv")
    assert compared.returncode == 0, compared.stderr
    assert "a against b: a better" in compared.stdout
    told = core.call("-m", "seedwise", "bench")
    assert told.returncode == 2
    assert told.stderr == (
        "pytest is not installed; it comes with the extra 'bench': python -m pip install 'seedwise[bench]' "
        "(or: uv tool install 'seedwise[bench]')\n"
    )
    listing = core.call("-m", "seedwise", "--help")
    assert listing.returncode == 0
    assert "compare" in listing.stdout
    schema = core.call("-m", "seedwise", "schema")
    assert json.loads(schema.stdout)["title"] == "Seedwise study"


def test_backends_of_the_wheel_have_the_digests_of_the_checkout(core: Installed) -> None:
    (core.folder / "seedwise.toml").write_text("")
    answer = core.call("-c", DIGESTS)
    assert answer.returncode == 0, answer.stderr
    project = find_project(ROOT)
    definition = load_definition(project)
    expected = {}
    for name, backend in definition.backends.items():
        assert isinstance(backend, PackageBackend)
        for flavour in backend.flavours:
            sources = sources_of(project, definition, name, flavour)
            expected[f"{name}-{flavour}"] = [sources.digest, sources.image_digest]
    assert json.loads(answer.stdout) == expected
    (core.folder / "seedwise.toml").unlink()


def test_a_study_is_run_from_the_wheel_outside_any_checkout(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    full = installed(wheel, tmp_path_factory.mktemp("bench"), "[bench]")
    small = small_project(tmp_path)
    root = own_project(small)
    settings = {name: value for name, value in small.environment.items() if name.startswith("SEEDWISE_")}
    answer = full.call("-m", "seedwise", "bench", "studies", "--gate", cwd=root, **settings)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "claim[learning-helps] supported (A better)" in answer.stdout
    assert (small.project.reports / "small" / "report.html").is_file()
    assert not list(root.glob("docker/*"))
    real(full, root, settings)


def real(full: Installed, root: Path, settings: dict[str, str]) -> None:
    """With the sklearn backend that the wheel carries, in an environment made from the lock that it carries."""
    study = root / "studies" / "small.yaml"
    parameters = "{ngram_max: 1, sublinear_tf: true, min_df: 1, c: 1.0, max_iter: 100}"
    arm = (
        "  words: {backend: sklearn, baseline: true, deterministic: true, recipe: null, "
        f"method: {{name: tfidf-logistic-regression, parameters: {parameters}}}}}\n"
    )
    study.write_text(study.read_text().replace("claims:\n", arm + "claims:\n"))
    settings["SEEDWISE_CACHE"] = str(find_project(ROOT).cache)  # where environments are that other tests have made
    answer = full.call("-m", "seedwise", "bench", "--no-record", cwd=root, **settings)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "words[seed=0] accuracy" in answer.stdout
    assert answer.stdout.count("(done before)") == 8
