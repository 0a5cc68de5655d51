"""Faults at the door of the commands: settings that are none, pytest-xdist, signals, clocks that go back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import pytest

from seedwise.escaping import PlainStream, cell, latex, latex_comment, markdown, plain
from seedwise.execution.doctor import _mlflow
from seedwise.temporary import PREFIX, HeldFolder, sweep
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
    until = time.monotonic() + 60
    while not (below := _below(process.pid)) and time.monotonic() < until:
        time.sleep(0.2)
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


class Terminal:
    """Takes what is written."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)


def test_a_stream_shows_colours_of_ours_and_no_other_sequence() -> None:
    terminal = Terminal()
    PlainStream(terminal).write("\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J \x9b1m http://u:hunter2@h/x")  # type: ignore[arg-type]
    assert terminal.text == "\x1b[31mred\x1b[0m <U+001B>]0;title<U+0007> <U+001B>[2J <U+009B>1m http://***@h/x"


@pytest.mark.parametrize(
    "text", ["a|b", "<script>x</script>", "[x](javascript:y)", "# head", "a\n\n- b", "**a**", "`x`"]
)
def test_no_markup_in_markdown(text: str) -> None:
    shown = markdown(text)
    assert "\n" not in shown
    assert "<" not in shown
    assert not re.search(r"(?<!\\)[|`*\[#]", shown)


@pytest.mark.parametrize("text", ["\\input{/etc/passwd}", "a % b", "x\n\\end{table}", "^^5cinput", "$x$", "a & b"])
def test_no_command_in_latex(text: str) -> None:
    shown = latex(text)
    assert "\n" not in shown
    assert not re.search(r"\\(input|end)|(?<!\\)[%&$]|\^\^", shown)
    assert "\n" not in latex_comment(text)


CONTROL = "\\e]0;owned\\a"
HOSTILE = "\\u202e =cmd|'/C calc'!A0 <script>alert(1)</script> \\\\input{x} | a"


def test_words_of_a_study_reach_nobody_as_they_are(small: Small) -> None:
    """In the terminal, in every format of the report, and in the description that MLflow shows."""
    small.edit("title: A small study", f'title: "{CONTROL}"')
    refused = small.here("plan", "benchmarks/small.yaml")
    assert refused.exit_code == 2
    assert "found the character U+001B" in refused.output
    small.edit(CONTROL, HOSTILE)
    plan = small.here("plan", "benchmarks/small.yaml")
    assert plan.exit_code == 0, plan.output
    assert not re.search("[\x1b\x07\x9b\u202e]", plan.output)
    assert small.pytest("benchmarks/small.yaml").returncode == 0
    for name in ("report.html", "report.md", "report.tex", "report.csv", "scores.csv"):
        text = (small.project.reports / "small" / name).read_text()
        assert not re.search("[\x1b\x07\x9b\u202e]", text), name
        text = "\n".join(line for line in text.splitlines() if not (name == "report.tex" and line.startswith("%")))
        assert "<script>alert" not in text, name
        assert "\\input{x}" not in text or name != "report.tex"


