"""The cage of the environment runtime, tried from inside; what this kernel does not offer is skipped, and said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seedwise.execution.engines.leases import usable_gpus
from seedwise.runtimes import cage
from seedwise.runtimes.base import Lease
from seedwise.runtimes.held import CAGE_VARIABLE, offered_here, told
from seedwise.runtimes.venv import VenvRuntime
from tests.runtimes.conftest import Bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cage is Linux's")
LAUNCHER = Path(cage.__file__).with_name("launcher.py")
TRY = """
import json, os, socket, sys
def tried(step):
    try:
        step()
    except BaseException as error:
        return type(error).__name__
    return "done"
def loopback():
    listening = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(listening.getsockname(), timeout=3)
def inside(name):
    return os.path.join(sys.argv[1], name)
def move():
    open(inside("a"), "w").write("x")
    os.mkdir(inside("folder"))
    os.rename(inside("a"), inside("folder/a"))
    os.truncate(inside("folder/a"), 0)
    os.remove(inside("folder/a"))
    os.rmdir(inside("folder"))
out = sys.argv[2]
print(json.dumps({
    "reach": tried(lambda: socket.create_connection(("192.0.2.1", 9), timeout=0.2)),
    "datagram": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9))),
    "loopback": tried(loopback),
    "local": tried(lambda: socket.socketpair()),
    "inside": tried(move),
    "null": tried(lambda: open(os.devnull, "w").write("x")),
    "shared": tried(lambda: __import__("multiprocessing").Semaphore(1)),
    "read": tried(lambda: open(os.path.join(out, "file")).read()),
    "outside": [
        tried(lambda: open(os.path.join(out, "new"), "w")),
        tried(lambda: open(os.path.join(out, "file"), "a")),
        tried(lambda: os.truncate(os.path.join(out, "file"), 0)),
        tried(lambda: os.remove(os.path.join(out, "file"))),
        tried(lambda: os.mkdir(os.path.join(out, "folder"))),
        tried(lambda: os.symlink("x", os.path.join(out, "link"))),
        tried(lambda: os.link(os.path.join(out, "file"), inside("other"))),
        tried(lambda: os.rename(os.path.join(out, "file"), inside("taken"))),
    ],
    "name": tried(lambda: open("/proc/self/comm", "w").close()),
    "signal": tried(lambda: os.kill(os.getppid(), 0)),
    "network of the parent": tried(lambda: os.open(f"/proc/{os.getppid()}/ns/net", os.O_RDONLY)),
    "much": tried(lambda: bytearray(1 << 30)),
    "some": tried(lambda: bytearray(64 << 20)),
    "raised": tried(lambda: __import__("resource").setrlimit(2, (1 << 40, 1 << 40))),
    "nice": os.nice(0),
}))
"""
REFUSED = {"PermissionError", "OSError"}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own cannot be."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def caged(place: Path, user: int | None, **asked: Any) -> dict[str, Any]:
    """What a process finds that is held as asked; `user` is another than root, where the tests are root."""
    inside, outside = place / "inside", place / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        folder.chmod(0o777)
    (outside / "file").write_text("x")
    (outside / "file").chmod(0o666)
    given = {"network": None, "writable": None, "memory": None, **asked}
    if given["writable"]:
        given["writable"] = [str(inside)]
    words = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), "-", json.dumps(given)]
    who: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    try:
        answer = subprocess.run(
            [*words, sys.executable, "-I", "-S", "-c", TRY, str(inside), str(outside)],
            capture_output=True, text=True, timeout=60, cwd=inside, **who,
        )  # fmt: skip
    except PermissionError:
        pytest.skip("another user cannot start this interpreter")
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def offers(part: str, way: str) -> None:
    found = cage.offered()
    if found.get(part) != way and not (way == "filter" and "network" in found):
        pytest.skip(f"this kernel holds {part} by {found.get(part, 'nothing')}")


USERS = [None, pytest.param(65534, marks=pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user"))]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("way", ["namespace", "filter"])
def test_the_network_is_out_of_reach(place: Path, way: str, user: int | None) -> None:
    offers("network", way)
    found = caged(place, user, network=way)
    assert found["reach"] in REFUSED
    assert found["datagram"] in REFUSED
    assert found["local"] == "done"
    assert found["loopback"] == ("done" if way == "namespace" else "PermissionError")
    if way == "namespace":
        assert found["network of the parent"] == "PermissionError"
    assert found["shared"] == "done"
    assert found["nice"] == os.nice(0) + 5


@pytest.mark.parametrize("user", USERS)
def test_only_what_is_lent_can_be_written(place: Path, user: int | None) -> None:
    offers("writing", "landlock")
    found = caged(place, user, writable=True)
    assert set(found["outside"]) <= REFUSED
    assert (place / "outside" / "file").read_text() == "x"
    assert found["inside"] == found["null"] == found["shared"] == found["read"] == "done"
    if os.uname().release >= "6.12":
        assert found["signal"] == "PermissionError"


@pytest.mark.parametrize("gpu", [False, True])
def test_a_run_on_a_gpu_names_its_threads(place: Path, gpu: bool) -> None:
    """CUDA's driver does not start where it cannot."""
    offers("writing", "landlock")
    found = caged(place, None, writable=True, gpu=gpu)
    assert (found["name"] == "done") == gpu
    assert set(found["outside"]) <= REFUSED


