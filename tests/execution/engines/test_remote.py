"""The engine over a cluster, with one that a package adds: real processes, the fake backend, the project's own session."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seedwise.errors import InputError
from seedwise.execution.engines.choose import open_cluster
from tests.conftest import Small


def predictions(small: Small) -> dict[str, bytes]:
    return {folder.name: (folder / "predictions/test.jsonl").read_bytes() for folder in small.runs()}


def attempts(small: Small) -> list[Path]:
    return [path for path in (small.project.runs / ".attempts").glob("*.*.*.*") if path.is_dir()]


def start(small: Small, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:benchmark", "benchmarks", "--no-record", *words],
        cwd=small.project.root,
        env=small.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(what: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def nodes_of(session: subprocess.Popen[str]) -> list[int]:
    """Processes of the cluster's hosts below a session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            continue
        if parent == session.pid and b"engines.node" in words:
            found.append(int(entry.name))
    return found


def job_of(node: int) -> str:
    try:
        return Path(f"/proc/{node}/cmdline").read_bytes().split(b"\0")[-2].decode()
    except (OSError, IndexError):
        return ""


def jobs_of_slow_runs(small: Small) -> set[str]:
    """Of attempts whose backend is at it."""
    started = [path for path in attempts(small) if (path / "events.jsonl").exists()]
    slow = [path for path in started if b"slow" in (path / "spec.json").read_bytes()]
    return {json.loads((path / "provenance.json").read_text())["job"] for path in slow}


def test_an_added_engine_gives_the_runs_and_predictions_of_the_local_one(added: Small, tmp_path: Path) -> None:
    there = added.pytest("benchmarks", "--no-record", "--engine", "processes")
    assert there.returncode == 0, there.stdout + there.stderr
    assert "2 hosts of processes" in there.stdout
    assert "claim[learning-helps] supported" in there.stdout
    origins = [json.loads((folder / "provenance.json").read_text()) for folder in added.runs()]
    assert {origin["engine"] for origin in origins} == {"processes"}
    assert len({origin["job"] for origin in origins}) == 8
    assert not attempts(added)
    elsewhere = predictions(added)
    added.environment["SEEDWISE_HOME"] = str(tmp_path / "home2")
    here = added.pytest("benchmarks", "--no-record")
    assert here.returncode == 0
    local = {
        folder.parent.name: (folder.parent / "predictions/test.jsonl").read_bytes()
        for folder in (tmp_path / "home2" / "runs").glob("*/result.json")
    }
    assert local == elsewhere
    assert len(local) == 8


def test_a_host_that_is_killed_loses_no_run_and_doubles_none(added: Small) -> None:
    added.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    session = start(added, "--engine", "processes")
    wait_until(lambda: any((path / "events.jsonl").exists() for path in attempts(added)))
    (victim, *_) = nodes_of(session)
    os.killpg(victim, signal.SIGKILL)
    told, _ = session.communicate(timeout=120)
    assert session.returncode == 0, told
    assert len(added.runs()) == 8
    assert not attempts(added), "what the lost host left is gone on with, or swept"


def test_a_run_that_kills_its_host_each_time_is_told_as_lost_and_the_rest_goes_on(added: Small) -> None:
    # The backend's own death is told by its host; here the host itself dies, each time that it meets this run.
    added.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    added.environment["PROCESS_HOSTS"] = "1"
    session = start(added, "--engine", "processes", "-k", "seed0")
    killed = 0
    while session.poll() is None and killed < 3:
        for node in nodes_of(session):
            if job_of(node) in jobs_of_slow_runs(added):
                os.killpg(node, signal.SIGKILL)
                killed += 1
                wait_until(lambda gone=node: gone not in nodes_of(session))
        time.sleep(0.05)
    told, _ = session.communicate(timeout=120)
    assert killed == 3
    assert session.returncode == 1
    assert "lost 3 times on processes" in told
    assert len(added.runs()) == 1


def test_a_stopped_session_saves_states_and_a_next_one_goes_on(added: Small) -> None:
    added.edit("{rate: 1.0}", "{rate: 1.0, trouble: slow}")
    session = start(added, "--engine", "processes")
    wait_until(
        lambda: any(
            (path / "events.jsonl").exists() and b"slow" in (path / "spec.json").read_bytes()
            for path in attempts(added)
        )
    )
    begun = time.monotonic()
    session.send_signal(signal.SIGINT)
    session.communicate(timeout=60)
    assert time.monotonic() - begun < 25
    assert not nodes_of(session)
    assert any((path / "state").is_dir() for path in attempts(added))
    added.edit("slow", "none")  # what is to be tried is that it goes on, not how slowly


