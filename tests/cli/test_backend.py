"""`seedwise backend`: one's own, made and tried; ours; one in another language; and one that breaks the contract."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from seedwise.images.engine import answers
from seedwise.project import find_project
from tests.conftest import ROOT

RESUMED = "run: SIGTERM saves a state and ends with 143; the same call goes on to the same bits"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project of one's own, outside the checkout."""
    (tmp_path / "seedwise.toml").write_text("")
    return tmp_path


def backend(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("SEEDWISE_HOME", "SEEDWISE_RUNTIME")}
    cache = {"SEEDWISE_CACHE": str(find_project(ROOT).cache)}  # environments that other tests have made
    return subprocess.run(
        [sys.executable, "-m", "seedwise", "backend", *words],
        cwd=home,
        env={**kept, **cache, "NO_COLOR": "1", **settings},
        capture_output=True,
        text=True,
        timeout=600,
    )


def outcomes(text: str) -> dict[str, str]:
    """Clause → passed, failed or skipped."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.startswith(("passed", "failed", "skipped"))]
    return {": ".join(rest.split(": ")[:2]): outcome for outcome, rest in lines}


def test_a_backend_in_another_language_needs_the_schemas_alone(home: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    (home / "backends").mkdir()
    shutil.copytree(ROOT / "tests" / "fakes" / "node", home / "backends" / "node")
    answer = backend(home, "check", "node", "--junit", "out/check.xml", "--keep", "runs")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = outcomes(answer.stdout)
    assert len(found) == 13
    assert [clause for clause, outcome in found.items() if outcome != "passed"] == [
        "run: no network is needed",
        "serve: warm runs are cold ones, bit for bit",
    ]
    suite = ElementTree.parse(home / "out" / "check.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("13", "0", "2")
    assert list((home / "runs").glob("*/result.json"))
    assert "is not empty" in backend(home, "check", "node", "--keep", "runs").stderr


BREAKS = [
    ("spec.seeds.", "{initialisation: 1, order: 1}.", {"run: another seed gives another outcome"}),
    ("!FIELDS.includes(name)", "false", {"check: a field that it does not know is refused"}),
    (
        "die(2, found.join",
        "die(2, found.slice(0, 1).join",
        {"check: every fault of a bad spec is listed at once"},
    ),
    ("JSON.stringify({ ...state, size", "JSON.stringify({ ...state, weights: {}, best: null, size", {RESUMED}),
    (
        "weights: {}, best: null }",
        "weights: { a: Math.random() }, best: null }",
        {"run: the same spec gives the same bits", RESUMED},
    ),
    ("!== task.splits[split].sha256", "=== 0", {"run: data that are not the declared ones end with 3"}),
]


@pytest.mark.parametrize(("right", "wrong", "broken"), BREAKS)
def test_a_broken_clause_is_named_and_fails(home: Path, right: str, wrong: str, broken: set[str]) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    (home / "backends").mkdir()
    shutil.copytree(ROOT / "tests" / "fakes" / "node", home / "backends" / "node")
    program = home / "backends" / "node" / "main.js"
    assert right in program.read_text()
    program.write_text(program.read_text().replace(right, wrong))
    answer = backend(home, "check", "node", "--junit", "check.xml")
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert {clause for clause, outcome in outcomes(answer.stdout).items() if outcome == "failed"} == broken
    assert ElementTree.parse(home / "check.xml").getroot()[0].get("failures") == str(len(broken))


def test_the_contract_is_kept_by_sklearn(home: Path) -> None:
    kept(home, "sklearn")


@pytest.mark.minutes
@pytest.mark.slow  # what the runs of their own tests leave is held to the contract too
@pytest.mark.parametrize("name", ["hf", "peft", "fairseq"])
def test_the_contract_is_kept_by_ours(home: Path, name: str) -> None:
    kept(home, name)


def kept(home: Path, name: str) -> None:
    answer = backend(home, "check", name, "--runtime", "venv")
    if answer.returncode == 4 and not os.environ.get("CI"):
        pytest.skip((answer.stdout + answer.stderr).strip()[-300:])
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = outcomes(answer.stdout)
    assert found["serve: warm runs are cold ones, bit for bit"] == "passed"
    assert "failed" not in found.values()


@pytest.mark.minutes
@pytest.mark.docker
def test_an_image_is_tried_as_it_is(tmp_path: Path) -> None:
    if answers() is not None:
        pytest.skip("no container engine answers")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "seedwise.toml").write_text("")
    answer = backend(tmp_path / "mine", "check", "sklearn", "--runtime", "docker")
    if answer.returncode == 4:
        pytest.skip(f"no image can be built here: {answer.stderr.strip()[-300:]}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert outcomes(answer.stdout)["run: no network is needed"] == "passed"
    image = next(
        word
        for word in subprocess.run(
            ["docker", "images", "--filter", "label=seedwise.backend=sklearn", "-q", "--no-trunc"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    )
    (tmp_path / "empty").mkdir()
    given = backend(tmp_path / "empty", "check", image)
    assert given.returncode == 0, given.stdout + given.stderr
    assert outcomes(given.stdout)["run: no network is needed"] == "passed"
    assert "has no image 'nowhere'" in backend(tmp_path / "empty", "check", "nowhere").stderr


@pytest.mark.minutes
def test_a_new_backend_keeps_the_contract_at_once(home: Path) -> None:
    made = backend(home, "new", "my-own")
    assert made.returncode == 0, made.stderr
    folder = home / "backends" / "my-own"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "src/my_own_backend/__init__.py",
        "src/my_own_backend/__main__.py",
        "src/my_own_backend/backend.py",
        "check.yaml",
        "cpu.in",
        "cpu.lock",
        "Dockerfile",
        "test_my_own_backend.py",
        "README.md",
    }
    assert "NAME" not in "".join((folder / name).read_text() for name in names)
    answer = backend(home, "check", "my-own", "--runtime", "venv")
    if answer.returncode == 4:
        pytest.skip(f"the package index is out of reach: {answer.stderr.strip()[-300:]}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert list(outcomes(answer.stdout).values()).count("passed") == 12
    ruff = subprocess.run([sys.executable, "-m", "ruff", "check", str(folder / "src")], capture_output=True, text=True)
    assert ruff.returncode == 0, ruff.stdout


def test_what_cannot_be_made_is_one_sentence_and_leaves_nothing(home: Path) -> None:
    assert "there is a backend of that name already" in backend(home, "new", "hf").stderr
    assert "small letters" in backend(home, "new", "My Own").stderr
    assert not (home / "backends").exists()
    (home / "backends" / "taken").mkdir(parents=True)
    assert "is there already, and stays as it is" in backend(home, "new", "taken").stderr
    (home / "backends" / "hf").mkdir()
    (home / "backends" / "hf" / "Dockerfile").write_text("FROM scratch\n")
    assert "the suite has a backend 'hf'" in backend(home, "check", "hf").stderr
