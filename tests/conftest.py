"""A whole small project in a temporary folder: the fake backend, a small data set, a study."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seedwise.project import Project

pytest_plugins = ["pytester"]
SLOW = "SEEDWISE_SLOW"

ROOT = Path(__file__).parents[1]
STUDY = """
version: 1
name: small
title: A small study
task:
  data: toy
  rows: {train: 60, selection: 20, test: 40}
  metric: accuracy
seeds: 4
selection: {rule: best, split: selection, metric: accuracy}
evaluation: {every: epoch, batch_size: 8}
device: {kind: cpu, threads: 1}
defaults:
  backend: fake
  model: null
  initialisation: none
  recipe:
    optimizer: {name: adamw, lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decay_on: all}
    schedule: {name: constant, warmup_updates: 0}
    clip_norm: null
    epochs: 2
    batch_size: 4
    accumulation: 1
    precision: fp32
    max_length: 16
    truncation: longest_first
    dropout: {hidden: 0.0, attention: 0.0, classifier: 0.0}
arms:
  quick: {method: {name: perceptron, parameters: {rate: 1.0}}}
  frozen: {method: {name: perceptron, parameters: {rate: 0.0}}}
claims:
  - {name: learning-helps, a: quick, b: frozen}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `slow` repeat at length what others hold in short; a weekly job runs them."""
    if not os.environ.get(SLOW):
        skipped = pytest.mark.skip(reason=f"slow: set {SLOW}=1 to run it")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skipped)


@dataclass(frozen=True)
class Small:
    """The temporary project, and how to use it as a user does."""

    project: Project
    study: Path
    environment: dict[str, str]

    def edit(self, old: str, new: str) -> None:
        text = self.study.read_text()
        assert old in text
        self.study.write_text(text.replace(old, new))

    def pytest(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return self.call("-m", "pytest", "-p", "no:benchmark", *arguments, timeout=timeout)

    def seedwise(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return self.call("-m", "seedwise", *arguments, timeout=timeout)

    def here(self, *arguments: str) -> Result:
        """`seedwise` without a process of its own: seconds less, where a test is not of the process."""
        from seedwise.cli import app

        with contextlib.chdir(self.project.root):
            return CliRunner().invoke(app, arguments)

    def call(self, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.project.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def runs(self) -> list[Path]:
        return sorted(path.parent for path in self.project.runs.glob("*/result.json"))

    def result_times(self) -> dict[str, int]:
        """When each finished run's result was written, in nanoseconds: a run that is done again is told by it."""
        return {folder.name: (folder / "result.json").stat().st_mtime_ns for folder in self.runs()}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    made = small_project(tmp_path)
    for name in SETTINGS:
        monkeypatch.setenv(name, made.environment[name])
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made


def with_our_backends(root: Path) -> None:
    """Make `root` a project of its own on this checkout's backends."""
    for name in ("docker", "backends"):
        (root / name).symlink_to(ROOT / name)
    (root / "pytest.ini").write_text("[pytest]\n")


SETTINGS = ("SEEDWISE_HOME", "SEEDWISE_CACHE", "SEEDWISE_DATA", "SEEDWISE_RUNTIME", "SEEDWISE_DEVICE")


def small_project(folder: Path) -> Small:
    """The project's files below `folder`, and the environment that its programs are run with."""
    root = folder / "project"
    (root / "docker").mkdir(parents=True)
    (root / "benchmarks" / "assets").mkdir(parents=True)
    (root / "fakes").mkdir()
    shutil.copy(ROOT / "tests" / "fakes" / "fake_backend.py", root / "fakes" / "fake_backend.py")
    (root / "docker" / "images.yaml").write_text(
        "version: 1\nbases: {}\nbackends:\n  fake: {kind: command, command: [python, fakes/fake_backend.py]}\n"
    )
    (root / "pytest.ini").write_text("[pytest]\n")
    data = folder / "data"
    data.mkdir()
    text = "".join(json.dumps(row) + "\n" for row in toy_rows(200))
    (data / "toy.jsonl").write_text(text)
    (root / "benchmarks" / "assets" / "toy.yaml").write_text(toy_manifest(text))
    study = root / "benchmarks" / "small.yaml"
    study.write_text(STUDY)
    project = Project(root=root, home=folder / "home", cache=folder / "cache", data_root=data)
    settings = dict(zip(SETTINGS, (str(project.home), str(project.cache), str(data), "venv", "cpu"), strict=True))
    environment = {**os.environ, **settings, "NO_COLOR": "1", "PY_COLORS": "0", "COLUMNS": "160"}
    for name in ("PYTEST_ADDOPTS", "MLFLOW_TRACKING_URI"):
        environment.pop(name, None)
    return Small(project, study, environment)


def toy_rows(count: int) -> list[dict[str, str]]:
    """Sentences whose label can be learnt from their words, with some noise."""
    generator = random.Random(7)
    rows = []
    for number in range(count):
        label = generator.choice(["good", "bad"])
        hints = ["fine", "lovely", "bright"] if label == "good" else ["dull", "awful", "grey"]
        noise = [f"w{generator.randrange(30)}" for _ in range(4)]
        text = " ".join([*noise, generator.choice(hints) if generator.random() < 0.9 else "so", str(number)])
        rows.append({"text": text, "label": label})
    return rows


def toy_manifest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return (
        "version: 1\nname: toy\nkind: data\ntitle: toy sentences\ncitation: none\nlicence: none\n"
        "sources:\n  - {type: local, members: {toy.jsonl: toy.jsonl}}\n"
        f'files: {{toy.jsonl: "{digest}"}}\n'
        "table:\n  files: {all: toy.jsonl}\n  format: jsonl\n"
        "  columns: {text: text, text_pair: null, label: label, group: null}\n"
        "  labels: {bad: bad, good: good}\n  cut: {test: 0.35, selection: 0.2}\n"
    )


@pytest.fixture
def no_say() -> Callable[[str], None]:
    return lambda line: None
