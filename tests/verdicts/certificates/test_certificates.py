"""Certificates as a user meets them; the backends are fakes that answer `probe`, everything else is real."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from tests.conftest import ROOT, Small


@pytest.fixture
def across(small: Small) -> Small:
    """The small project with its two arms on two backends."""
    root = small.project.root
    shutil.copy(ROOT / "tests/fakes/probing_backend.py", root / "fakes/probing_backend.py")
    with open(root / "docker/images.yaml", "a", encoding="utf-8") as handle:
        for name in ("one", "two"):
            handle.write(f"  {name}: {{kind: command, command: [python, fakes/probing_backend.py, {name}, none]}}\n")
    small.edit("arms:\n  quick: {", "arms:\n  quick: {backend: one, ")
    small.edit("  frozen: {", "  frozen: {backend: two, ")
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 1.0}")
    return small


def spoil(small: Small, flaw: str) -> None:
    path = small.project.root / "docker/images.yaml"
    path.write_text(path.read_text().replace("two, none]", f"two, {flaw}]"))


def test_a_claim_across_backends_is_refused_until_it_is_certified(across: Small) -> None:
    first = across.pytest("benchmarks/small.yaml", "--no-record", "-k", "not certificate")
    assert first.returncode == 1, first.stdout
    assert "claim learning-helps is refused: no certificate between one and two" in first.stdout
    assert "seedwise certify" in first.stdout
    assert "p =" not in first.stdout
    report = across.seedwise("report", "benchmarks/small.yaml")
    assert "learning-helps: refused: no certificate" in report.stdout, report.stderr
    page = (across.project.reports).rglob("*.json")
    assert any('"refused_claims": [' in path.read_text() and "refused: no" in path.read_text() for path in page)
    made = across.seedwise("certify", "benchmarks/small.yaml")
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.count("PASS") == 14
    again = across.seedwise("certify", "benchmarks/small.yaml")
    assert "probe one" in made.stderr
    assert "probe one" not in again.stderr
    assert "probe one" in across.seedwise("certify", "benchmarks/small.yaml", "--again").stderr
    then = across.pytest("benchmarks/small.yaml", "--no-record")
    assert then.returncode == 0, then.stdout
    assert "certificate[one,two] passed (made before)" in then.stdout
    assert "refused" not in then.stdout
    across.edit("epochs: 2", "epochs: 1")
    changed = across.seedwise("report", "benchmarks/small.yaml")
    assert "learning-helps: refused: no certificate" in changed.stdout, "another setup"
    across.edit("epochs: 1", "epochs: 2")
    assert "refused" not in across.seedwise("report", "benchmarks/small.yaml").stdout
    with open(across.project.root / "fakes/probing_backend.py", "a", encoding="utf-8") as handle:
        handle.write("# changed\n")
    assert "refused: no certificate" in across.seedwise("report", "benchmarks/small.yaml").stdout, "another digest"


def test_the_plugin_makes_what_is_missing(across: Small) -> None:
    left, busy = (across.project.runs / name for name in (".probe-killed", ".probe-of-another"))
    for folder in (left, busy):
        folder.mkdir(parents=True)
    os.utime(left, (0, 0))
    ran = across.pytest("benchmarks/small.yaml", "--no-record")
    assert ran.returncode == 0, ran.stdout
    assert "certificate[one,two] passed" in ran.stdout
    assert list(across.project.runs.glob(".probe-*")) == [busy]
    (path,) = (across.project.home / "certificates").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "setup_sha256": "0" * 64}))
    assert "refused" in across.seedwise("report", "benchmarks/small.yaml").stdout, "a certificate that was changed"


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("hidden.npy", "hidden states"),
        ("logits.npy", "logits"),
        ("decay", "parameters by weight decay"),
        ("seedless", "head by seed"),
        ("rate", "learning rate of every update"),
        ("clip", "clipping"),
        ("order", "batches of every epoch"),
        ("first", "loss of the first update"),
        ("losses", "losses of 20 updates"),
    ],
)
def test_each_check_can_fail(across: Small, flaw: str, said: str) -> None:
    spoil(across, flaw)
    told = across.seedwise("certify", "benchmarks/small.yaml")
    assert told.returncode == 1, told.stdout + told.stderr
    (path,) = (across.project.home / "certificates").glob("*.json")
    failed = [check["name"] for check in json.loads(path.read_text())["checks"] if not check["passed"]]
    assert any(name.startswith(said) for name in failed), failed
    assert "the certificate between one and two" in across.seedwise("report", "benchmarks/small.yaml").stdout


@pytest.mark.parametrize(("flaw", "said"), [("mute", "'two' cannot be certified"), ("crash", "a fault in the probe")])
def test_a_backend_without_an_answer_is_named(across: Small, flaw: str, said: str) -> None:
    spoil(across, flaw)
    told = across.seedwise("certify", "benchmarks/small.yaml")
    assert told.returncode not in (0, 1)
    assert said in told.stderr