def test_what_is_kept_has_the_modes_that_the_user_gives(small: Small) -> None:
    (small.project.data_root / "toy.jsonl").chmod(0o600)  # type: ignore[operator]
    before = os.umask(0o077)
    try:
        assert small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0").returncode == 0
    finally:
        os.umask(before)
    open_to_others = [
        path
        for path in (small.project.cache / "data", small.project.cache / "assets")
        for path in path.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []


def test_an_import_sweeps_what_a_killed_one_left(small: Small, tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    (place / f"{PREFIX}0123456789abcdef").mkdir()
    (place / f"{PREFIX}0123456789abcdef.held").touch()
    small.environment["TMPDIR"] = str(place)
    done = small.seedwise("track", "benchmarks/small.yaml")
    assert done.returncode == 0, done.stderr
    assert list(place.iterdir()) == []


def test_folders_of_a_killed_process_are_swept_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    text = (
        "import os, sys, time; from pathlib import Path; from seedwise.temporary import HeldFolder\n"
        f"held = HeldFolder(Path({str(tmp_path)!r})); (held.path / 'file').write_text('x'); print(held.path, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    place = Path(process.stdout.readline().strip())
    assert sweep(tmp_path) == []
    assert (place / "file").exists()
    process.kill()
    process.wait()
    own = HeldFolder(tmp_path)
    assert sweep(tmp_path) == [place]
    assert sorted(path.name for path in tmp_path.iterdir()) == [own.path.name, f"{own.path.name}.held"]
    own.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_session_leaves_nothing_for_long_in_the_place_for_temporary_files(
    small: Small, tmp_path: Path
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    small.environment["TMPDIR"] = str(place)
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: slow}")
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml", "--no-record"]
    process = subprocess.Popen(command, cwd=small.project.root, env=small.environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(place.glob("seedwise-*.held")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert list(place.glob("*.held"))
    small.edit("trouble: slow", "trouble: none")
    assert small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0").returncode == 0
    assert [path.name for path in place.iterdir()] == [f"seedwise-{os.getuid()}"]  # the host's own folder stays


@pytest.mark.parametrize(
    ("number", "at"),
    [(signal.SIGTERM, "runs"), (signal.SIGINT, "runs"), (signal.SIGTERM, "records"), (signal.SIGINT, "records")],
)
def test_a_signal_is_told_in_a_sentence(number: int, at: str, small: Small) -> None:
    if at == "runs":
        small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: slow}")
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks/small.yaml"]
    process = subprocess.Popen(
        command, cwd=small.project.root, env=small.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if (at == "runs" and "PASSED" not in line and "rows" in line and "at once" in line) or "= records =" in line:
            break
        if at == "runs" and ("accuracy" in line or "at once" in line):
            break
    process.send_signal(number)
    text += process.communicate(timeout=60)[0]
    assert "Traceback" not in text, text
    assert "INTERNALERROR" not in text, text
    if at == "runs":
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        assert f"stopped by {name}: what is done is kept" in text
    assert process.returncode == 2 or (at == "records" and process.returncode == 0), text
    again = small.pytest("benchmarks/small.yaml", "--collect-only", "-q")
    assert again.returncode == 0


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "1e30", "x"])
def test_a_limit_on_memory_is_one(value: str, small: Small) -> None:
    answer = small.here("run", "benchmarks/small.yaml", "--arm", "quick", "--out", "out", "--memory-gib", value)
    assert answer.exit_code == 2
    assert "memory" in answer.output


@pytest.mark.parametrize(
    "out", ["", ".", "benchmarks", "benchmarks/small.yaml", "benchmarks/small.yaml/x", "x" * 300, "a\0b", "FIFO"]
)
def test_a_bundle_is_written_over_nothing_else(out: str, small: Small) -> None:
    os.mkfifo(small.project.root / "FIFO")
    before = small.study.read_bytes()
    answer = small.here("bundle", "benchmarks/small.yaml", "--out", out)
    assert answer.exit_code == 2, answer.output
    assert isinstance(answer.exception, SystemExit)
    assert small.study.read_bytes() == before


def test_a_run_is_written_into_a_folder(small: Small) -> None:
    answer = small.here("run", "benchmarks/small.yaml", "--arm", "quick", "--out", "benchmarks/small.yaml")
    assert answer.exit_code == 2
    assert "is no folder" in answer.stderr


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a":' * 100_000, "9" * 100_000, "null", '{"id": 1}', "\ud800"])
def test_a_request_that_is_none_does_not_end_a_server(line: str, small: Small) -> None:
    command = [sys.executable, "fakes/fake_backend.py", "serve", "--threads", "1"]
    process = subprocess.Popen(command, cwd=small.project.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    text, _ = process.communicate(f"{line}\n".encode(errors="surrogatepass") * 2, timeout=60)
    answers = [json.loads(answer) for answer in text.splitlines()]
    assert answers[0] == {"ready": True}
    assert [answer["code"] for answer in answers[1:]] == [2, 2]


@pytest.mark.parametrize(
    "command", [["plan", "x" * 300 + ".yaml"], ["verify", "x" * 300], ["compare", "x" * 5000], ["plan", "a\0b"]]
)
def test_names_that_are_too_long_are_refused_in_a_line(command: list[str], small: Small) -> None:
    answer = small.here(*command)
    assert answer.exit_code in range(1, 10)
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception


def test_output_that_nobody_takes_is_no_traceback(small: Small) -> None:
    with open("/dev/full", "w") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "seedwise", "schema"], cwd=small.project.root, env=small.environment, stdout=full,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert answer.returncode == 5
    assert "Traceback" not in answer.stderr
    assert "No space left" in answer.stderr


def test_a_disk_that_takes_nothing_is_a_sentence(small: Small) -> None:
    """What studies need cannot be made: `ulimit -f 2` lets no file grow past a KiB."""
    assert small.here("plan", "benchmarks/small.yaml").exit_code == 0
    shutil.rmtree(small.project.cache / "data")
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "benchmarks/small.yaml"]
    answer = subprocess.run(
        ["sh", "-c", 'ulimit -f 2; exec "$0" "$@"', *words],
        cwd=small.project.root, env=small.environment, capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode == 5, answer.stdout
    assert "INTERNALERROR" not in answer.stdout + answer.stderr
    assert "File too large" in answer.stdout
    assert "the studies were not started" in answer.stdout


def test_a_working_folder_that_is_gone_is_said(small: Small, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    answer = subprocess.run(
        ["/bin/sh", "-c", f"rmdir {gone}; exec {sys.executable} -m seedwise plan"], cwd=gone, env=small.environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode in range(1, 10)
    assert "Traceback" not in answer.stderr
