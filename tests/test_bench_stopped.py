"""Sessions that are killed, stopped, interrupted or run side by side: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Small

COMMAND = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml", "--no-record", "--jobs"]


def test_what_was_killed_once_is_done_at_the_next_call(small: Small) -> None:
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: kill_once}")
    first = small.pytest("benchmarks/small.yaml", "--no-record")
    assert "4 failed, 4 passed, 1 skipped" in first.stdout
    again = small.pytest("benchmarks/small.yaml", "--no-record", "--lf")
    assert again.returncode == 0, again.stdout
    assert len(small.runs()) == 8


def test_a_killed_harness_leaves_nothing_lost_or_doubled(small: Small) -> None:
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: slow}")
    process = subprocess.Popen(
        [*COMMAND, "2"],
        cwd=small.project.root,
        env=small.environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60

    def under_way() -> bool:
        return bool(small.runs()) and any(small.project.runs.glob(".attempts/*/events.jsonl"))

    while not under_way() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = small.result_times()
    assert 0 < len(done) < 8
    time.sleep(1.0)
    assert not _backends_of(small)  # no orphan goes on training, or writing into the store
    small.edit("trouble: slow", "trouble: none")  # other specs, so that the slow ones need not be waited for
    again = small.pytest("benchmarks/small.yaml", "--no-record")
    assert again.returncode == 0, again.stdout
    assert {name: stamp for name, stamp in small.result_times().items() if name in done} == done


def _backends_of(small: Small) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(small.project.root) in words and "fake_backend" in words:
                found.append(words)
    return found


def test_tampered_predictions_are_found_and_named(small: Small) -> None:
    small.pytest("benchmarks/small.yaml", "--no-record")
    path = small.runs()[0] / "predictions/test.jsonl"
    text = path.read_text()
    path.write_text(text.replace('"label":0', '"label":1', 1))
    answer = small.seedwise("report", "benchmarks/small.yaml")
    assert answer.returncode == 6
    assert str(path) in answer.stderr


def test_two_harnesses_at_once_do_each_run_once(small: Small) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml", "--no-record"]
    both = [
        subprocess.Popen(command, cwd=small.project.root, env=small.environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sum(text.count("(done before)") for text in told) == 8


def test_a_run_that_takes_too_long_names_the_setting(small: Small) -> None:
    small.edit("name: small", "name: small\ntimeout_minutes: 0.02")
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: slow}")
    answer = small.pytest("benchmarks/small.yaml", "--no-record", "-k", "frozen and seed0")
    assert answer.returncode == 1
    assert "stopped after timeout_minutes = 0.02" in answer.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_states_and_a_next_call_goes_on(small: Small, number: int) -> None:
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: slow}")
    process = subprocess.Popen(
        [*COMMAND, "1", "-k", "frozen and seed0"],
        cwd=small.project.root,
        env=small.environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # tests in the background inherit that it is ignored
    )
    deadline = time.monotonic() + 60
    while not list(small.project.runs.glob(".attempts/*/events.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert list(small.project.runs.glob(".attempts/*/state/state.json"))
    planned = small.seedwise("plan", "benchmarks/small.yaml")
    assert "to do again (terminated)" in planned.stdout


def test_damage_shows_in_the_exit_code_and_hides_no_other_study(small: Small) -> None:
    small.edit("claims:\n  - {name: learning-helps, a: quick, b: frozen}\n", "")
    second = small.study.with_name("second.yaml")
    second.write_text(small.study.read_text().replace("name: small", "name: second").replace("epochs: 2", "epochs: 1"))
    small.pytest("benchmarks/small.yaml", "--no-record")
    path = small.runs()[0] / "predictions/test.jsonl"
    path.write_text("")
    answer = small.pytest("benchmarks", "--no-record")
    assert answer.returncode != 0
    assert f"{path}: missing, or changed" in answer.stdout
    assert "verdicts of second" in answer.stdout
