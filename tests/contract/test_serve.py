"""The verb `serve`, by the fake backend: every request in a process of its own, whatever happens to the one before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.workplace import ROOT, Outcome, Workplace

FAKE = ROOT / "tests" / "fakes" / "fake_backend.py"


class Server:
    """A started server, and requests to it about runs of the perceptron."""

    def __init__(self, place: Workplace, *words: str) -> None:
        self.place = place
        paths = [str(ROOT / "backends" / "contract" / "src"), str(ROOT)]
        self.process = subprocess.Popen(
            [sys.executable, str(FAKE), "serve", "--threads", "1", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            text=True,
        )

    def ask(self, name: str, trouble: str = "none", **changes: Any) -> None:
        fields = {"backend": "fake", "initialisation": "none", "method.name": "perceptron"}
        spec = self.place.spec({**fields, "method.parameters": {"trouble": trouble}, **changes})
        paths = {"spec": self.place.write(name, spec), "out": self.place.out(name)}
        roots = {"data": self.place.data, "models": self.place.models}
        self.say({"id": name, **{field: str(path) for field, path in {**paths, **roots}.items()}})

    def say(self, value: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def outcome(self, name: str, trouble: str = "none") -> tuple[str, int]:
        self.ask(name, trouble)
        answer = self.answer()
        return answer["id"], answer["code"]

    def stepped(self, name: str) -> None:
        """Wait until the run `name` trains."""
        events = self.place.out(name) / "events.jsonl"
        end = time.monotonic() + 60
        while not (events.exists() and '"step"' in events.read_text()):
            assert time.monotonic() < end, "it did not begin"
            time.sleep(0.02)

    def hang_up(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=60)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    server = Server(place)
    assert server.answer() == {"ready": True}
    yield server
    server.process.kill()
    server.process.wait()
    for pipe in (server.process.stdin, server.process.stdout):
        assert pipe is not None
        pipe.close()


def text(place: Workplace, name: str, file: str) -> str:
    return (place.out(name) / file).read_text()


def test_what_one_request_does_to_its_process_ends_with_it(server: Server, place: Workplace) -> None:
    assert server.outcome("first") == ("first", 0)
    assert server.outcome("killed", "kill") == ("killed", 137)
    assert server.outcome("full", "oom") == ("full", 4)
    assert server.outcome("crashed", "crash") == ("crashed", 5)
    assert "RuntimeError: a fault in the backend" in text(place, "crashed", "backend.log")
    assert server.outcome("faulty", "no such trouble") == ("faulty", 2)
    assert server.outcome("last") == ("last", 0)
    for split in ("selection", "test"):
        file = f"predictions/{split}.jsonl"
        assert text(place, "first", file) == text(place, "last", file)
    assert Outcome(place.out("first")).losses == Outcome(place.out("last")).losses
    assert server.hang_up() == 0


def test_a_stop_reaches_its_run_alone_and_the_saved_state_is_gone_on_from(server: Server, place: Workplace) -> None:
    server.ask("slow", "slow")
    server.ask("waiting")
    server.ask("after")
    server.stepped("slow")
    server.say({"stop": "nobody"})
    server.say({"stop": "waiting"})
    assert server.answer() == {"id": "waiting", "code": 143, "seconds": 0.0}
    server.say({"stop": "slow"})
    assert server.answer()["code"] == 143
    assert (place.out("slow") / "state" / "state.json").is_file()
    assert not (place.out("waiting") / "result.json").exists()
    assert server.answer()["id"] == "after"
    assert server.hang_up() == 0


def test_sigterm_saves_the_run_and_ends_the_server(server: Server, place: Workplace) -> None:
    server.ask("slow", "slow")
    server.ask("waiting")
    server.stepped("slow")
    server.process.send_signal(signal.SIGTERM)
    assert [server.answer()["code"], server.answer()["code"]] == [143, 143]
    assert server.process.wait(timeout=60) == 143
    assert (place.out("slow") / "state" / "state.json").is_file()


def test_the_end_of_its_input_lets_it_finish(server: Server, place: Workplace) -> None:
    server.ask("one")
    server.ask("two")
    assert server.hang_up() == 0
    assert [server.answer()["code"], server.answer()["code"]] == [0, 0]


def test_a_killed_server_takes_its_run_along(server: Server, place: Workplace) -> None:
    server.ask("slow", "slow")
    server.stepped("slow")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    assert len(children) == 1
    server.process.kill()
    server.process.wait()
    end = time.monotonic() + 20
    while Path(f"/proc/{children[0]}/root").exists():  # a zombie has none
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_it_is_not_the_server_for_is_refused(server: Server) -> None:
    server.ask("threads", **{"device.threads": 2})
    refused = server.answer()
    assert (refused["id"], refused["code"]) == ("threads", 2)
    assert "device.threads: found 2, but this server was started with --threads 1" in refused["refused"]
    server.ask("device", **{"device.kind": "cuda"})
    assert "device.kind: found 'cuda'" in server.answer()["refused"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ([1], "not a JSON object"),
        ({"id": "a", "out": "/out"}, "spec: found null"),
        ({"id": "a", "spec": "s", "out": 3}, "out: found 3"),
        ({"id": "a", "spec": "s", "out": "o", "sead": "1"}, "sead: no field of a request"),
    ],
)
def test_a_bad_request_is_answered(server: Server, request_: Any, said: str) -> None:
    server.say(request_)
    answer = server.answer()
    assert answer["code"] == 2
    assert said in answer["refused"]
    assert server.outcome("good") == ("good", 0)


def test_a_spec_that_cannot_be_read_is_a_typed_failure(server: Server, place: Workplace) -> None:
    server.say({"id": "a", "spec": str(place.folder / "absent.json"), "out": str(place.out("a"))})
    assert server.answer()["code"] == 2
    assert json.loads(text(place, "a", "result.json"))["reason"] == "bad_spec"


def test_what_a_run_leaves_running_is_ended_before_the_next(server: Server, place: Workplace) -> None:
    server.ask("leaves", "leave_behind")
    assert server.answer()["code"] == 0
    left = int(text(place, "leaves", "left"))
    assert not Path(f"/proc/{left}").exists()


def test_threads_of_an_import_forbid_it() -> None:
    text = (
        "import sys, threading, time\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'backends/contract/src')!r}]\n"
        "from seedwise_contract.command import main\n"
        "from tests.fakes.fake_backend import FakeBackend\n"
        "class Threaded(FakeBackend):\n"
        "    def warm(self, threads):\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "sys.exit(main(Threaded(), ['serve', '--threads', '1']))\n"
    )
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "1 thread(s) were started by imports" in ended.stderr