@pytest.mark.parametrize("user", USERS)
def test_memory_ends_where_it_was_said_to(place: Path, user: int | None) -> None:
    offers("writing", "landlock")
    found = caged(place, user, memory=512 << 20, network=offered_here().get("network"))  # type: ignore[union-attr]
    assert found["much"] == "MemoryError"
    assert found["some"] == "done"
    assert found["raised"] in {"ValueError", "PermissionError"}


def test_nothing_is_started_outside_of_a_cage_that_was_promised(tmp_path: Path) -> None:
    words = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), "-"]
    asked = json.dumps({"network": None, "writable": [str(tmp_path / "nowhere")], "memory": None})
    answer = subprocess.run([*words, asked, "/bin/touch", str(tmp_path / "x")], capture_output=True, text=True)
    assert answer.returncode == 126
    assert "was not started" in answer.stderr
    assert not (tmp_path / "x").exists()


@pytest.fixture
def runtime(bench: Bench) -> VenvRuntime:
    program = bench.project.root / "probe" / "__main__.py"
    program.write_text(program.read_text().replace('"backend": "probe"', '"backend": "script"'))
    return VenvRuntime(bench.project, "cpu")


def seen(bench: Bench, runtime: VenvRuntime, lease: Lease | None = None) -> dict[str, Any]:
    launch = bench.launch(runtime, "look", backend="script", lease=lease)
    ended = runtime.start(launch).wait()
    assert ended.code == 0, ended.log
    return dict(json.loads((launch.out / "seen.json").read_text()))


def test_a_run_is_in_the_cage_that_the_first_line_tells(bench: Bench, runtime: VenvRuntime) -> None:
    found, held = seen(bench, runtime), offered_here()
    assert held is not None
    words = told("cpu")
    assert ("no network" in words) == (found["network"] != "reached") == ("network" in held)
    if held.get("network") == "namespace":
        assert found["interfaces"] == ["lo"]
    if "writing" in held:
        assert "writes in its own folders only" in words
        assert "written" not in found["writes"].values()
    assert "it reads what you can read" in words


@pytest.mark.gpu
@pytest.mark.skipif(not usable_gpus(), reason="no CUDA device is usable here")
def test_with_a_gpu_all_but_memory_is_held(bench: Bench, runtime: VenvRuntime) -> None:
    alone, found = seen(bench, runtime), seen(bench, runtime, Lease((0,), ("0",)))
    assert found["writes"] == alone["writes"]
    assert found["network"] == alone["network"]
    assert "memory" in told("cuda").partition("not held here: ")[2]


@pytest.mark.skipif(bool(usable_gpus()), reason="a CUDA device is usable here")
def test_where_the_driver_does_not_start_in_a_cage_there_is_none_and_it_is_said(
    bench: Bench, runtime: VenvRuntime
) -> None:
    assert seen(bench, runtime, Lease((0,), ("0",)))["writes"]["/tmp/probe"] == "written"
    assert told("cuda") == "no cage: network, files and memory are not limited"


def test_the_cage_can_be_left_off_and_it_is_said(
    bench: Bench, runtime: VenvRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CAGE_VARIABLE, "off")
    assert seen(bench, runtime)["writes"]["/tmp/probe"] == "written"
    assert told("cpu") == "no cage, as SEEDWISE_CAGE says: network, files and memory are not limited"


def test_what_hoards_memory_ends_soon(bench: Bench, runtime: VenvRuntime) -> None:
    begun = time.monotonic()
    ended = runtime.start(bench.launch(runtime, "hoard", backend="script", memory=256 << 20)).wait()
    assert ended.code == 1
    assert "MemoryError" in ended.log
    assert time.monotonic() - begun < 20
