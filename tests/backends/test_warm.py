"""The same run gives the same bits, started cold or forked by a server, whatever ran there before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
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
        self.place, self.backend, self.python = place, backend, python
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
        paths = {"spec": self.place.write(name, spec), "out": self.place.out(name)}
        roots = {"data": self.place.data, "models": self.place.models}
        self.say({"id": name, **{field: str(path) for field, path in {**paths, **roots}.items()}})

    def say(self, value: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value) + "\n")
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


@pytest.fixture(scope="module", params=["hf", "fairseq"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    backend = request.param
    place = Workplace(tmp_path_factory.mktemp(backend))
    made = call([backend_python("hf"), str(INSIDE / "make_models.py"), str(place.models)])
    assert made.returncode == 0, made.stderr
    server = Server(place, backend, backend_python(backend))
    yield server
    server.close()


def test_warm_or_cold_the_bits_are_the_same(served: Server) -> None:
    place, backend = served.place, served.backend
    spec, other = place.spec({"backend": backend}), place.spec({"backend": backend, "seeds.dropout": 99})
    ran = call(place.command(served.python, f"seedwise_{backend}", "run", "cold", spec), backend)
    assert ran.returncode == 0, ran.stderr

    assert served.run("first", spec) == ExitCode.COMPLETED
    assert served.run("other", other) == ExitCode.COMPLETED
    served.start("killed", spec)
    os.kill(served.child(), signal.SIGKILL)
    assert json.loads(served.line())["code"] == 137
    assert served.run("refused", {**spec, "initialisation": "none"}) == ExitCode.BAD_SPEC
    assert served.run("second", spec) == ExitCode.COMPLETED

    cold = Outcome(place.out("cold"))
    for name in ("first", "second"):
        warm = Outcome(place.out(name))
        assert_same_run(warm, cold, WEIGHTS[backend])
        for file in ("parameters.json", "environment.json", *(f for f in cold.result.files if "checkpoint/" in f)):
            assert warm.result.files[file] == cold.result.files[file], file
    assert Outcome(place.out("other")).losses != cold.losses


def test_a_stopped_run_goes_on_warm_to_the_same_bits(served: Server) -> None:
    place = served.place
    spec = place.spec({"backend": served.backend, "recipe.epochs": 40})
    assert served.run("whole", spec) == ExitCode.COMPLETED
    served.start("stopped", spec)
    events = place.out("stopped") / "events.jsonl"
    while not (events.exists() and events.read_text().count('"step"') > 4):
        assert served.process.poll() is None
        time.sleep(0.01)
    served.say({"stop": "stopped"})
    assert json.loads(served.line())["code"] == ExitCode.TERMINATED
    assert (place.out("stopped") / "state").is_dir()
    assert served.run("stopped", spec) == ExitCode.COMPLETED
    assert_same_run(Outcome(place.out("stopped")), Outcome(place.out("whole")), WEIGHTS[served.backend])
