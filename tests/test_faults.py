"""Faults at the door of the commands: settings that are none, pytest-xdist, signals, clocks that go back."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import pytest

from seedwise.escaping import cell, plain
from seedwise.execution.doctor import _mlflow
from tests.conftest import Small
from tests.store.test_store import finish, planned


@pytest.mark.parametrize("variable", ["SEEDWISE_HOME", "SEEDWISE_CACHE"])
@pytest.mark.parametrize("value", ["FILE", "FILE/below", "/proc/nothing", "/sys/x", "x" * 300, "/" + "x/" * 3000])
def test_a_folder_that_cannot_be_one_is_named_by_its_variable(
    variable: str, value: str, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = small.project.root / "a-file"
    file.write_text("")
    monkeypatch.setenv(variable, value.replace("FILE", str(file)))
    for command in (["plan", "benchmarks/small.yaml"], ["track", "benchmarks/small.yaml"], ["doctor"]):
        answer = small.here(*command)
        assert answer.exit_code == 2
        assert f"{variable} is " in answer.stderr
        assert len(answer.stderr.splitlines()) == 1


def test_studies_are_not_run_under_xdist(small: Small) -> None:
    answer = small.pytest("-n", "2", "benchmarks/small.yaml", "--no-record")
    assert answer.returncode == 4
    assert "not run under pytest-xdist" in answer.stdout + answer.stderr
    assert small.runs() == []


def test_a_clock_that_went_back_declares_nothing(tmp_path: Path) -> None:
    from seedwise.store.store import Store

    store, run = Store(tmp_path), planned()
    store.declare("first")
    finish(store, run)
    with patch("seedwise.store.store.now", lambda: "2001-01-01T00:00:00+00:00"):
        store.declare("second")
    stored = store.read(run.run_id or "")
    assert not store.declared_before("second", stored)


def test_ui_leaves_nothing_behind_when_it_is_told_to_end(small: Small) -> None:
    small.project.mlflow.mkdir(parents=True)
    (small.project.mlflow / "mlflow.db").write_bytes(b"")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "seedwise", "ui", "--port", str(port)],
        cwd=small.project.root, env=small.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    time.sleep(6)
    below = _below(process.pid)
    assert below
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    time.sleep(1)
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists() and _state(pid) != "Z"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize("port", ["-1", "0", "99999999", "x"])
def test_ui_takes_ports_only(port: str, small: Small) -> None:
    assert small.here("ui", "--port", port).exit_code == 2


def _below(parent: int) -> list[int]:
    found = [parent]
    for known in found:
        for task in Path(f"/proc/{known}/task").glob("*/children"):
            found += [int(word) for word in task.read_text().split()]
    return found[1:]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    "uri",
    ["http://u:NEEDLE@[", "http://u:NEEDLE@127.0.0.1:port", "postgresql://u:NEEDLE@h/d", "http://u:NEEDLE@127.0.0.1:1"],
)
def test_doctor_shows_no_password(uri: str, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert "NEEDLE" not in str(_mlflow(small.project))


def test_no_control_sequence_reaches_a_terminal() -> None:
    assert plain("a\x1b]0;x\x07\x9bb\u202ec\nd\te") == "a<U+001B>]0;x<U+0007><U+009B>b<U+202E>c\nd\te"


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd", "-cmd|' /C calc'!A0", "\t=1", " =1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-0.5", "+1e-3", "plain", 1, None, -0.5])
def test_numbers_stay_numbers(value: object) -> None:
    assert cell(value) == value
