"""The same run gives the same bits, started cold or forked by a server, whatever ran there before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seedwise_contract import ExitCode
from tests.backends.conftest import backend_python
from tests.backends.variants import assert_same_run
from tests.backends.workplace import INSIDE, Outcome, Workplace, backend_environment, call

pytestmark = pytest.mark.minutes

WEIGHTS = {"hf": "model.safetensors", "fairseq": "model.pt"}


class Server:
    """A started server of a backend."""

    def __init__(self, place: Workplace, backend: str, python: str) -> None:
        self.place = place
        self.process = subprocess.Popen(
            [python, "-m", f"seedwise_{backend}", "serve", "--threads", "1"],
            env=backend_environment(backend),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert json.loads(self.line()) == {"ready": True}

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def start(self, name: str, spec: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        paths = {"spec": self.place.write(name, spec), "out": self.place.out(name)}
        roots = {"data": self.place.data, "models": self.place.models}
        request = {"id": name, **{field: str(path) for field, path in {**paths, **roots}.items()}}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def run(self, name: str, spec: dict[str, Any]) -> int:
        self.start(name, spec)
        return int(json.loads(self.line())["code"])

    def child(self) -> int:
        """The process of the run in progress."""
        while True:
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    parent = int(stat.read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError):
                    continue
                if parent == self.process.pid:
                    return int(stat.parent.name)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0


@pytest.mark.parametrize("backend", ["hf", "fairseq"])
def test_warm_or_cold_the_bits_are_the_same(backend: str, tmp_path: Path, hf_python: str) -> None:
    if backend == "fairseq" and not os.environ.get("SEEDWISE_FAIRSEQ_PYTHON"):
        pytest.skip("SEEDWISE_FAIRSEQ_PYTHON names no Python with the backend's packages")
    python = backend_python(backend)
    place = Workplace(tmp_path)
    made = call([hf_python, str(INSIDE / "make_models.py"), str(place.models)])
    assert made.returncode == 0, made.stderr
    spec, other = place.spec({"backend": backend}), place.spec({"backend": backend, "seeds.dropout": 99})
    ran = call(place.command(python, f"seedwise_{backend}", "run", "cold", spec), backend)
    assert ran.returncode == 0, ran.stderr

    server = Server(place, backend, python)
    assert server.run("first", spec) == ExitCode.COMPLETED
    assert server.run("other", other) == ExitCode.COMPLETED
    server.start("killed", spec)
    os.kill(server.child(), signal.SIGKILL)
    assert json.loads(server.line())["code"] == 137
    assert server.run("refused", {**spec, "initialisation": "none"}) == ExitCode.BAD_SPEC
    assert server.run("second", spec) == ExitCode.COMPLETED
    server.close()

    cold = Outcome(place.out("cold"))
    for name in ("first", "second"):
        warm = Outcome(place.out(name))
        assert_same_run(warm, cold, WEIGHTS[backend])
        for file in ("parameters.json", "environment.json", *(f for f in cold.result.files if "checkpoint/" in f)):
            assert warm.result.files[file] == cold.result.files[file], file
    assert Outcome(place.out("other")).losses != cold.losses


@pytest.mark.parametrize("backend", ["hf", "fairseq"])
def test_a_stopped_run_goes_on_warm_to_the_same_bits(backend: str, tmp_path: Path, hf_python: str) -> None:
    if backend == "fairseq" and not os.environ.get("SEEDWISE_FAIRSEQ_PYTHON"):
        pytest.skip("SEEDWISE_FAIRSEQ_PYTHON names no Python with the backend's packages")
    python = backend_python(backend)
    place = Workplace(tmp_path)
    made = call([hf_python, str(INSIDE / "make_models.py"), str(place.models)])
    assert made.returncode == 0, made.stderr
    spec = place.spec({"backend": backend, "recipe.epochs": 40})
    server = Server(place, backend, python)
    assert server.run("whole", spec) == ExitCode.COMPLETED
    server.start("stopped", spec)
    events = place.out("stopped") / "events.jsonl"
    while not (events.exists() and events.read_text().count('"step"') > 4):
        assert server.process.poll() is None
    assert server.process.stdin is not None
    server.process.stdin.write('{"stop": "stopped"}\n')
    server.process.stdin.flush()
    assert json.loads(server.line())["code"] == ExitCode.TERMINATED
    assert (place.out("stopped") / "state").is_dir()
    assert server.run("stopped", spec) == ExitCode.COMPLETED
    server.close()
    assert_same_run(Outcome(place.out("stopped")), Outcome(place.out("whole")), WEIGHTS[backend])