def test_failures_of_runs_are_told_as_the_local_engine_tells_them(added: Small) -> None:
    added.edit("{rate: 1.0}", "{rate: 1.0, trouble: data}")
    told = added.pytest("benchmarks", "--no-record", "--engine", "processes", "-k", "seed0")
    assert told.returncode == 1
    assert "row 3 is not what it should be" in told.stdout
    assert "1 passed" in told.stdout


def test_another_backend_on_the_hosts_is_refused_by_name(added: Small) -> None:
    """The hosts' own copy of the backend is another one, as where a shared folder is not shared."""
    engine = Path(added.environment["PYTHONPATH"].split(os.pathsep)[0]) / "process_engine.py"
    engine.write_text(
        engine.read_text().replace(
            "process = subprocess.Popen(",
            "Path(task.root, 'fakes/fake_backend.py').open('a').write('# changed\\n')\n                process = subprocess.Popen(",
        )
    )
    told = added.pytest("benchmarks", "--no-record", "--engine", "processes", "-k", "seed0")
    assert told.returncode == 1
    assert "and the run was planned with" in told.stdout
    assert not added.runs()


def test_doctor_asks_every_host(added: Small) -> None:
    added.seedwise("plan", "benchmarks/small.yaml")
    told = added.seedwise("doctor", "--engine", "processes://1")
    assert told.returncode == 0, told.stdout + told.stderr
    (line,) = [line for line in told.stdout.splitlines() if line.startswith(platform.node())]
    assert line.split()[1] == "ok"
    assert platform.python_version() in line
    assert not list((added.project.runs / ".probes").glob("*")), "nothing is left of it"


@pytest.mark.parametrize(
    ("engine", "code", "words"),
    [
        (
            "nonsense",
            2,
            "there is no such engine; there are local, ray, ray://ADDRESS, slurm, broken, processes, unwilling",
        ),
        ("broken", 5, "engine broken: its package cannot be loaded"),
        ("unwilling", 5, "engine unwilling: it cannot be opened: RuntimeError: not today"),
        ("slurm://somewhere", 2, "Slurm has no address"),
        ("ray://10.0.0.1", 2, "the head's own HOST:PORT is needed"),
        ("ray://127.0.0.1:1", 5, "no cluster can be joined there (Connection refused)"),
    ],
)
def test_an_engine_that_is_none_is_told(added: Small, engine: str, code: int, words: str) -> None:
    told = added.pytest("benchmarks", "--no-record", "--engine", engine)
    assert told.returncode == code, told.stdout
    assert words in told.stdout


def test_settings_of_engines_are_read_and_checked(small: Small) -> None:
    settings = small.project.root / "seedwise.toml"
    settings.write_text('[engines.slurm]\npartition = "gpu"\ntime_minute = 3\n')
    with pytest.raises(InputError, match=r"engines\.slurm\.time_minute"):
        open_cluster("slurm", small.project)
    settings.write_text('engines = "slurm"\n')
    with pytest.raises(InputError, match="a table is needed"):
        open_cluster("slurm", small.project)
    settings.write_text('[engines.slurm]\noptions = ["--array=0-3"]\n')
    with pytest.raises(InputError, match="which are set here"):
        open_cluster("slurm", small.project)


SEARCH = """search:
  seeds: [10]
  arms:
    quick: {method.parameters.rate: [0.5, 1.0]}
    frozen: {recipe.epochs: [1, 2]}
claims:"""


def test_a_search_and_then_its_report_are_given_out_in_one_session(added: Small) -> None:
    """What can be planned only when other runs are there is submitted to the same engine, whose watch had nothing left to wait for."""
    added.edit("claims:", SEARCH)
    told = added.pytest("benchmarks", "--no-record", "--engine", "processes", "-k", "seed10 or seed0")
    assert told.returncode == 0, told.stdout
    assert "6 passed" in told.stdout, told.stdout
    assert len(added.runs()) == 6
